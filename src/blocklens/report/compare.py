"""Compare studies: one offline page and two tables, from study folders alone.

report.html            claims x encoders with verdicts, effects and intervals
tables/effects         every claim's effect in every study, ranked
tables/differences     every pair of studies
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from blocklens.claims.comparison import (
    OTHER_TEXTS,
    SAME_TEXTS,
    Compared,
    Comparison,
    begins_to_hold,
    compare_studies,
)
from blocklens.errors import UserError
from blocklens.report.charts.compared import along_steps, effects_side_by_side
from blocklens.report.claim_figures import slug
from blocklens.report.claims_section import DECIDED
from blocklens.report.first_screen import model_name
from blocklens.report.folder_reading import StudyFolder, as_written
from blocklens.report.formatting import interval, number
from blocklens.report.page import page_html
from blocklens.report.rendering import render
from blocklens.report.section import Figure, Section
from blocklens.storage import locked, output_folder, write_json, write_table, write_text

WORDS = (
    ("Effect", "What the claim measures, with its 95 % interval; claims have units of their own."),
    (
        "Rank",
        "1 is the largest effect. Studies that cannot be told apart share a rank: the interval of "
        "their difference includes no difference at all.",
    ),
    (
        "Paired",
        "The same texts in both studies, each group of texts left out of both at once: what makes "
        "a text hard for both cancels.",
    ),
)


def compare(*studies: Path | str, out: Path | str | None = None) -> Comparison:
    """Set studies side by side: each claim's verdict, effect and interval, and every difference.

    Args:
        studies: two or more study folders.
        out: a folder for the page and the tables; None writes nothing.

    Raises:
        UserError: fewer than two studies, a folder without a study or without claims, or an output
            folder that cannot be written.

    Examples:
        >>> import blocklens
        >>> texts = [f"Day {n}. The river rose. The river fell." for n in range(12)]
        >>> options = blocklens.StudyOptions(parts="heads", untrained=0, shuffled=False)
        >>> for name, encoder in {"trained": "embedded", "again": "embedded"}.items():
        ...     _ = blocklens.study(texts, encoder, name, options=options, report=False)
        >>> comparison = blocklens.compare("trained", "again")
        >>> set(comparison.differences["above"])  # no statement tells an encoder from itself
        {''}

    """
    if len(studies) < 2:
        raise UserError("compare: give two or more study folders")
    folders = [StudyFolder.read(Path(study)) for study in studies]
    compared = []
    for folder, name in zip(folders, names(folders), strict=True):
        if folder.table("claims") is None:
            raise UserError(f"{folder.path}: a study without claims; there is nothing to compare")
        encoder = str(folder.study.get("encoder", ""))
        hashes = folder.study.get("hashes", {})
        inputs = " ".join(hashes[kind] for kind in sorted(hashes) if kind != "encoder")
        compared.append(Compared(name, encoder, inputs, folder.tables))
    with as_written(*(folder.path for folder in folders)):
        comparison = compare_studies(compared)
        if out is not None:
            write_comparison(comparison, folders, Path(out))
    return comparison


def names(folders: Sequence[StudyFolder]) -> list[str]:
    """What each study is called: its model, and its folder where models share a name."""
    models = [model_name(str(folder.study.get("encoder", "encoder"))) for folder in folders]
    named = [
        model if models.count(model) == 1 else f"{model} ({folder.path.resolve().name})"
        for model, folder in zip(models, folders, strict=True)
    ]
    repeated = {name for name in named if named.count(name) > 1}
    if repeated:
        raise UserError(f"{min(repeated)}: the same study twice; give each folder once")
    return named


def write_comparison(comparison: Comparison, folders: Sequence[StudyFolder], out: Path) -> None:
    """Write the page and the tables into a folder of its own."""
    output_folder(out, "comparison.json")
    named = list(dict.fromkeys(comparison.effects["study"]))
    encoders = {str(folder.study.get("encoder", "")) for folder in folders}
    what = "encoders" if len(encoders) == len(named) else "studies"
    sections = [effects_section(comparison), differences_section(comparison)]
    if comparison.series is not None:
        sections.insert(1, training_section(comparison.series))
    page = page_html(
        kind="comparison",
        title=f"{len(named)} {what} side by side",
        lead=f"{', '.join(named[:-1])} and {named[-1]}. {texts_words(comparison)}",
        words=WORDS,
        sections=sections,
        footer="Every number is in the tables folder beside this page.",
    )
    with locked(out):
        write_json({"studies": [str(folder.path) for folder in folders]}, out / "comparison.json")
        write_table(comparison.effects, out / "tables" / "effects.parquet")
        write_table(comparison.differences, out / "tables" / "differences.parquet")
        write_text(page, out / "report.html")


def texts_words(comparison: Comparison) -> str:
    """Whether the studies share their texts, in one sentence."""
    how = set(comparison.differences["how"])
    if how <= {OTHER_TEXTS}:
        return "They were measured on different texts: a difference may be the texts'."
    if OTHER_TEXTS in how:
        return "Not all were measured on the same texts: other pairs are marked."
    return "All were measured on the same texts."


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
        "marked": row["how"] in (SAME_TEXTS, OTHER_TEXTS),
    }


def training_section(series: pd.DataFrame) -> Section:
    """The checkpoints of one run as a series, and when each statement begins to hold."""
    known = series.dropna(subset=["effect"])
    figures = [
        Figure(
            f"training-{slug(str(name))}",
            along_steps(rows),
            f"{rows['statement'].iloc[0]} Effect at every checkpoint, with 95 % intervals; filled "
            "points hold.",
        )
        for name, rows in known.groupby("id", sort=False)
        if len(set(rows["step"])) > 1
    ]
    return Section(
        id="training",
        title="Along training",
        intro=(
            "The studies are checkpoints of one training run. A statement begins to hold between "
            "the last checkpoint at which it does not and the first from which it always does."
        ),
        html=render("compared_training.html.j2", rows=begins_to_hold(series).to_dict("records")),
        figures=tuple(figures),
    )
