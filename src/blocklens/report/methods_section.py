"""Methods: what the words mean, which options were used, and the sweep over the cut."""

import json
from collections.abc import Iterator
from typing import Any

from blocklens.labels.tasks import FINE_TUNED, IMAGE, TEXT
from blocklens.report import charts
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.rendering import render
from blocklens.report.section import Figure, Section
from blocklens.report.terms import (
    IMAGE_TERMS,
    LABEL_TERMS,
    P1_TERMS,
    PAIR_TERMS,
    SCORE_TERMS,
    STRENGTH_TERMS,
    TEXT_TERMS,
    Term,
)
from blocklens.safe_text import public_name
from blocklens.wording import counted


def terms_of(folder: StudyFolder) -> tuple[Term, ...]:
    """The terms that this study's tables use."""
    if folder.of_task("learning", IMAGE) is not None:
        heads = PAIR_TERMS if folder.table("image_heads") is not None else ()
        return (*LABEL_TERMS, *heads, *IMAGE_TERMS)
    for table, own in (("scores", SCORE_TERMS), ("sentences", STRENGTH_TERMS)):
        if folder.table(table) is not None:
            return own
    classes = any(folder.of_task("learning", task) is not None for task in (TEXT, FINE_TUNED))
    heads = P1_TERMS if folder.table("heads") is not None or not classes else ()
    return (*heads, *LABEL_TERMS, *TEXT_TERMS) if classes else heads


def methods_section(folder: StudyFolder) -> Section:
    """Definitions in short, options, versions, and the sweep."""
    heads = folder.table("heads")
    figures: tuple[Figure, ...] = ()
    chart = None if heads is None else charts.sweep(heads)
    if chart is not None:
        figures = (
            Figure(
                "sweep-over-the-cut",
                chart,
                "Every statistic of the high-similarity pairs (observed / null) along the blocks, "
                "at each cut q: a finding that turns with the cut is a finding about the cut.",
            ),
        )
    study = folder.study
    return Section(
        id="methods",
        title="Methods",
        intro=(
            "“paper” marks what a paper states, “code” what was read from the group's own code for "
            "a sister paper, “review” what is known of a paper second hand, “ours” what is our "
            "operational choice because the paper's own is not known."
        ),
        html=render(
            "methods.html.j2",
            terms=terms_of(folder),
            measured=list(provenance(study)),
            noun="image" if "images" in study else "text",
            skipped=_inputs(study).get("skipped", 0),
            skipped_list=_inputs(study).get("skipped_list", []),
            options=list(flat_options(study.get("options", {}))),
            versions=study.get("versions", {}),
        ),
        figures=figures,
    )


def _inputs(study: dict[str, Any]) -> dict[str, Any]:
    return study.get("images") or study.get("texts") or {}


def provenance(study: dict[str, Any]) -> Iterator[str]:
    """How the numbers came to be, a sentence each: the encoder, windows, controls, date, notes."""
    yield f"The encoder: {public_name(str(study.get('encoder', '')))}."
    windows = _inputs(study).get("windows")
    if windows is not None:
        yield f"The texts went through in {counted(windows, 'window')}."
    untrained = study.get("options", {}).get("untrained", 0)
    if untrained:
        yield (
            f"Untrained twins have seeds 0 to {untrained - 1}."
            if untrained > 1
            else "The untrained twin has seed 0."
        )
    yield from map(str, study.get("notes", []))
    if study.get("created"):
        yield f"Measured {str(study['created'])[:16].replace('T', ' ')} UTC."


def flat_options(options: dict[str, Any], prefix: str = "") -> Any:
    """Nested options as (dotted name, text) pairs."""
    for key, value in options.items():
        if isinstance(value, dict):
            yield from flat_options(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", option_text(value)


def option_text(value: Any) -> str:
    """An option's value as a reader writes it."""
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value)
