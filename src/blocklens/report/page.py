"""One self-contained page: its data, its scripts and Vega once; it asks the network for nothing.

A content security policy holds it to that: nothing is loaded, and only the scripts and the style
that stand in the page run, by their hashes. So text from a study cannot run even if it were not
escaped.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from blocklens.report.charts.style import THEME
from blocklens.report.first_screen import Shown
from blocklens.report.formatting import script_json
from blocklens.report.rendering import render, static, to_spec
from blocklens.report.section import Section
from blocklens.report.vega import vega_bundle


def page_html(
    *,
    kind: str,
    title: str,
    lead: str,
    sections: Sequence[Section],
    footer: str,
    findings: Sequence[Shown] = (),
    words: Sequence[tuple[str, str]] = (),
    warning: str = "",
) -> str:
    """The page as one HTML document.

    `kind` says what it is ("report"), `lead` what was measured; `warning`, `findings` and `words`
    belong to the first screen.
    """
    css = theme_css() + static("report.css")
    figures = [figure for section in sections for figure in section.figures]
    specs = {f.name: to_spec(f.chart) for f in figures if f.place in ("after", "html")}
    scripts = [static("basics.js"), static("page.js")]
    scripts += [section.script for section in sections if section.script]
    if specs or any(section.script for section in sections):
        scripts.insert(0, vega_bundle())
    return str(
        render(
            "page.html.j2",
            kind=kind,
            title=title,
            lead=lead,
            warning=warning,
            findings=findings,
            words=words,
            sections=sections,
            footer=footer,
            policy=policy(scripts, css),
            css=Markup(css),
            scripts=[Markup(script) for script in scripts],
            colours=json_markup({light: f"var(--{n})" for n, (light, _) in THEME.items()}),
            specs=json_markup(specs),
            data={s.id: json_markup(s.data) for s in sections if s.data},
        )
    )


def policy(scripts: Iterable[str], css: str) -> str:
    """The content security policy of a page with these scripts and this style and nothing else."""
    allowed = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(css)}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def theme_css() -> str:
    """The page's colours as CSS variables; dark on screens that ask for it, never in print."""
    light, dark = (
        " ".join(f"--{name}: {pair[mode]};" for name, pair in THEME.items()) for mode in (0, 1)
    )
    return (
        f":root {{ {light} color-scheme: light; }}\n"
        "@media screen and (prefers-color-scheme: dark) "
        f"{{ :root {{ {dark} color-scheme: dark; }} }}\n"
    )


def json_markup(value: object) -> Markup:
    """A value as JSON that is safe inside a script element."""
    return Markup(script_json(value))
