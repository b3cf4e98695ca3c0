"""How labels group, per block: clusters, noise, and their intervals over texts.

Works on confusion counts kept per (group of texts, block), and never knows what a label is: tokens,
text classes and image classes differ by the noun in the tables' names alone.
Intervals are a delete-one-group jackknife: resampling groups with replacement would count errors
twice and so change which rows pass n_min. The sweep over the threshold is in `sweep.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from blocklens.labels.clusters import METHODS, THETAS, Method, cluster_kept, growth
from blocklens.labels.confusion import ConfusionCounts, KeptMatrix, Sparse, kept_matrix
from blocklens.statistics.intervals import Floats, jackknife

FEWEST_KEPT = 10
"""A block with fewer kept tokens has no noise share worth a name."""


@dataclass(frozen=True, slots=True)
class Noun:
    """What labels are called in the tables."""

    one: str
    many: str


TOKENS, CLASSES = Noun("token", "tokens"), Noun("class", "classes")


def statistics_of(noun: Noun) -> tuple[str, ...]:
    """The statistics of a block's clusters, in the order of `describe`."""
    return (
        f"kept {noun.many}",
        "clusters",
        f"{noun.many} in clusters",
        "share in clusters",
        "mean cluster size",
        "largest cluster",
        "noise",
        "noise share",
        "growth exponent",
    )


STATISTICS = statistics_of(TOKENS)


@dataclass(frozen=True, slots=True)
class StructureOptions:
    """How clusters are found.

    `n_min`: fewest occurrences of a kept label. `theta`: strong match. `method`: cluster rule.
    `thetas`: the sweep. `null_seeds`: draws of each null. `fewest_kept`: a block with fewer kept
    labels has no noise share. `noun`: what labels are called.
    """

    n_min: int = 10
    theta: float = 0.3
    method: Method = "cliques"
    thetas: tuple[float, ...] = THETAS
    null_seeds: int = 5
    fewest_kept: int = FEWEST_KEPT
    noun: Noun = TOKENS


class GroupedConfusion:
    """Confusion counts per (group of texts, block); `update`, `merge`, and one block's matrices."""

    def __init__(self, labels: int, blocks: int, groups: int) -> None:
        self.labels, self.blocks, self.groups = labels, blocks, groups
        self.counts = [[ConfusionCounts(labels) for _ in range(groups)] for _ in range(blocks)]

    def update(
        self,
        true: NDArray[np.integer],
        predicted: NDArray[np.integer],
        group: NDArray[np.integer],
    ) -> None:
        """Count `true` [n], `predicted` [blocks, n], `group` [n] in 0..groups-1."""
        order = np.argsort(group, kind="stable")
        ends = np.searchsorted(group[order], np.arange(self.groups + 1))
        for g in np.flatnonzero(np.diff(ends)):
            rows = order[ends[g] : ends[g + 1]]
            for block in range(self.blocks):
                self.counts[block][g].update(true[rows], predicted[block, rows])

    def merge(self, other: GroupedConfusion) -> None:
        """Add the counts of `other` (the same labels, blocks and groups)."""
        for mine, theirs in zip(self.counts, other.counts, strict=True):
            for a, b in zip(mine, theirs, strict=True):
                a.merge(b)

    def matrices(self, block: int) -> list[Sparse]:
        """M of every group of texts for one block."""
        return [counts.matrix() for counts in self.counts[block]]

    def matrix(self, block: int) -> Sparse:
        """M of all texts for one block."""
        whole = ConfusionCounts(self.labels)
        for counts in self.counts[block]:
            whole.merge(counts)
        return whole.matrix()


def describe(kept: KeptMatrix, options: StructureOptions) -> Floats:
    """The values of `statistics_of` for one kept matrix."""
    theta, method = options.theta, options.method
    found = cluster_kept(kept, theta, method)
    labels = kept.labels.size
    enough = labels >= options.fewest_kept
    return np.array(
        [
            labels,
            found.number,
            found.grouped_labels,
            found.grouped_labels / labels if labels else np.nan,
            found.mean_size,
            found.largest,
            found.noise,
            found.noise_share if enough else np.nan,
            growth_exponent(growth(kept, theta, method)) if enough else np.nan,
        ]
    )


def growth_exponent(pairs: Sequence[tuple[int, int]]) -> float:
    """Slope of log(largest cluster) against log(kept labels): 0 = finite, 1 = it takes them all."""
    if len(pairs) < 2:
        return float("nan")
    x, y = np.log(np.array(pairs, dtype=np.float64)).T
    x = x - x.mean()
    return float(x @ (y - y[0]) / (x @ x))


