"""What the encoder has learned: accuracy per token, clusters, confusions."""

from typing import Any

import pandas as pd

from blocklens.errors import UserError
from blocklens.report import charts
from blocklens.report.claim_figures import (
    FREQUENCY_CAPTION,
    along_caption,
    cluster_caption,
)
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.formatting import rounded
from blocklens.report.rendering import render, static
from blocklens.report.section import Figure, Section

MOST_TOKENS = 5000
"""Tokens whose confusions the page carries, the most often measured first."""
MOST_PREDICTIONS = 8
MOST_CLUSTERS = 600


def learned_section(folder: StudyFolder) -> Section | None:
    """The section, from the tables `learning`, `apt`, `frequency`, `clusters` and `confusion`."""
    learning = folder.table("learning")
    if learning is None:
        return None
    data = browser_data(folder)
    last = int(learning["block"].dropna().to_numpy().max())
    return Section(
        id="learned",
        title="What it has learned",
        intro=(
            "A modified token is right when the head on a block ranks the original first in the "
            "whole vocabulary. APT is the share of right answers of one token; <APT> is its mean "
            f"over tokens, each counted once. {read_out_words(learning)}"
        ),
        html=render("learned.html.j2", facts=facts(learning, last), last=last, data=data),
        figures=tuple(_figures(folder, learning)),
        data=data,
        script=static("learned.js") if data else "",
    )


def read_out_words(learning: pd.DataFrame) -> str:
    """Which read-out stands behind the numbers (docs/definitions.md: read-out of block m)."""
    kinds = set(learning["read_out"]) if "read_out" in learning else set()
    words = {
        "read-out": "Read-out: a head of its own trained on the frozen output of each block.",
        "lens": "Lens: the encoder's own final head applied to every block, without training.",
    }
    return " ".join(words[kind] for kind in words if kind in kinds)


FACTS = {
    "mean APT": "<APT>",
    "masked-LM accuracy": "masked-LM accuracy",
    "mean APT, top 50": "<APT>, the 50 most frequent tokens",
    "mean APT, n >= 10": "<APT>, tokens measured at least 10 times",
    "kept tokens": "tokens kept in the confusion matrix",
    "clusters": "clusters of two or more tokens",
    "largest cluster": "tokens in the largest cluster",
    "noise share": "share of strong matches outside clusters",
}


def facts(learning: pd.DataFrame, last: int) -> dict[str, Any]:
    """The encoder's figures at block 0 and at the last one, beside the last block of others.

    `columns`: what stands over each column; `rows`: a name and one table row (or None) a column.
    """
    runs = learning["run"] if "run" in learning else pd.Series("encoder", index=learning.index)
    columns = [("encoder", 0, "block 0"), ("encoder", last, f"block {last}")]
    for run, words in (("untrained 0", "untrained twin"), ("lens", "own head (lens)")):
        if run in set(runs):
            columns.append((run, last, f"block {last}, {words}"))
    rows = []
    for name, shown in FACTS.items():
        part = learning.loc[learning["statistic"] == name]
        cells = []
        for run, block, _ in columns:
            found = part.loc[(runs.loc[part.index] == run) & (part["block"] == block)]
            cells.append(next(iter(found.to_dict("records")), None))
        if any(cells):
            rows.append({"name": shown, "cells": cells, "apt": name.startswith("mean APT")})
    return {"columns": [words for *_, words in columns], "rows": rows}


def _figures(folder: StudyFolder, learning: pd.DataFrame) -> list[Figure]:
    figures: list[Figure] = []

    def add(name: str, make: Any, caption: str) -> None:
        try:
            figures.append(Figure(name, make(), caption))
        except UserError:
            return

    for name, statistic in (("mean-apt", "mean APT"), ("masked-lm-accuracy", "masked-LM accuracy")):
        shown = "<APT>" if statistic == "mean APT" else statistic
        add(
            name,
            lambda s=statistic, t=shown: charts.along_blocks(
                learning, s, quantity="value", title=t
            ),
            along_caption(learning, statistic, None).replace("Mean APT", "<APT>"),
        )
    apt, frequency = folder.table("apt"), folder.table("frequency")
    if apt is not None:
        add(
            "apt-against-frequency",
            lambda: charts.apt_against_frequency(apt, frequency),
            FREQUENCY_CAPTION,
        )
    if frequency is not None:
        add(
            "frequency-curves",
            lambda: charts.frequency_curves(frequency),
            "Mean accuracy per token against frequency, block by block, with 95 % intervals.",
        )
    sweep = folder.table("cluster_sweep")
    if sweep is not None:
        for quantity in ("largest", "clusters"):
            add(
                f"cluster-{quantity}",
                lambda q=quantity: charts.cluster_sizes(sweep, quantity=q),
                cluster_caption(quantity),
            )
    return figures


def browser_data(folder: StudyFolder) -> dict[str, Any]:
    """Clusters and confusions of the encoder's last block for the page's browser.

    `tokens`: name, measured occurrences and predictions (name, count), the most often measured
    first. `clusters`: lists of names, largest first.
    """
    out: dict[str, Any] = {}
    confusion = folder.table("confusion")
    if confusion is not None:
        rows = _last_block(confusion)
        totals: Any = rows.groupby("true")["count"].sum()
        totals = totals.sort_values(ascending=False, kind="stable")[:MOST_TOKENS]
        rows = rows.loc[rows["true"].isin(totals.index)].sort_values("count", ascending=False)
        best = {true: part.head(MOST_PREDICTIONS) for true, part in rows.groupby("true")}
        out["tokens"] = [
            [
                str(best[true]["true_token"].iloc[0]),
                int(total),
                [
                    [str(name), int(count)]
                    for name, count in zip(
                        best[true]["predicted_token"], best[true]["count"], strict=True
                    )
                ],
            ]
            for true, total in totals.items()
        ]
    clusters = folder.table("clusters")
    if clusters is not None:
        rows = _last_block(clusters.loc[clusters["method"] == "cliques"])
        out["theta"] = rounded([rows["theta"].iloc[0]])[0] if len(rows) else None
        out["clusters"] = [[str(t) for t in tokens] for tokens in rows["tokens"][:MOST_CLUSTERS]]
        out["cluster_count"] = len(rows)
    return out


def _last_block(table: pd.DataFrame) -> pd.DataFrame:
    rows = table.loc[table["run"] == "encoder"] if "run" in table else table
    return rows.loc[rows["block"] == rows["block"].max()]
