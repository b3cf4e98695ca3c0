"""Counts of right predictions as tidy tables: per token, per block, per frequency bin."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blocklens.labels.accuracy import (
    Jackknifed,
    LabelCounts,
    Mean,
    accuracy,
    apt_mean,
    apt_top,
    frequency_bin_edges,
    frequency_rho,
    kind_accuracy,
    label_mean,
    leave_out_weights,
    rise,
    slope_along_blocks,
)
from blocklens.labels.grouping import (
    GroupedConfusion,
    StructureOptions,
    cluster_rows,
    structure_rows,
)
from blocklens.labels.threshold_sweep import null_slope_row, sweep_rows

ALL_BLOCKS_CONFUSION = 300_000
"""Elements up to which the confusion table holds every block; above, the last one alone."""


def learned_tables(
    counts: LabelCounts,
    confusion: GroupedConfusion,
    frequency: NDArray[np.int64],
    names: list[str],
    *,
    structure: StructureOptions,
) -> dict[str, pd.DataFrame]:
    """All tables of one run: apt, learning, frequency, confusion, clusters, cluster_sweep.

    `frequency` [labels]: occurrences in the training texts; `names` [labels].
    """
    matrices = [confusion.matrix(block) for block in range(confusion.blocks)]
    found, kept = structure_rows(confusion, structure)
    sweep = sweep_rows(matrices, structure)
    learning = pd.concat(
        [
            accuracy_rows(counts, frequency),
            found,
            pd.DataFrame([null_slope_row(sweep, structure)]),
        ],
        ignore_index=True,
    )
    learning["block"] = learning["block"].astype("Int64")
    return {
        "apt": token_rows(counts, frequency, names),
        "learning": learning,
        "frequency": frequency_rows(counts, frequency),
        "confusion": _confusion_rows(matrices, names),
        "clusters": cluster_rows(kept, structure, names),
        "cluster_sweep": sweep,
    }


def accuracy_rows(counts: LabelCounts, frequency: NDArray[np.integer]) -> pd.DataFrame:
    """Accuracies of every block, and their rise along the blocks (block missing).

    Columns block, statistic, value, low, high (95 % over groups of texts), n (occurrences), n_types
    (tokens in the mean). Statistics: "mean APT" (<APT>), "mean APT, n >= 10", "mean APT, top 50",
    "mean APT, n >= 50", "masked-LM accuracy", "accuracy on masked" / "random" / "unchanged",
    "frequency rho"; for the whole encoder "mean APT rise" (last block minus block 0), "mean APT
    slope" (per block), "masked-LM accuracy slope".
    """
    drawn = without_each_group(counts)
    means = {
        "mean APT": apt_mean(counts, drawn),
        "mean APT, n >= 10": apt_mean(counts, drawn, 10),
        "mean APT, top 50": apt_top(counts, frequency, drawn, 50),
        "mean APT, n >= 50": apt_mean(counts, drawn, 50),
        "masked-LM accuracy": accuracy(counts, drawn),
    }
    for number, kind in enumerate(counts.kinds):
        means[f"accuracy on {kind}"] = kind_accuracy(counts, number, drawn)
    rows = []
    for name, mean in means.items():
        rows += _rows(name, mean, range(counts.blocks))
    rows += _rows("frequency rho", frequency_rho(counts, frequency), range(counts.blocks))
    whole = {
        "mean APT rise": rise(means["mean APT"]),
        "mean APT slope": slope_along_blocks(means["mean APT"]),
        "masked-LM accuracy slope": slope_along_blocks(means["masked-LM accuracy"]),
    }
    for name, mean in whole.items():
        rows += _rows(name, mean, [pd.NA])
    return pd.DataFrame(rows)


def without_each_group(counts: LabelCounts) -> NDArray[np.int64]:
    """Weights [patterns, groups] that leave out each group that holds something."""
    filled = np.flatnonzero(counts.occurrences.any(axis=1))
    return leave_out_weights([[[group] for group in filled]], counts.groups)


def token_rows(
    counts: LabelCounts, frequency: NDArray[np.integer], names: list[str]
) -> pd.DataFrame:
    """One row per block and token that was modified at least once.

    Columns block, token, token_id, frequency, n, correct, apt, and n and correct of the masked,
    random and unchanged occurrences.
    """
    ids = np.flatnonzero(counts.n)
    named = np.array(names, dtype=object)
    frames = []
    for block in range(counts.blocks):
        columns: dict[str, Any] = {
            "block": block,
            "token": named[ids],
            "token_id": ids,
            "frequency": frequency[ids],
            "n": counts.n[ids],
            "correct": counts.c[block, ids],
        }
        columns["apt"] = columns["correct"] / columns["n"]
        for number, kind in enumerate(counts.kinds):
            columns[f"{kind}_n"] = counts.kind_occurrences[number, ids]
            columns[f"{kind}_correct"] = counts.kind_correct[block, number, ids]
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def frequency_rows(counts: LabelCounts, frequency: NDArray[np.integer]) -> pd.DataFrame:
    """Mean APT per log-spaced bin of training frequency (docs/definitions.md: frequency curve).

    Columns block, frequency_low, frequency_high, value, low, high, n, n_types; empty bins left out.
    """
    drawn = without_each_group(counts)
    edges = frequency_bin_edges(frequency)
    rows = []
    for low, high in pairwise(edges):
        inside = (frequency >= low) & (frequency < high) & (counts.n > 0)
        if inside.any():
            for row in _rows("mean APT", label_mean(counts, inside, drawn), range(counts.blocks)):
                rows.append({**row, "frequency_low": low, "frequency_high": high})
    columns = ["block", "frequency_low", "frequency_high", "value", "low", "high", "n", "n_types"]
    return pd.DataFrame(rows, columns=columns)


def _confusion_rows(matrices: list[Any], names: list[str]) -> pd.DataFrame:
    """Non-zero elements: block, true, predicted (ids), true_token, predicted_token, count."""
    small = sum(matrix.nnz for matrix in matrices) <= ALL_BLOCKS_CONFUSION
    named = np.array(names, dtype=object)
    frames = []
    for block in range(len(matrices)) if small else [len(matrices) - 1]:
        elements: Any = matrices[block].tocoo()
        frames.append(
            pd.DataFrame(
                {
                    "block": block,
                    "true": elements.row,
                    "predicted": elements.col,
                    "true_token": named[elements.row],
                    "predicted_token": named[elements.col],
                    "count": elements.data,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _rows(name: str, mean: Mean | Jackknifed, blocks: Any) -> list[dict[str, Any]]:
    low, high = mean.interval()
    return [
        {
            "block": block,
            "statistic": name,
            "value": mean.value[number],
            "low": low[number],
            "high": high[number],
            "n": mean.n,
            "n_types": mean.labels,
        }
        for number, block in enumerate(blocks)
    ]
