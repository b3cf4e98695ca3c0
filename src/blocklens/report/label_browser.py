"""What the page's browser of confusions and clusters is given."""

from typing import Any

import pandas as pd

from blocklens.labels.tasks import Task
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.formatting import rounded

MOST_LABELS = 5000
"""Labels whose confusions the page carries, the most often measured first."""
MOST_PREDICTIONS = 8
MOST_CLUSTERS = 600


def cluster_names(folder: StudyFolder, task: Task, block: int) -> list[list[str]]:
    """Names of the labels in each cluster of a block, the largest clusters first."""
    clusters = folder.of_task("clusters", task)
    if clusters is None:
        return []
    rows = clusters.loc[(clusters["run"] == "encoder") & (clusters["block"] == block)]
    rows = rows.loc[rows["method"] == "cliques"]
    return [[str(name) for name in names] for names in rows["labels"]]


def threshold(folder: StudyFolder, task: Task) -> float | None:
    """The threshold of the strong matches, or None where there is no cluster."""
    clusters = folder.of_task("clusters", task)
    return None if clusters is None else float(clusters["theta"].iloc[0])


def browser_data(folder: StudyFolder, task: Task, block: int) -> dict[str, Any]:
    """Clusters and confusions of the encoder's last block, `block`, for the page's browser.

    `tokens`: name, measured occurrences and predictions (name, count), the most often measured
    first. `clusters`: lists of names, largest first.
    """
    out: dict[str, Any] = {}
    confusion = folder.of_task("confusion", task)
    if confusion is not None:
        rows = last_of_encoder(confusion)
        totals: Any = rows.groupby("true")["count"].sum()
        totals = totals.sort_values(ascending=False, kind="stable")[:MOST_LABELS]
        rows = rows.loc[rows["true"].isin(totals.index)].sort_values("count", ascending=False)
        best = {true: own.head(MOST_PREDICTIONS) for true, own in rows.groupby("true")}
        out["tokens"] = [
            [
                str(best[true]["true_label"].iloc[0]),
                int(total),
                [
                    [str(name), int(count)]
                    for name, count in zip(
                        best[true]["predicted_label"], best[true]["count"], strict=True
                    )
                ],
            ]
            for true, total in totals.items()
        ]
    if folder.of_task("clusters", task) is not None:
        names = cluster_names(folder, task, block)
        out["theta"] = rounded([threshold(folder, task)])[0]
        out["clusters"] = names[:MOST_CLUSTERS]
        out["cluster_count"] = len(names)
    return out


def last_of_encoder(table: pd.DataFrame) -> pd.DataFrame:
    """The encoder's rows at its last block."""
    rows = table.loc[table["run"] == "encoder"]
    return rows.loc[rows["block"] == rows["block"].max()]
