"""The tables of one run of read-outs, the same for tokens, text classes and image classes.

Everything comes from the confusion counts of `confusion.py`. Each table has the columns task, run
and read_out first, so that the runs of all tasks can stand in one table:

- `learning`: block (missing for the whole encoder), statistic, value, spread (standard deviation
  over seeds), low, high, seeds_error (the part of the standard error that is the seeds'; the rest
  is the inputs'), n (occurrences), n_types (labels), groups (as how many groups of equal
  weight the inputs count), seeds. Statistics: "accuracy", "mean accuracy
  per label" (<APT> for tokens), their rise and slope over all blocks and "from block 1" on (at
  block 0 a [CLS] has seen nothing of its input), and the statistics of the clusters; with
  frequencies also the mean "of 1,000 occurrences" (see `rarefied`), over "n >= 10", "n >= 50" and
  "top 50" labels, "frequency rho" and "frequency slope"; with kinds of input, "accuracy on" each,
  and the mean with its rise and slope "on" the kind that does not show the label; and how sharp
  the clusters are (`sharpness.py`);
- `seeds`: block, seed, accuracy, n;
- `accuracy`: block, label_id, label, n, correct, value, low, high, and where they are known
  frequency, and n and correct of every kind;
- `frequency`: mean accuracy per log-spaced bin of frequency (docs/definitions.md: frequency curve);
- `confusion`: block, true, predicted (ids), true_label, predicted_label, count, seeds added up;
- `clusters`, `cluster_sweep`: see `cluster_rows`, `sweep_rows`;
- `advice`, of the encoder alone: what every block loses, see `depth.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Integer
from numpy.typing import NDArray

from blocklens.labels.accuracy import (
    LabelCounts,
    accuracy,
    frequency_bin_edges,
    frequency_rho,
    frequency_slope,
    jackknifed,
    label_mean,
    most_frequent,
    rarefied,
)
from blocklens.labels.cluster_statistics import ClusterOptions, cluster_rows, cluster_statistics
from blocklens.labels.confusion import ConfusionCounts, Integers
from blocklens.labels.depth import loss_rows
from blocklens.labels.left_out import Factors, effective_inputs, leave_out_factors
from blocklens.labels.sharpness import sharpness_rows
from blocklens.labels.tasks import Task
from blocklens.labels.threshold_sweep import sweep_rows
from blocklens.statistics.groups import GROUPS
from blocklens.statistics.intervals import of_shares
from blocklens.statistics.slopes import slope

ALL_BLOCKS_CONFUSION = 300_000
"""Elements up to which the confusion table holds every block; above, the last one alone."""

MEAN = "mean accuracy per label"
"""Called <APT> where the labels are tokens."""
STABLE = "of 1,000 occurrences"
"""What it would be with so many occurrences: does not hang on how much was measured (ours)."""


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """`groups`: groups of inputs for the intervals. `clusters`: how clusters are found."""

    groups: int = GROUPS
    clusters: ClusterOptions = field(default_factory=ClusterOptions)


def label_tables(
    counts: ConfusionCounts,
    names: Sequence[str],
    task: Task,
    *,
    run: str = "encoder",
    read_out: str = "read-out",
    seeds: int = 1,
    blocks: Sequence[int] | None = None,
    frequency: Integer[np.ndarray, " labels"] | None = None,
    options: LabelOptions | None = None,
) -> dict[str, pd.DataFrame]:
    """All tables of one run.

    Args:
        counts: the confusions; group `seed * groups + group` holds those of one seed.
        names: name of every label.
        task: which kind of label it is.
        run: "encoder", or "untrained 0".
        read_out: "read-out", "lens" or "truncate".
        seeds: how many seeds' predictions there are.
        blocks: block numbers of the counts; default 0, 1, ...
        frequency: occurrences of every label in the training texts, [labels].
        options: how clusters are found.

    """
    options = options or LabelOptions()
    numbers = list(range(counts.blocks)) if blocks is None else list(blocks)
    of_labels = LabelCounts.of(counts)
    factors = leave_out_factors(of_labels.n.sum(axis=1), seeds)
    how = options.clusters.for_task(task)
    assert how.theta is not None
    clusters, kept = cluster_statistics(counts, factors, how, task)
    matrices = [counts.matrix(block) for block in range(counts.blocks)]
    sweep = sweep_rows(counts, how, task, seeds)
    sharp = sharpness_rows(
        counts, factors, theta=how.theta, n_min=how.n_min, method=how.method, seeds=seeds
    )
    clusters = pd.concat([clusters, pd.DataFrame(sharp)], ignore_index=True)
    if any(b - a != 1 for a, b in pairwise(numbers)):  # their slopes want every block
        clusters = clusters[clusters["block"].notna()]
    parts = [_accuracies(counts, of_labels, factors, numbers, seeds, frequency, task), clusters]
    learning = pd.concat([part for part in parts if len(part)], ignore_index=True)
    tables = {
        "learning": learning.assign(
            groups=effective_inputs(of_labels.n.sum(axis=1), seeds), seeds=seeds
        ),
        "seeds": _seed_rows(of_labels, seeds),
        "accuracy": _label_rows(counts, of_labels, factors, names, frequency),
        "confusion": _confusion_rows(matrices, names),
        "clusters": cluster_rows(kept, how, names),
        "cluster_sweep": sweep,
    }
    if frequency is not None:
        tables["frequency"] = _frequency_rows(of_labels, factors, frequency)
    if run == "encoder":
        tables["advice"] = loss_rows(of_labels, factors)
    for table in tables.values():
        block = [pd.NA if pd.isna(one) else numbers[int(one)] for one in table["block"]]
        table["block"] = pd.array(block, dtype="Int64")
        for place, (column, value) in enumerate(
            (("task", task.name), ("run", run), ("read_out", read_out))
        ):
            table.insert(place, column, value)
    return tables


def _accuracies(
    counts: ConfusionCounts,
    of_labels: LabelCounts,
    factors: Factors,
    numbers: Sequence[int],
    seeds: int,
    frequency: Integers | None,
    task: Task,
) -> pd.DataFrame:
    """Accuracies of every block, and how they change along the blocks."""
    n = of_labels.occurrences
    means = {"accuracy": accuracy(of_labels, factors), MEAN: label_mean(of_labels, factors)}
    along_blocks = dict(means)
    if frequency is not None:
        means[f"{MEAN}, {STABLE}"] = label_mean(of_labels, factors, rarefied(of_labels))
        means[f"{MEAN}, n >= 10"] = label_mean(of_labels, factors, n >= 10)
        means[f"{MEAN}, top 50"] = label_mean(
            of_labels, factors, most_frequent(of_labels, frequency)
        )
        means[f"{MEAN}, n >= 50"] = label_mean(of_labels, factors, n >= 50)
    for number, kind in enumerate(counts.kinds):
        of_kind = LabelCounts.of(counts, number)
        means[f"accuracy on {kind}"] = accuracy(of_kind, factors)
        if kind == task.hidden:
            along_blocks[f"{MEAN} on {kind}"] = label_mean(of_kind, factors)
    means |= along_blocks
    rows = []
    every = range(len(numbers))
    for name, mean in means.items():
        rows += mean.rows(name, every, share=True)
    unknown = [np.nan] * len(rows)
    spread = _by_seed(of_labels, seeds).std(axis=1, ddof=1) if seeds > 1 else unknown
    for row, of_block in zip(rows, [*spread, *unknown], strict=False):  # the accuracy comes first
        row["spread"] = of_block
    if frequency is not None:
        rows += frequency_rho(of_labels, factors, frequency).rows("frequency rho", every)
        rows += frequency_slope(of_labels, factors, frequency).rows("frequency slope", every)
    for from_block, words in ((0, ""), (1, " from block 1")):
        read = [place for place, number in enumerate(numbers) if number >= from_block]
        if len(read) < 2 or (from_block == 0 and numbers[0] > 0):
            continue
        at = [numbers[place] for place in read]
        for name, mean in along_blocks.items():
            rise = mean.through(lambda v, p=read: v[..., p[-1:]] - v[..., p[:1]])
            along = mean.through(lambda v, p=read, x=at: slope(v[..., p], x)[..., None])
            rows += along.rows(f"{name} slope{words}", [pd.NA])
            rows += rise.rows(f"{name} rise{words}", [pd.NA])
    columns = [
        "block",
        "statistic",
        "value",
        "spread",
        "low",
        "high",
        "seeds_error",
        "n",
        "n_types",
    ]
    return pd.DataFrame(rows, columns=columns)


def _by_seed(of_labels: LabelCounts, seeds: int) -> NDArray[np.float64]:
    """Accuracy per block and seed, [blocks, seeds]."""
    groups, blocks, types = of_labels.c.shape
    right = of_labels.c.reshape(seeds, groups // seeds, blocks, types).sum(axis=(1, 3))
    return (right / of_labels.n.reshape(seeds, -1).sum(axis=1)[:, None]).T


def _seed_rows(of_labels: LabelCounts, seeds: int) -> pd.DataFrame:
    values, seen = _by_seed(of_labels, seeds), of_labels.n.reshape(seeds, -1).sum(axis=1)
    return pd.DataFrame(
        [
            {"block": block, "seed": seed, "accuracy": values[block, seed], "n": int(seen[seed])}
            for block in range(len(values))
            for seed in range(seeds)
        ]
    )


def _label_rows(
    counts: ConfusionCounts,
    of_labels: LabelCounts,
    factors: Factors,
    names: Sequence[str],
    frequency: Integers | None,
) -> pd.DataFrame:
    """Accuracy of every label that occurs, for every block.

    A label whose occurrences all lie in one group of inputs has no interval.
    """
    figures = jackknifed(of_labels, factors, lambda n, c: c / n)
    low, high = of_shares(*figures.interval())
    ids, n = of_labels.ids, of_labels.occurrences
    kinds = [LabelCounts.of(counts, number) for number in range(len(counts.kinds))]
    frames = []
    for block in range(counts.blocks):
        columns: dict[str, Any] = {"block": block, "label_id": ids}
        columns["label"] = [names[one] for one in ids]
        if frequency is not None:
            columns["frequency"] = frequency[ids]
        columns |= {"n": n, "correct": of_labels.correct[block], "value": figures.value[block]}
        columns |= {"low": low[block], "high": high[block]}
        for name, kind in zip(counts.kinds, kinds, strict=True):
            at = np.searchsorted(ids, kind.ids)
            for column, values in (("n", kind.occurrences), ("correct", kind.correct[block])):
                columns[f"{name}_{column}"] = np.zeros_like(n)
                columns[f"{name}_{column}"][at] = values
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def _frequency_rows(of_labels: LabelCounts, factors: Factors, frequency: Integers) -> pd.DataFrame:
    of_label, rows = frequency[of_labels.ids], []
    for low, high in pairwise(frequency_bin_edges(frequency)):
        inside = (of_label >= low) & (of_label < high)
        if inside.any():
            mean = label_mean(of_labels, factors, inside)
            for row in mean.rows(MEAN, range(len(mean.value)), share=True):
                rows.append({**row, "frequency_low": low, "frequency_high": high})
    columns = ["block", "frequency_low", "frequency_high", "value", "low", "high", "n", "n_types"]
    return pd.DataFrame(rows, columns=columns)


def _confusion_rows(matrices: Sequence[Any], names: Sequence[str]) -> pd.DataFrame:
    small = sum(matrix.nnz for matrix in matrices) <= ALL_BLOCKS_CONFUSION
    named = np.array(list(names), dtype=object)
    frames = []
    for block in range(len(matrices)) if small else [len(matrices) - 1]:
        elements: Any = matrices[block].tocoo()
        frames.append(
            pd.DataFrame(
                {
                    "block": block,
                    "true": elements.row,
                    "predicted": elements.col,
                    "true_label": named[elements.row],
                    "predicted_label": named[elements.col],
                    "count": elements.data,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
