"""Text from outside, written so that nothing in it acts: no HTML, no formulas, no private paths."""

from __future__ import annotations

import re
from pathlib import Path

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def writable(name: str) -> str:
    r"""A file's name so that any file can hold it: bytes that are no UTF-8 are written as \xe9."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def without_html(markdown: str) -> str:
    """Markdown whose raw HTML is text; fenced code, which shows it as text, stays."""
    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else part.replace("<", "&lt;") for part in parts)


def without_formula(cell: str) -> str:
    """A cell of a table that no spreadsheet runs: a quote before what looks like a formula."""
    if not cell.startswith(FORMULA) or re.fullmatch(r"[+-]?\d+(\.\d+)?", cell):
        return cell
    return f"'{cell}"


def public_name(source: str) -> str:
    """A file or folder by its own name; a Hub id or a description as it is.

    What is published travels, the folders of its maker's machine not.
    """
    place = Path(source)
    try:
        return place.name if place.is_absolute() or place.exists() else source
    except OSError:  # a description too long for a path
        return source
