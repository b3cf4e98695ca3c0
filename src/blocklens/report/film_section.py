"""The film of a training run: when each statement begins to hold, and what was learned."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from blocklens.claims.comparison import begins_to_hold
from blocklens.labels.tasks import TASKS, Task, shown_statistic
from blocklens.report.charts.along_training import (
    accuracy_along_training,
    effects_along_training,
    frequencies_along_training,
    heads_along_training,
    verdicts_along_training,
)
from blocklens.report.claim_figures import slug
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.heads_section import LABELS
from blocklens.report.rendering import render
from blocklens.report.section import Figure, Section

Studies = Mapping[int, StudyFolder]
"""The studies of a run's checkpoints by their steps."""


def film_section(series: pd.DataFrame, folders: Mapping[str, StudyFolder]) -> Section:
    """The verdicts along the run, what was learned meanwhile, and every effect.

    Args:
        series: `Comparison.series`.
        folders: the studies by their names in `series`.

    """
    begins = begins_to_hold(series)
    steps = dict(zip(series["study"], series["step"], strict=True))
    studies = {steps[name]: folder for name, folder in folders.items()}
    strip = Figure(
        "training-verdicts",
        verdicts_along_training(series, begins["id"].tolist()),
        "The verdict on every statement at every checkpoint; first what begins to hold first.",
        place="html",
    )
    rows = [{**row, "begins": when(row)} for row in begins.to_dict("records")]
    return Section(
        id="training",
        title="Along training",
        intro=(
            "The studies are checkpoints of one training run. A statement begins to hold between "
            "the last checkpoint at which it does not and the first from which it always does."
        ),
        html=render("film.html.j2", strip=strip, rows=rows),
        figures=(
            strip, *accuracies(studies), *frequencies(studies), *heads(studies), *effects(series)
        ),
    )  # fmt: skip


def when(row: Mapping[Hashable, Any]) -> str:
    """In words when a statement begins to hold, from a row of `begins_to_hold`."""
    if pd.isna(row["after"]):
        return f"by the first checkpoint, step {row['by']:,}"
    if pd.isna(row["by"]):
        return f"not to the end: not at step {row['after']:,}" if row["holds_at"] else "–"
    return f"after step {row['after']:,}, by step {row['by']:,}"


def accuracies(studies: Studies) -> Iterator[Figure]:
    """What was learned of each kind of label, at every block."""
    for task in TASKS:
        rows = along(studies, lambda folder, task=task: _accuracy(folder, task))
        if rows is not None:
            title = f"{shown_statistic(task, task.accuracy)}, {task.shown}"
            caption = f"{title} at every block, with 95 % intervals."
            chart = accuracy_along_training(rows, title)
            yield Figure(f"training-{slug(task.name)}", chart, caption)


def _accuracy(folder: StudyFolder, task: Task) -> pd.DataFrame | None:
    table = folder.of_task("learning", task)
    if table is None:
        return None
    return table.loc[
        (table["run"] == "encoder")
        & (table["statistic"] == task.accuracy)
        & (table["read_out"] != "lens")
        & table["block"].notna()
    ]


def frequencies(studies: Studies) -> Iterator[Figure]:
    """Accuracy per token by frequency, at the last block."""
    rows = along(studies, _frequency)
    if rows is not None:
        yield Figure(
            "training-frequency",
            frequencies_along_training(rows, "accuracy per token"),
            "Accuracy per token at the last block, a line a range of how often a token occurs in "
            "the texts, with 95 % intervals.",
        )


def _frequency(folder: StudyFolder) -> pd.DataFrame | None:
    table = folder.table("frequency")
    if table is None:
        return None
    table = table.loc[(table["run"] == "encoder") & (table["read_out"] != "lens")]
    return table.loc[table["block"] == table["block"].max()]


def heads(studies: Studies) -> Iterator[Figure]:
    """How many heads there are of each kind."""
    rows = along(studies, _labelled)
    if rows is not None:
        yield Figure(
            "training-heads",
            heads_along_training(rows, [label for label in LABELS if label in set(rows["label"])]),
            "How many heads are of each kind, beyond what untrained encoders have.",
        )


def _labelled(folder: StudyFolder) -> pd.DataFrame | None:
    table = folder.table("labels")
    if table is None:
        return None
    counts = table.loc[table["run"] == "encoder", "label"].value_counts()
    return counts.reindex(LABELS, fill_value=0).rename_axis("label").reset_index(name="value")


def effects(series: pd.DataFrame) -> Iterator[Figure]:
    """Every claim's effect, where it is known at more than one checkpoint."""
    for name, rows in series.dropna(subset=["effect"]).groupby("id", sort=False):
        if len(rows) > 1:
            yield Figure(
                f"training-{slug(str(name))}",
                effects_along_training(rows),
                f"{rows['statement'].iloc[0]} Effect at every checkpoint, with 95 % intervals; "
                "filled points hold.",
            )


def along(
    studies: Studies, rows_of: Callable[[StudyFolder], pd.DataFrame | None]
) -> pd.DataFrame | None:
    """Rows of every study with a column `step`, or None where fewer than two studies have any."""
    tables = {step: rows_of(folder) for step, folder in sorted(studies.items())}
    known = [table.assign(step=step) for step, table in tables.items() if table is not None]
    return pd.concat(known, ignore_index=True) if len(known) > 1 else None
