"""Whether clusters are there on other inputs, and how sharp they are on every block.

Clusters are found at the last block on one half of the inputs and looked at on the other half, both
ways round: what was chosen because it was large by luck is not large again. Sharpness (ours) is the
share of a clustered label's errors that fall into its own cluster, less what they would be if its
partners were other labels of their frequency.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int64
from numpy.typing import NDArray

from blocklens.labels.clusters import Method, cluster_kept
from blocklens.labels.confusion import ConfusionCounts, Sparse
from blocklens.labels.kept_matrix import kept_matrix
from blocklens.labels.left_out import Factors, Jackknifed
from blocklens.labels.nulls import frequency_bins
from blocklens.statistics.slopes import slope

INSIDE, MATCHED, EXCESS = (
    "errors in own cluster",
    "errors in matched labels",
    "errors in own cluster over matched",
)


def halves(
    groups: int, seeds: int = 1
) -> tuple[Int64[np.ndarray, " even"], Int64[np.ndarray, " odd"]]:
    """The groups of counts that hold the even groups of inputs, and those of the odd ones."""
    inputs = np.arange(groups) % (groups // seeds)
    return np.flatnonzero(inputs % 2 == 0), np.flatnonzero(inputs % 2 == 1)


def replicated(first: Sparse, second: Sparse, theta: float, n_min: int) -> tuple[int, float]:
    """Mutual strong pairs of one half [labels, labels], and the share that the other has as well.

    Of the pairs whose two labels are kept on the other half; both ways round together. NaN without
    any.
    """
    kept = [kept_matrix(matrix, n_min) for matrix in (first, second)]
    pairs = [_mutual(one.labels, one.normalised, theta) for one in kept]
    seen, again = 0, 0
    for own, other, there in ((*pairs, kept[1]), (*pairs[::-1], kept[0])):
        can = {pair for pair in own if np.isin(pair, there.labels).all()}
        seen, again = seen + len(can), again + len(can & other)
    return seen, again / seen if seen else float("nan")


def _mutual(labels: NDArray[np.int64], normalised: Sparse, theta: float) -> set[tuple[int, int]]:
    strong: Any = normalised > theta
    both = strong.multiply(strong.T).tocoo()
    upper = both.row < both.col
    return {
        (int(labels[i]), int(labels[j]))
        for i, j in zip(both.row[upper], both.col[upper], strict=True)
    }


def sharpness_rows(
    counts: ConfusionCounts,
    factors: Factors,
    *,
    theta: float,
    n_min: int,
    method: Method = "cliques",
    seeds: int = 1,
) -> list[dict[str, Any]]:
    """INSIDE, MATCHED and EXCESS of every block, and the slope of EXCESS, as rows of `learning`.

    NaN where half of the inputs holds no cluster.
    """
    sums = np.zeros((3, counts.groups, counts.blocks))  # errors, inside, matched
    clustered = 0
    parts = halves(counts.groups, seeds)
    for seen_on in parts:
        (matrix,) = counts.matrices(counts.blocks - 1, [seen_on])
        kept = kept_matrix(matrix, n_min)
        clusters = cluster_kept(kept, theta, method)
        sizes = clusters.sizes[clusters.cluster] if kept.labels.size else np.empty(0, int)
        cluster = np.full(counts.labels, -1, dtype=np.int64)
        cluster[kept.labels[sizes >= 2]] = clusters.cluster[sizes >= 2]
        clustered += int((cluster >= 0).sum())
        bins = frequency_bins(np.asarray(matrix.sum(axis=1)).ravel())
        for block in range(counts.blocks):
            sums[:, :, block] += _errors(counts, block, cluster, bins, seen_on)
    with np.errstate(invalid="ignore", divide="ignore"):
        figure = _shares(sums, factors, int(sums[0, :, -1].sum()), clustered)
        change = figure[EXCESS].through(lambda values: slope(values, fewest=3)[..., None])
    rows = []
    for name, one in figure.items():
        rows += one.rows(name, range(counts.blocks))
    return rows + change.rows(f"{EXCESS} slope", [pd.NA])


def _errors(
    counts: ConfusionCounts,
    block: int,
    cluster: NDArray[np.int64],
    bins: NDArray[np.int64],
    seen_on: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Errors of clustered labels, those in their cluster, and those expected, [3, groups]."""
    group, _, true, predicted, count = counts.elements(block)
    chosen = np.isin(group, seen_on) & (cluster[true] >= 0) & (true != predicted)
    group, true, predicted, count = (x[chosen] for x in (group, true, predicted, count))
    inside = cluster[predicted] == cluster[true]
    # Of the labels as frequent as the predicted one: how many are partners, and how many are not.
    bin_of = bins - bins.min() if bins.size else bins
    number = int(cluster.max(initial=-1)) + 1
    members = np.zeros((max(number, 1), int(bin_of.max(initial=0)) + 1))
    np.add.at(members, (cluster[cluster >= 0], bin_of[cluster >= 0]), 1)
    in_bin = np.bincount(bin_of, minlength=members.shape[1])
    at = (cluster[true], bin_of[predicted])
    partners = members[at] - (bin_of[true] == bin_of[predicted])
    others = np.maximum(in_bin[bin_of[predicted]] - members[at], 1)
    expected = np.where(inside, 0.0, partners / others)
    return np.array(
        [
            np.bincount(group, weights=count * weight, minlength=counts.groups)
            for weight in (np.ones(count.size), inside, expected)
        ],
        dtype=np.float64,
    )


def _shares(
    sums: NDArray[np.float64], factors: Factors, errors: int, clustered: int
) -> dict[str, Jackknifed]:
    def of(chosen: Sequence[int]) -> NDArray[np.float64]:
        rest = np.setdiff1d(np.arange(sums.shape[1]), chosen)
        total, inside, matched = sums[:, rest].sum(axis=1)
        return np.stack([inside / total, matched / total, (inside - matched) / total])

    value = of(())
    without = [np.stack([of(part) for part in factor]) for factor in factors]
    return {
        name: Jackknifed(
            value[at], tuple(one[:, at] for one in without), errors, clustered, factors
        )
        for at, name in enumerate((INSIDE, MATCHED, EXCESS))
    }
