"""Accuracy per label, its means, and their intervals over groups of inputs.

Symbols (docs/definitions.md: APT, <APT>): n_t = occurrences of label t, c_t = those predicted
right, APT(t) = c_t / n_t. <APT> = unweighted mean of APT over the labels with n_t >= n_min. The
mean weighted by occurrences is the ordinary accuracy.

Every mean here is written as a weighted mean over occurrences, `sum_t w_t c_t / sum_t w_t n_t`,
with w_t = 1 / n_t for a mean over labels. What is left out for an interval keeps the weights of the
full set: a group that holds a rare label then does not change which labels the mean is over
(recounting n_t would drop labels seen once and shift <APT> away from its own value).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer
from numpy.typing import NDArray
from scipy import stats

from blocklens.labels.confusion import ConfusionCounts, Integers
from blocklens.labels.left_out import Factors, Jackknifed
from blocklens.statistics.intervals import Floats
from blocklens.statistics.slopes import correlation, slope


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Occurrences `n` and right predictions `c` of the labels that occur, `ids`, rising."""

    ids: Int64[np.ndarray, " types"]
    n: Int64[np.ndarray, "groups types"]
    c: Int64[np.ndarray, "groups blocks types"]

    @classmethod
    def of(cls, counts: ConfusionCounts, kind: int | None = None) -> LabelCounts:
        """Row sums and diagonals of all kinds, or of one of them."""
        ids, n = np.empty(0, np.int64), np.empty((counts.groups, 0), np.int64)
        right_of_blocks = []
        for block in range(counts.blocks):
            group, kinds, true, predicted, count = counts.elements(block)
            chosen = np.broadcast_to(kind is None or kinds == kind, true.shape)
            if not block:  # every block answers the same inputs
                ids = np.unique(true[chosen])
                at = np.searchsorted(ids, true[chosen])
                n = _summed(group[chosen], at, count[chosen], counts, ids)
            right = chosen & (true == predicted)
            at = np.searchsorted(ids, true[right])
            right_of_blocks.append(_summed(group[right], at, count[right], counts, ids))
        return cls(ids, n, np.stack(right_of_blocks, axis=1))

    @property
    def occurrences(self) -> Int64[np.ndarray, " types"]:
        """Occurrences of every label."""
        return self.n.sum(axis=0)

    @property
    def correct(self) -> Int64[np.ndarray, "blocks types"]:
        """Right predictions per block and label."""
        return self.c.sum(axis=0)


def _summed(
    group: Integers, label: Integers, count: Integers, counts: ConfusionCounts, ids: Integers
) -> NDArray[np.int64]:
    sums = np.zeros((counts.groups, ids.size), dtype=np.int64)
    np.add.at(sums, (group, label), count)
    return sums


def jackknifed(
    counts: LabelCounts, factors: Factors, statistic: Callable[[Integers, Integers], Floats]
) -> Jackknifed:
    """A statistic of n [types] and c [blocks, types], and what it is without each part."""
    n, c = counts.occurrences, counts.correct
    with np.errstate(invalid="ignore", divide="ignore"):
        without = tuple(
            np.stack(
                [
                    statistic(n - counts.n[part].sum(axis=0), c - counts.c[part].sum(axis=0))
                    for part in factor
                ]
            )
            for factor in factors
        )
        return Jackknifed(statistic(n, c), without, int(n.sum()), counts.ids.size, factors)


def label_mean(
    counts: LabelCounts,
    factors: Factors,
    chosen: Bool[np.ndarray, " types"] | Float64[np.ndarray, " types"] | None = None,
) -> Jackknifed:
    """Mean of the accuracy per label over the labels `chosen` [types], or all.

    Unweighted, or by the weights that `chosen` is.
    """
    chosen = np.ones(counts.ids.size, dtype=bool) if chosen is None else chosen
    n, some = counts.occurrences, chosen > 0
    weights = np.where(some, chosen / n, 0.0)
    mean = jackknifed(counts, factors, lambda n, c: (c @ weights) / (n @ weights))
    return replace(mean, n=int(n[some].sum()), labels=int(some.sum()))


