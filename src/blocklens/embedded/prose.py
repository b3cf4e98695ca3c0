"""English prose that comes with Python itself: the language reference in `pydoc_data.topics`.

No text has to be copied into this package. What is left after cleaning is technical English about
one subject: good enough to see the instrument work, and no sample of the language.
"""

from __future__ import annotations

import platform
import re

from blocklens.inputs.texts import TextSource

SHORTEST = 40
"""Words that a section needs to count as a text."""

_HEADING = re.compile(r"^([^\s].*)\n([*=\-~^\"])\2{2,}\n", re.MULTILINE)
_ITEM = re.compile(r"^(\*|\d+\.|\[\d+\]) +")


def prose() -> list[str]:
    """The sections of the language reference that hold prose, without headings, code or grammar."""
    from pydoc_data.topics import topics

    paragraphs: dict[str, None] = {}
    for topic in topics.values():
        parts = _HEADING.split(topic)
        # split gives the text before the first heading, then heading, its underline, text, ...
        for section in (parts[0], *parts[3::3]):
            text = "\n".join(
                clean(block) for block in re.split(r"\n\s*\n", section) if clean(block)
            )
            if len(text.split()) >= SHORTEST:
                paragraphs[text] = None  # some sections stand under two topics
    return list(paragraphs)


def clean(block: str) -> str:
    """One paragraph on one line; nothing for code, grammar and headings."""
    block = block.strip("\n")
    item = _ITEM.match(block)
    if item:
        block = block[item.end() :]
    elif block[:1] in ("", " ", ">", "|", "+") or "::=" in block:
        return ""
    words = " ".join(block.split())
    return words if words.endswith((".", ":", "?", "!", ")")) else ""


def texts(limit: int | None = None, *, strict: bool = False) -> TextSource:
    """The prose as texts to measure; see `TextSource` for `limit` and `strict`."""
    source = TextSource(prose(), limit=limit, strict=strict)
    source.description = f"the prose of Python {platform.python_version()}'s language reference"
    return source