def structure_rows(
    confusion: GroupedConfusion,
    options: StructureOptions,
    factors: Sequence[Sequence[Sequence[int]]] | None = None,
) -> tuple[pd.DataFrame, list[KeptMatrix]]:
    """The statistics of every block, and of the whole encoder, with intervals over texts.

    `factors`: what the jackknife leaves out, for each crossed factor the groups of `confusion` that
    are left out together; default each group by itself. Columns block (missing for the whole
    encoder), statistic, value, low, high, n (pairs counted), n_types (labels kept). Also returns
    each block's kept matrix.
    """
    names = statistics_of(options.noun)
    if factors is None:
        factors = [[[group] for group in range(confusion.groups)]]
    values, without, kept_all, pairs = [], [], [], []
    for block in range(confusion.blocks):
        parts = confusion.matrices(block)
        whole = confusion.matrix(block)
        kept = kept_matrix(whole, options.n_min)
        kept_all.append(kept)
        pairs.append(int(whole.sum()))
        values.append(describe(kept, options))
        without.append(
            [
                [
                    describe(
                        kept_matrix(
                            _without(whole, [parts[group] for group in groups]), options.n_min
                        ),
                        options,
                    )
                    for groups in factor
                    if any(parts[group].nnz for group in groups)
                ]
                for factor in factors
            ]
        )
    value = np.array(values)  # [blocks, statistics]
    left_out = [  # of each factor [groups, blocks, statistics]
        np.array([block[number] for block in without]).transpose(1, 0, 2)
        for number in range(len(factors))
    ]
    low, high = (_in_range(ends, names) for ends in jackknife(value, *left_out))
    rows = [
        {
            "block": block,
            "statistic": name,
            "value": value[block, s],
            "low": low[block, s],
            "high": high[block, s],
            "n": pairs[block],
            "n_types": kept_all[block].labels.size,
        }
        for block in range(confusion.blocks)
        for s, name in enumerate(names)
    ]
    for name in (names[0], "noise share"):
        s = names.index(name)
        slope = np.array(slope_of_defined(value[:, s]))
        slope_low, slope_high = jackknife(
            slope,
            *[np.array([slope_of_defined(group[:, s]) for group in factor]) for factor in left_out],
        )
        rows.append(
            {
                "block": pd.NA,
                "statistic": f"{name} slope",
                "value": float(slope),
                "low": float(slope_low),
                "high": float(slope_high),
                "n": pairs[-1],
                "n_types": kept_all[-1].labels.size,
            }
        )
    return pd.DataFrame(rows), kept_all


def _in_range(ends: Floats, names: Sequence[str]) -> Floats:
    """Ends of intervals [blocks, statistics] held to what can be: counts from 0 on, shares to 1."""
    least = [-np.inf if name == "growth exponent" else 0.0 for name in names]
    most = [1.0 if "share" in name else np.inf for name in names]
    return np.clip(ends, least, most)


def slope_of_defined(values: Floats) -> float:
    """Least-squares slope along the blocks with a defined value; NaN with fewer than three.

    Exactly 0 for equal values: a claim must not rest on a rounding error's sign.
    """
    blocks = np.flatnonzero(np.isfinite(values))
    if blocks.size < 3:
        return float("nan")
    x = blocks - blocks.mean()
    return float(x @ (values[blocks] - values[blocks[0]]) / (x @ x))


def cluster_rows(
    kept: Sequence[KeptMatrix], options: StructureOptions, names: Sequence[str]
) -> pd.DataFrame:
    """Every cluster of two or more labels at the default theta, largest first.

    Columns block, method, theta, cluster, size, and by falling frequency the members' ids and names
    as lists: for tokens token_ids and tokens.
    """
    noun = options.noun
    rows = []
    for block, matrix in enumerate(kept):
        for method in METHODS:
            members = cluster_kept(matrix, options.theta, method).members()
            members.sort(key=lambda group: (-group.size, -int(matrix.occurrences[group].max())))
            for number, group in enumerate(members):
                ids = matrix.labels[group[np.argsort(-matrix.occurrences[group], kind="stable")]]
                rows.append(
                    {
                        "block": block,
                        "method": method,
                        "theta": options.theta,
                        "cluster": number,
                        "size": group.size,
                        f"{noun.one}_ids": ids.tolist(),
                        noun.many: [names[i] for i in ids],
                    }
                )
    columns = ["block", "method", "theta", "cluster", "size", f"{noun.one}_ids", noun.many]
    return pd.DataFrame(rows, columns=columns)


def _without(whole: Sparse, parts: Sequence[Sparse]) -> Sparse:
    rest = whole
    for part in parts:
        rest = sparse.csr_array(rest - part)
    rest.eliminate_zeros()
    return rest