def rarefied(counts: LabelCounts, occurrences: int = 1000) -> Float64[np.ndarray, " types"]:
    """How likely each label is among so many occurrences, [types]: weights of a stable mean (ours).

    The more is measured, the more rare labels there are, and <APT> falls with them. With these
    weights it is what so many occurrences would show on average, however many there are.
    """
    share = counts.occurrences / counts.occurrences.sum()
    return -np.expm1(occurrences * np.log1p(-np.minimum(share, 1 - 1e-12)))


def accuracy(counts: LabelCounts, factors: Factors) -> Jackknifed:
    """Accuracy over occurrences: masked-LM accuracy for tokens, not <APT>."""
    return jackknifed(counts, factors, lambda n, c: c.sum(axis=1) / n.sum())


def most_frequent(
    counts: LabelCounts, frequency: Integer[np.ndarray, " labels"], top: int = 50
) -> Bool[np.ndarray, " types"]:
    """The `top` most frequent labels that occur (ties by label id), [types]."""
    order = np.argsort(-frequency[counts.ids].astype(np.int64), kind="stable")
    chosen = np.zeros(counts.ids.size, dtype=bool)
    chosen[order[:top]] = True
    return chosen


def frequency_bin_edges(
    frequency: Integer[np.ndarray, " labels"], per_decade: int = 3
) -> Float64[np.ndarray, " edges"]:
    """Log-spaced edges that cover the positive frequencies; the first bin starts at 1."""
    top = max(int(frequency.max(initial=1)), 1)
    bins = int(np.floor(np.log10(top) * per_decade)) + 1
    return 10 ** (np.arange(bins + 1) / per_decade)


FEWEST_RANKED = 10
"""Occurrences that a label needs to count in `frequency_rho` and `frequency_slope`."""


def frequency_rho(
    counts: LabelCounts,
    factors: Factors,
    frequency: Integer[np.ndarray, " labels"],
    n_min: int = FEWEST_RANKED,
) -> Jackknifed:
    """Spearman's rho between training frequency and APT over labels with n_t >= n_min, per block.

    Labels are those of the full set; without a group that has all of a label's occurrences, it is
    left out. NaN where APT is the same for all labels.
    """
    return _by_frequency(
        counts,
        factors,
        frequency,
        n_min,
        lambda f, apt: correlation(stats.rankdata(f), stats.rankdata(apt)),
    )


def frequency_slope(
    counts: LabelCounts,
    factors: Factors,
    frequency: Integer[np.ndarray, " labels"],
    n_min: int = FEWEST_RANKED,
) -> Jackknifed:
    """Change of APT for ten times the training frequency, least squares over those labels (ours).

    What few occurrences add to APT pulls a rank correlation towards zero, and not this.
    """
    return _by_frequency(
        counts, factors, frequency, n_min, lambda f, apt: float(slope(apt, np.log10(f)))
    )


def _by_frequency(
    counts: LabelCounts,
    factors: Factors,
    frequency: Integers,
    n_min: int,
    relation: Callable[[Integers, Floats], float],
) -> Jackknifed:
    """How APT goes with frequency over labels with n_t >= n_min, per block."""
    of_label = frequency[counts.ids]
    chosen = (counts.occurrences >= n_min) & (of_label > 0)

    def related(n: Integers, c: Integers) -> Floats:
        there = chosen & (n > 0)
        return np.array([relation(of_label[there], x[there] / n[there]) for x in c])

    slopes = jackknifed(counts, factors, related)
    # Where no group moves it ranks tie, and an interval of no width would be certainty out of ties.
    without = tuple(np.where(np.ptp(one, axis=0) == 0, np.nan, one) for one in slopes.without)
    n = int(counts.occurrences[chosen].sum())
    return replace(slopes, without=without, n=n, labels=int(chosen.sum()))
