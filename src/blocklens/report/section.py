"""A section of the report as data.

Each part of blocklens that has something to show builds a `Section` from the study folder; the page
knows nothing else about it. Charts are drawn on the page and written to `figures/`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from markupsafe import Markup

from blocklens.report.folder_reading import StudyFolder


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart with the sentence that says what is compared with what.

    `name` is the stem of its files in `figures/`: letters, digits and hyphens, unique in the
    report. `chart` is an Altair chart. `place`: "after" draws it after the section's markup;
    "html" leaves it to that markup (macro `figure` of macros.html.j2); "files" writes files only;
    "linked" links to the chart of that name in another section.
    """

    name: str
    chart: Any
    caption: str
    place: Literal["after", "html", "files", "linked"] = "after"


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of the page: an introduction, figures, and what else it needs.

    `html` is trusted markup shown after the introduction (render it with autoescaping); `data` is
    given to the page's scripts as JSON under the section's `id`; `script` is plain JavaScript that
    reads it with `blocklens.data(id)`.
    """

    id: str
    title: str
    intro: str = ""
    figures: tuple[Figure, ...] = ()
    html: Markup = field(default_factory=Markup)
    data: Mapping[str, Any] = field(default_factory=dict)
    script: str = ""

    def __post_init__(self) -> None:
        """Refuse names that could not be file names and HTML ids."""
        for name in (self.id, *(figure.name for figure in self.figures)):
            if not name or not all(c.isalnum() or c == "-" for c in name) or not name.isascii():
                raise ValueError(f"{name!r}: expected letters, digits and hyphens")


SectionBuilder = Callable[[StudyFolder], Section | None]
"""Builds a section from the folder, or None where its tables are not there."""
