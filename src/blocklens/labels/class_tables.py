"""Accuracy per class, confusions and clusters of class read-outs, by the code of tokens.

P2's claim is one mechanism for tokens, text classes and image classes. So this file has no measure
of its own: it hands predictions to `accuracy.LabelCounts` and `structure.GroupedConfusion`, as
`apt.measure_learning` does with tokens, and names the results. The mean accuracy per class is
`accuracy.apt_mean`, the formula of <APT>.

What differs is the sampling: predictions come from several seeds. A group of the counts is a group
of texts predicted by one seed, and intervals are a jackknife that leaves out each group of texts
and each seed in turn (`intervals.jackknife`): 95 % over seeds and texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blocklens.errors import UserError
from blocklens.labels.accuracy import (
    LabelCounts,
    Mean,
    accuracy,
    apt_mean,
    label_mean,
    leave_out_factors,
    leave_out_weights,
    rise,
    slope_along_blocks,
)
from blocklens.labels.grouping import (
    CLASSES,
    GroupedConfusion,
    StructureOptions,
    cluster_rows,
    structure_rows,
)
from blocklens.labels.threshold_sweep import null_slope_row, sweep_rows
from blocklens.statistics.intervals import jackknife, of_shares

CLASS_THETAS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Classes are told apart better than tokens: the sweep starts lower."""

Integers = NDArray[np.integer]


@dataclass(frozen=True)
class LabelOptions:
    """`groups`: groups of inputs for the intervals. `structure`: how clusters are found."""

    groups: int = 20
    structure: StructureOptions = field(
        default_factory=lambda: StructureOptions(noun=CLASSES, fewest_kept=3, thetas=CLASS_THETAS)
    )


def label_tables(
    labels: Integers,
    predicted: Integers,
    test: Integers,
    keys: Integers,
    names: Sequence[str],
    *,
    run: str = "encoder",
    read_out: str = "read-out",
    blocks: Sequence[int] | None = None,
    options: LabelOptions | None = None,
) -> dict[str, pd.DataFrame]:
    """The tables of one run of class read-outs, text or image.

    Args:
        labels: class number of every input, [n].
        predicted: predicted class of each seed's test inputs, [blocks, seeds, tests].
        test: each seed's test inputs, numbers into 0..n-1, [seeds, tests].
        keys: a hash of every input, [n]; an input's group is its key modulo the groups.
        names: name of every class.
        run: "encoder", or "untrained 0".
        read_out: "read-out", or "truncate".
        blocks: block numbers of `predicted`; default 0, 1, ...
        options: groups and clusters.

    Returns:
        Tables, each with the columns run, read_out and block first:

        - `learning`: statistic, value, spread (standard deviation over seeds), low, high, n,
          n_types (classes); block is missing for the whole encoder. Statistics: accuracy, mean
          accuracy per class, their slope and rise over the blocks from 1 on (at block 0 a [CLS]
          has seen nothing of the input), and the statistics of the clusters;
        - `seeds`: seed, accuracy, n;
        - `accuracy`: label_id, label, n, correct, value, low, high;
        - `confusion`: true, predicted (ids), true_label, predicted_label, count, seeds added up;
        - `clusters`, `cluster_sweep`: as those of tokens.

    Raises:
        UserError: shapes that do not belong together.

    """
    options = options or LabelOptions()
    count, seeds, tests = predicted.shape
    if test.shape != (seeds, tests) or len(keys) != len(labels):
        raise UserError(
            f"label tables: predictions {predicted.shape}, test inputs {test.shape}, "
            f"{len(labels)} labels, {len(keys)} keys; expected one prediction a test input and "
            "one key a label"
        )
    numbers = list(range(count)) if blocks is None else list(blocks)
    counts = LabelCounts(len(names), count, seeds * options.groups, kinds=())
    confusion = GroupedConfusion(len(names), count, seeds * options.groups)
    for seed in range(seeds):
        true = np.asarray(labels)[test[seed]]
        group = seed * options.groups + np.asarray(keys)[test[seed]] % options.groups
        counts.update(true, predicted[:, seed], group)
        confusion.update(true, predicted[:, seed], group)
    factors = leave_out_factors(seeds, options.groups)
    matrices = [confusion.matrix(block) for block in range(count)]
    structure, kept = structure_rows(confusion, options.structure, factors)
    sweep = sweep_rows(matrices, options.structure)
    null = pd.DataFrame([null_slope_row(sweep, options.structure)])
    learning = pd.concat(
        [_accuracy_rows(counts, numbers, seeds, options.groups), structure, null],
        ignore_index=True,
    )
    if any(b - a != 1 for a, b in pairwise(numbers)):  # slopes of structure want every block
        slopes = learning["statistic"].str.contains("slope")
        of_accuracy = learning["statistic"].str.contains("accuracy")
        learning = learning[~slopes | of_accuracy].reset_index(drop=True)
    tables = {
        "learning": learning,
        "seeds": _seed_rows(counts, seeds, options.groups),
        "accuracy": _class_rows(counts, seeds, options.groups, names),
        "confusion": _confusion_rows(matrices, names),
        "clusters": cluster_rows(kept, options.structure, names),
        "cluster_sweep": sweep,
    }
    for table in tables.values():
        block = table["block"].map(dict(enumerate(numbers)), na_action="ignore")
        table["block"] = block.astype("Int64")
        table.insert(0, "run", run)
        table.insert(1, "read_out", read_out)
    return tables


