"""The page's templates and static files, and charts as specifications for it."""

from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from blocklens.report.formatting import interval, number


@cache
def environment() -> jinja2.Environment:
    """Autoescaping templates; an unknown name in one is an error."""
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("blocklens.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["number"] = number
    env.filters["interval"] = lambda row: interval(row["low"], row["high"])
    return env


def render(template: str, **values: Any) -> Markup:
    """A template of this package as markup, its values escaped."""
    return Markup(environment().get_template(template).render(**values))


@cache
def static(name: str) -> str:
    """The text of a file in `static/`."""
    return (files("blocklens.report") / "static" / name).read_text("utf-8")


def to_spec(chart: Any) -> dict[str, Any]:
    """An Altair chart as a Vega-Lite specification without the address of its schema.

    Not validated here: the tests validate every chart, and it would double the time of a report.
    """
    spec = chart.to_dict(validate=False)
    spec.pop("$schema", None)
    return spec
