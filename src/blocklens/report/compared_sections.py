"""What the page of a comparison shows: every claim in every encoder, and every pair of studies."""

from typing import Any

import pandas as pd

from blocklens.claims.comparison import OTHER_OPTIONS, OTHER_TEXTS, SAME_TEXTS, Comparison
from blocklens.report.charts.compared import effects_side_by_side
from blocklens.report.claim_figures import slug
from blocklens.report.claims_section import DECIDED
from blocklens.report.formatting import interval, number
from blocklens.report.rendering import render
from blocklens.report.section import Figure, Section


def effects_section(comparison: Comparison) -> Section:
    """Claims x encoders: verdict, effect, interval, rank."""
    studies = list(dict.fromkeys(comparison.effects["study"]))
    decided = set(comparison.effects.loc[comparison.effects["verdict"].isin(DECIDED), "id"])
    groups = list(comparison.effects.groupby("id", sort=False))
    rows = []
    for _, of_claim in sorted(groups, key=lambda group: group[0] not in decided):
        cells: dict[str, Any] = {str(r["study"]): r for r in of_claim.to_dict("records")}
        ranked = of_claim["rank"].dropna()
        tied = len(ranked) > 1 and set(ranked) == {1}
        rows.append(
            {
                "statement": of_claim["statement"].iloc[0],
                "statistic": of_claim["statistic"].iloc[0],
                "tied": tied,
                "cells": [_cell(cells.get(study)) for study in studies],
            }
        )
    figures = [
        Figure(
            f"effects-{slug(str(name))}",
            effects_side_by_side(of_claim),
            f"{of_claim['statement'].iloc[0]} Effect in every encoder, with 95 % intervals.",
        )
        for name, of_claim in comparison.effects.dropna(subset=["effect"]).groupby("id", sort=False)
    ]
    return Section(
        id="claims",
        title="Claims",
        intro="Each statement in every encoder, with the verdict of its own study.",
        html=render("compared_effects.html.j2", studies=studies, rows=rows),
        figures=tuple(figures),
    )


def _cell(row: dict[str, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    rank = "" if pd.isna(row["rank"]) else int(row["rank"])
    shown = number(row["effect"]), interval(row["low"], row["high"])
    reason = row["reason"] if isinstance(row["reason"], str) else ""
    return {"verdict": row["verdict"], "shown": shown, "rank": rank, "reason": reason}


def differences_section(comparison: Comparison) -> Section:
    """Every pair of studies, claim by claim."""
    statements = dict(zip(comparison.effects["id"], comparison.effects["statement"], strict=True))
    groups = [
        (statements[name], [_difference(row) for row in rows.to_dict("records")])
        for name, rows in comparison.differences.groupby("id", sort=False)
    ]
    return Section(
        id="differences",
        title="Differences",
        intro=(
            "Ratios compare with 1, differences with 0. Each interval is 95 % by itself: of many "
            "pairs that are alike, one in twenty will seem to differ."
        ),
        html=render("compared_differences.html.j2", groups=groups),
    )


def _difference(row: dict[Any, Any]) -> dict[str, Any]:
    between = " / " if row["scale"] == "ratio" else " less "
    return {
        "pair": f"{row['first']}{between}{row['second']}",
        "shown": (number(row["value"]), interval(row["low"], row["high"])),
        "says": f"{row['above']} has more" if row["above"] else "cannot be told apart",
        "how": row["how"],
        "marked": row["how"] in (SAME_TEXTS, OTHER_TEXTS, OTHER_OPTIONS),
    }