def _accuracy_rows(
    counts: LabelCounts, numbers: Sequence[int], seeds: int, groups: int
) -> pd.DataFrame:
    """Accuracy and mean accuracy per class of every block, and how they change along the blocks."""
    drawn = leave_out_weights(filled_factors(counts, seeds, groups), counts.groups)
    found = {
        "accuracy": accuracy(counts, drawn),
        "mean accuracy per class": apt_mean(counts, drawn),
    }
    unknown = np.full(counts.blocks, np.nan)
    by_seed = _by_seed(counts, seeds, groups)
    spread = {"accuracy": by_seed.std(axis=1, ddof=1) if seeds > 1 else unknown}
    rows = []
    for name, mean in found.items():
        low, high = of_shares(*interval_over(mean, seeds))
        for block in range(counts.blocks):
            rows.append(
                {
                    "block": block,
                    "statistic": name,
                    "value": mean.value[block],
                    "spread": spread.get(name, unknown)[block],
                    "low": low[block],
                    "high": high[block],
                    "n": mean.n,
                    "n_types": mean.labels,
                }
            )
    read = [place for place, number in enumerate(numbers) if number > 0]
    for name, every in found.items() if len(read) > 1 else ():
        mean = Mean(every.value[read], every.draws[:, read], every.n, every.labels)
        slope = slope_along_blocks(mean, [numbers[place] for place in read])
        for change, along in (("slope", slope), ("rise", rise(mean))):
            low, high = interval_over(along, seeds)
            rows.append(
                {
                    "block": pd.NA,
                    "statistic": f"{name} {change}",
                    "value": along.value[0],
                    "spread": np.nan,
                    "low": low[0],
                    "high": high[0],
                    "n": along.n,
                    "n_types": along.labels,
                }
            )
    return pd.DataFrame(rows)


def filled_factors(counts: LabelCounts, seeds: int, groups: int) -> list[list[list[int]]]:
    """What is left out in turn: every seed, and every group that holds something."""
    filled = counts.occurrences.any(axis=1)
    return [[p for p in f if filled[p].any()] for f in leave_out_factors(seeds, groups)]


def interval_over(mean: Mean, seeds: int) -> tuple[Any, Any]:
    """95 % interval per block of a mean whose draws are `leave_out_weights`."""
    factors = (mean.draws[:seeds], mean.draws[seeds:])
    # A pattern that leaves out the only seed, or all texts of a class, has no mean.
    return jackknife(mean.value, *[left[np.isfinite(left).all(axis=1)] for left in factors])


def _by_seed(counts: LabelCounts, seeds: int, groups: int) -> NDArray[np.float64]:
    """Accuracy per block and seed, [blocks, seeds]."""
    right = counts.correct.sum(axis=2).reshape(seeds, groups, counts.blocks).sum(axis=1)
    seen = counts.occurrences.sum(axis=1).reshape(seeds, groups).sum(axis=1)
    return (right / seen[:, None]).T


def _seed_rows(counts: LabelCounts, seeds: int, groups: int) -> pd.DataFrame:
    values = _by_seed(counts, seeds, groups)
    seen = counts.occurrences.sum(axis=1).reshape(seeds, groups).sum(axis=1)
    return pd.DataFrame(
        [
            {"block": block, "seed": seed, "accuracy": values[block, seed], "n": int(seen[seed])}
            for block in range(counts.blocks)
            for seed in range(seeds)
        ]
    )


def _class_rows(counts: LabelCounts, seeds: int, groups: int, names: Sequence[str]) -> pd.DataFrame:
    """Accuracy of every class that occurs, for every block."""
    drawn = leave_out_weights(filled_factors(counts, seeds, groups), counts.groups)
    rows = []
    for label in np.flatnonzero(counts.n).tolist():
        mean = label_mean(counts, np.arange(counts.labels) == label, drawn)
        low, high = of_shares(*interval_over(mean, seeds))
        for block in range(counts.blocks):
            rows.append(
                {
                    "block": block,
                    "label_id": label,
                    "label": names[int(label)],
                    "n": mean.n,
                    "correct": counts.c[block, label],
                    "value": mean.value[block],
                    "low": low[block],
                    "high": high[block],
                }
            )
    return pd.DataFrame(rows).sort_values(["block", "label_id"], ignore_index=True)


def _confusion_rows(matrices: Sequence[Any], names: Sequence[str]) -> pd.DataFrame:
    named = np.array(list(names), dtype=object)
    frames = []
    for block, matrix in enumerate(matrices):
        elements: Any = matrix.tocoo()
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
