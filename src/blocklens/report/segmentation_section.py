"""Texts in segments with the strength of every border, and how good ways to segment are."""

from typing import Any

import pandas as pd

from blocklens.report import charts
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.formatting import number
from blocklens.report.rendering import render
from blocklens.report.section import Figure, Section
from blocklens.segmentation.baselines import BASELINES
from blocklens.segmentation.evaluate import UNTRAINED
from blocklens.segmentation.summary import SUMMARISED
from blocklens.wording import counted

MOST_TEXTS = 20
"""Texts that the page shows; the tables have all."""
WITHOUT_ENCODER = (*BASELINES, UNTRAINED)
"""Ways to segment that use no trained encoder."""


def scores_section(folder: StudyFolder) -> Section | None:
    """How good each way to segment is, from the table `summary` of an evaluation."""
    summary = folder.table("summary")
    if summary is None:
        return None
    figures, tables = [], []
    for known, words in ((False, "found"), (True, "given")):
        rows = summary.loc[summary["known"] == known]
        if rows.empty:
            continue
        figures.append(
            Figure(
                f"pk-{words}",
                charts.segmentation_scores(summary, known=known, baselines=WITHOUT_ENCODER),
                f"Mean Pk of every way to segment, the number of segments {words}; grey ways use "
                "no trained encoder.",
            )
        )
        tables.append({"words": words, "rows": [_row(r) for r in _records(rows)]})
    counts = sorted({int(n) for n in summary["documents"]})
    return Section(
        id="scores",
        title="How good the segments are",
        intro=(
            f"On {' or '.join(counted(n, 'document') for n in counts)} whose true segments are "
            "known. Pk and WindowDiff are errors, boundary similarity is agreement."
        ),
        html=render("scores.html.j2", tables=tables, measures=list(SUMMARISED.values())),
        figures=tuple(figures),
    )


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return rows.sort_values("pk", kind="stable").to_dict("records")  # type: ignore[return-value]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    cells = [
        {"value": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"]}
        for name in SUMMARISED
    ]
    baseline = str(row["method"]).split()[0] in WITHOUT_ENCODER
    return {"method": row["method"], "baseline": baseline, "cells": cells}


def segments_section(folder: StudyFolder) -> Section | None:
    """Each text in its segments below the strength along it, from the table `sentences`."""
    sentences = folder.table("sentences")
    if sentences is None:
        return None
    figures, texts = [], []
    groups = [(int(n), part) for n, part in sentences.groupby("text", sort=True)]  # type: ignore[call-overload]
    for k, part in groups[:MOST_TEXTS]:
        figure = None
        if len(part) > 1:
            figure = Figure(
                f"borders-of-text-{k}",
                charts.boundaries(part),
                "How strong the border after each sentence is; hover a bar for the sentences on "
                "both sides.",
                place="html",
            )
            figures.append(figure)
        texts.append({"name": part["name"].iloc[0], "figure": figure, "segments": _segments(part)})
    left_out = len(groups) - len(texts)
    return Section(
        id="segments",
        title="Segments",
        intro=(
            "A bar that stands high is a border across which the sentences differ more than those "
            "beside it. The methods context, both and blocks divide where whole segments fit best, "
            "which need not be at the highest bars."
            + (f" In the table only: {counted(left_out, 'more text')}." if left_out else "")
        ),
        html=render("segments.html.j2", texts=texts),
        figures=tuple(figures),
    )


def _segments(part: pd.DataFrame) -> list[dict[str, Any]]:
    """The segments of one text: number, sentences, and the strength of the border before it."""
    segments, before = [], None
    for segment, rows in part.groupby("segment", sort=True):
        segments.append(
            {
                "number": int(segment) + 1,  # type: ignore[arg-type]
                "sentences": [str(content) for content in rows["content"]],
                "strength": None if before is None else number(before),
            }
        )
        before = float(rows["strength"].iloc[-1])
    return segments
