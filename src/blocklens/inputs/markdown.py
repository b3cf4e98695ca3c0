"""Markdown as plain text: the words of a page, without its markup."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token

_FRONT_MATTER = re.compile(
    r"\A(---|\+\+\+)[ \t]*\r?\n.*?^\1[ \t]*(\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
_HTML = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_CLOSE = {"paragraph_close", "heading_close", "table_close", "bullet_list_close"}


def plain_text(markdown: str) -> str:
    """Return the text of a Markdown (CommonMark, with tables) page.

    Headings, paragraphs, list items and table rows stay, each on a line of its own, with wrapped
    lines joined; links and images leave their words, inline code its characters. Front matter,
    code blocks, link targets, HTML tags and comments go.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])
    lines: list[str] = []
    cells: list[str] | None = None
    for token in parser.parse(_FRONT_MATTER.sub("", markdown, count=1)):
        if token.type == "tr_open":
            cells = []
        elif token.type == "tr_close" and cells is not None:
            lines.append(" ".join(filter(None, cells)))
            cells = None
        elif token.type == "inline":
            words = _inline(token.children or [])
            (lines if cells is None else cells).append(words)
        elif token.type == "html_block":
            lines.append(_HTML.sub("", token.content).strip())
        elif token.type in _CLOSE:
            lines.append("")
    return re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _inline(tokens: Iterable["Token"]) -> str:
    parts: list[str] = []
    target = False  # within <https://...>, a link that is its own target
    for token in tokens:
        if token.type in ("link_open", "link_close"):
            target = token.type == "link_open" and token.markup == "autolink"
        elif token.type == "softbreak":
            parts.append(" ")
        elif token.type == "hardbreak":
            parts.append("\n")
        elif token.type == "image":
            parts.append(_inline(token.children or []))
        elif token.type in ("text", "code_inline") and not target:
            parts.append(token.content)
    return "".join(parts)
