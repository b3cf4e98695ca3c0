"""Markdown as plain text: the words of a page, without its markup."""

import html
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token

_KEY = r"""["']?\w[\w .-]{0,40}["']?[ \t]*:(?=\s|\Z)"""
_FRONT_MATTER = re.compile(
    rf"\A(?:---[ \t]*\r?\n(?:#[^\n]*\n)*{_KEY}.*?^(?:---|\.\.\.)|\+\+\+[ \t]*\r?\n.*?^\+\+\+)"
    r"[ \t]*(?:\r?\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
_HTML = re.compile(
    r"<!--.*?-->|<(script|style)\b.*?</\1>|<[!?][^>]*>"
    r"""|</?(?P<tag>[a-z][\w-]*)(?:(?:[^<>"']|"[^"]*"|'[^']*')*|[^<>]*)>""",
    re.DOTALL | re.IGNORECASE,
)
_LINES = re.compile(
    "h[1-6r]|br|p|div|pre|ul|ol|li|d[ltd]|table|caption|t(?:head|body|foot)|tr|address|article|"
    "aside|blockquote|body|center|details|fig(?:ure|caption)|footer|form|header|main|nav|option|"
    "section|summary|title",
    re.IGNORECASE,
)
_CELLS = re.compile("t[dh]", re.IGNORECASE)
_CLOSE = {"paragraph_close", "heading_close", "table_close", "bullet_list_close"}


def plain_text(markdown: str) -> str:
    """Return the text of a Markdown (CommonMark, with tables) page.

    Headings, paragraphs, list items and table rows stay, each on a line of its own, with wrapped
    lines joined; links and images leave their words, inline code its characters. Front matter,
    code blocks, link targets, HTML tags and comments go; tags of blocks and `<br>` end a line.
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
            words = _inline(token.children or []).split("\n")
            if cells is None:
                lines.append("\n".join(map(str.strip, words)).strip())
            else:
                cells.append(" ".join(" ".join(words).split()))
        elif token.type == "html_block":
            lines.append(_html_block(token.content))
        elif token.type in _CLOSE:
            lines.append("")
    return re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _html_block(block: str) -> str:
    """The words of a block of HTML, without empty lines."""
    plain = html.unescape(_HTML.sub(_left, block))
    return "\n".join(filter(None, (" ".join(line.split()) for line in plain.splitlines())))


def _left(tag: re.Match[str]) -> str:
    """What stands in place of an HTML tag: a line end, a space or nothing."""
    name = tag["tag"] or ""
    return "\n" if _LINES.fullmatch(name) else " " if _CELLS.fullmatch(name) else ""


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
        elif token.type == "html_inline":
            parts.append(_HTML.sub(_left, token.content))
        elif token.type == "image":
            parts.append(_inline(token.children or []))
        elif token.type in ("text", "code_inline") and not target:
            parts.append(token.content)
    return "".join(parts)
