"""The figure beside a claim, and captions that say what is compared with what.

A claim asks for a figure as data: `{"table": "heads", "measure": ..., "statistic": ...}`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from blocklens.errors import UserError
from blocklens.labels.accuracy import FEWEST_RANKED
from blocklens.labels.tasks import TOKENS, Task, shown_statistic, task_named
from blocklens.report import charts
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.section import Figure
from blocklens.wording import counted

FREQUENCY_CAPTION = (
    "Accuracy of each token (one point) at the last block against how often it occurs in the "
    "texts; the line is the mean over tokens of similar frequency, with its 95 % interval."
)
RANKED_CAPTION = (
    "Accuracy of each token (one point) at the last block against how often it occurs in the "
    f"texts: the tokens with at least {FEWEST_RANKED} modified occurrences, those that the "
    "correlation counts."
)
CONFIDENCE_CAPTION = (
    "Mean confidence of the answers to inputs of like input APT (ten bins of equally many), "
    "with 95 % intervals over seeds and texts. Dashed: the mean of all answers; the band is "
    "as high as the margin within which a change from low to high input APT counts as none."
)
REPLACEMENT_CAPTION = {
    "prediction change": "How far predictions move (total variation between the class "
    "probabilities) when more of the tokens that have a strong match partner are replaced, by it "
    "or by random tokens in the same places; bands are 95 % intervals over seeds and texts.",
    "accuracy": "Accuracy on the same inputs when more of the tokens that have a strong match "
    "partner are replaced, by it or by random tokens in the same places; bands are 95 % intervals.",
}
CLUSTER_WORDS = {
    "largest": "Size of the largest strong-match cluster",
    "clusters": "Number of strong-match clusters",
    "clustered": "Number of {labels} in strong-match clusters",
    "noise_share": "Share of the strong matches outside clusters",
}


def claim_figure(row: Mapping[str, Any], folder: StudyFolder) -> Figure | None:
    """The chart that a claim asks for.

    None where it asks for none, the study has not got its table, or the claim has no effect here
    (then the table may lack its statistic).

    Raises UserError where the chart of a claim with an effect cannot be drawn.
    """
    wish = row.get("figure")
    wish = json.loads(wish) if isinstance(wish, str) and wish else wish
    if not isinstance(wish, Mapping) or not wish:
        return None
    name = str(wish.get("table", "heads"))
    table = folder.of_task(name, task_named(wish["task"])) if "task" in wish else folder.table(name)
    if table is None:
        return None
    try:
        chart, caption = _chart(wish, table, folder)
    except UserError as error:
        if not np.isfinite(float(row.get("effect", np.nan))):
            return None
        raise UserError(f"the figure of the claim {row['id']}: {error}") from error
    return Figure(f"claim-{slug(str(row['id']))}", chart, caption, "html")


def _chart(wish: Mapping[str, Any], table: pd.DataFrame, folder: StudyFolder) -> tuple[Any, str]:
    statistic = wish["statistic"]
    match wish.get("table", "heads"):
        case "frequency":
            apt = folder.of_task("accuracy", TOKENS)
            if apt is None:
                return charts.frequency_curves(table), "Mean accuracy per token, block by block."
            return charts.apt_against_frequency(apt, fewest=FEWEST_RANKED), RANKED_CAPTION
        case "cluster_sweep":
            labels = task_named(wish["task"]).labels
            chart = charts.cluster_sizes(table, quantity=statistic, labels=labels)
            return chart, cluster_caption(statistic, labels)
        case "confidence_curve":
            return charts.confidence_curve(table), CONFIDENCE_CAPTION
        case "replacement":
            return charts.replacement(table, statistic), REPLACEMENT_CAPTION[statistic]
        case "learning":
            return along(table, task_named(wish["task"]), statistic)
        case "training_sizes":
            return charts.training_sizes(table), sizes_caption(table)
    if isinstance(statistic, list):
        caption = "Each curve is one statistic along the blocks, with its 95 % band."
        return charts.compare_along_blocks(table, statistic), caption
    chart = charts.along_blocks(
        table,
        statistic,
        measure=wish.get("measure"),
        cut=wish.get("cut"),
        quantity="effect" if "effect" in table else "value",
    )
    return chart, along_caption(table, statistic, wish.get("cut"))


def along(learning: pd.DataFrame, task: Task, statistic: str) -> tuple[Any, str]:
    """A statistic of labels along the blocks, in the words of its task, and its caption."""
    title = shown_statistic(task, statistic)
    chart = charts.along_blocks(learning, statistic, quantity="value", title=title)
    return chart, along_caption(learning, statistic, None, title)


def along_caption(
    table: pd.DataFrame, statistic: str, cut: float | None, title: str | None = None
) -> str:
    """One sentence: what the figure along the blocks compares with what."""
    rows = table.loc[table["statistic"] == statistic]
    runs = set(rows["run"]) if "run" in rows else {"encoder"}
    twins = sum(run.startswith("untrained") for run in runs)
    controls = []
    if twins:
        controls.append(f"{counted(twins, 'untrained twin')} of the same shape")
    if "shuffled" in runs:
        controls.append("the same texts with their tokens shuffled")
    title = title or statistic
    text = title[0].upper() + title[1:] + " in each block of the encoder"
    if "read_out" in rows:
        text += f" ({rows.loc[rows['run'] == 'encoder', 'read_out'].iloc[0]})"
    if controls:
        text += ", against " + " and ".join(controls)
    if "lens" in runs:
        text += ", and of the encoder with its own head on every block (lens)"
    if cut is not None:
        text += f", over the top {100 * cut:g} % of the pairs"
    dots = "head" in rows and bool(rows["head"].notna().any())
    return text + "; bands are 95 % intervals" + (", dots single heads." if dots else ".")


def cluster_caption(quantity: str, labels: str = "tokens") -> str:
    """What the figure of clusters against the threshold compares."""
    words = CLUSTER_WORDS.get(quantity, quantity).format(labels=labels)
    return (
        f"{words} at the last block against the threshold, beside the same with predictions or "
        f"confusion partners permuted among {labels} of like frequency (bands: all draws)."
    )


def sizes_caption(sizes: pd.DataFrame) -> str:
    """What the figure of <APT> against the number of training articles compares."""
    seeds = int(sizes["seeds"].to_numpy().min())
    unit = f"{seeds} training runs with seeds of their own" if seeds > 1 else "texts"
    return (
        "<APT> on held-out texts, the same for every size, against the number of training "
        f"articles; 95 % intervals over {unit}."
    )


def slug(name: str) -> str:
    """A name as letters, digits and hyphens, for file names and HTML ids."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"
