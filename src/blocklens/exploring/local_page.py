"""The explorer's page and its script and style, for the server and for a notebook."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from blocklens.report.page import json_markup, policy, theme_css
from blocklens.report.rendering import render, static

SCRIPTS = ("basics.js", "matrix.js", "explore.js")


def script(last: str) -> str:
    """The front end as one module; `last` starts or exports it."""
    return "\n".join([*map(static, SCRIPTS), last])


def style() -> str:
    """The front end's style, which touches nothing outside an element of the class `explorer`."""
    inside = static("report.css") + static("explore.css")
    return theme_css().replace(":root", ".explorer") + f".explorer {{\n{inside}}}\n"


def explorer_page(facts: dict[str, Any]) -> tuple[str, str]:
    """The page, and the content security policy that it is to be sent with."""
    code, css = script("explorePage();"), style()
    rule = f"{policy([code], css)}; connect-src 'self'; frame-ancestors 'none'"
    page = render(
        "explore.html.j2", title=facts["name"], css=Markup(css), facts=json_markup(facts),
        script=Markup(code),
    )  # fmt: skip
    return str(page), rule
