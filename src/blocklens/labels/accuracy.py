"""Accuracy per label, its means, and their intervals over texts.

Symbols (docs/definitions.md: APT, <APT>): n_t = occurrences of label t, c_t = those predicted
right, APT(t) = c_t / n_t. <APT> = unweighted mean of APT over the labels with n_t >= n_min. The
mean weighted by occurrences is the ordinary accuracy. The same code serves tokens, text classes and
image classes.

State: integer counts per (group of texts, block, label). Intervals come from resampling the groups,
that of a rank correlation from leaving out one at a time (`intervals.py` says why).
Every mean here is written as a weighted mean over occurrences, `sum_t w_t c_t / sum_t w_t n_t`,
with w_t = 1 / n_t for a mean over labels. A resample keeps the weights of the full set: a draw that
misses a rare label then does not change which labels the mean is over (recounting n_t in each draw
would drop a third of the labels seen once and shift <APT> away from its own value).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from blocklens.errors import UserError
from blocklens.statistics.intervals import Floats, jackknife

Integers = NDArray[np.integer]

KINDS: tuple[str, ...] = ("masked", "random", "unchanged")
"""What a modified token was replaced by, by kind number 0, 1, 2."""


class LabelCounts:
    """Occurrences and right predictions per group of texts, block and label.

    `occurrences` [groups, labels], `correct` [groups, blocks, labels], and for the kinds of
    modification `kind_occurrences` [kinds, labels], `kind_correct` [blocks, kinds, labels],
    `group_kind_occurrences` [groups, kinds], `group_kind_correct` [groups, blocks, kinds]:
    integers. A text belongs to group (its number) mod groups.
    """

    def __init__(
        self, labels: int, blocks: int, groups: int = 20, kinds: Sequence[str] = KINDS
    ) -> None:
        self.labels, self.blocks, self.groups, self.kinds = labels, blocks, groups, tuple(kinds)
        k = len(self.kinds)
        self.occurrences = np.zeros((groups, labels), dtype=np.int32)
        self.correct = np.zeros((groups, blocks, labels), dtype=np.int32)
        self.kind_occurrences = np.zeros((k, labels), dtype=np.int32)
        self.kind_correct = np.zeros((blocks, k, labels), dtype=np.int32)
        self.group_kind_occurrences = np.zeros((groups, k), dtype=np.int64)
        self.group_kind_correct = np.zeros((groups, blocks, k), dtype=np.int64)

    def update(
        self, true: Integers, predicted: Integers, text: Integers, kind: Integers | None = None
    ) -> None:
        """Count `true` [n], `predicted` [blocks, n], `text` [n] (text numbers), `kind` [n]."""
        if predicted.shape != (self.blocks, true.size):
            raise UserError(
                f"accuracy: predictions of shape {predicted.shape}; expected "
                f"({self.blocks}, {true.size}), one row a block"
            )
        if self.kinds and kind is None:
            raise UserError(f"accuracy: the kind of every prediction is needed ({self.kinds})")
        group = text % self.groups
        np.add.at(self.occurrences, (group, true), 1)
        if kind is not None:
            np.add.at(self.kind_occurrences, (kind, true), 1)
            np.add.at(self.group_kind_occurrences, (group, kind), 1)
        for block in range(self.blocks):
            right = predicted[block] == true
            np.add.at(self.correct[:, block], (group[right], true[right]), 1)
            if kind is not None:
                np.add.at(self.kind_correct[block], (kind[right], true[right]), 1)
                np.add.at(self.group_kind_correct[:, block], (group[right], kind[right]), 1)

    def merge(self, other: LabelCounts) -> None:
        """Add the counts of `other` (the same labels, blocks, groups and kinds)."""
        mine = (self.labels, self.blocks, self.groups, self.kinds)
        theirs = (other.labels, other.blocks, other.groups, other.kinds)
        if mine != theirs:
            raise UserError(f"accuracy: counts of {theirs} cannot be added to counts of {mine}")
        self.occurrences += other.occurrences
        self.correct += other.correct
        self.kind_occurrences += other.kind_occurrences
        self.kind_correct += other.kind_correct
        self.group_kind_occurrences += other.group_kind_occurrences
        self.group_kind_correct += other.group_kind_correct

    @property
    def n(self) -> NDArray[np.int64]:
        """Occurrences of every label, [labels]."""
        return self.occurrences.sum(axis=0, dtype=np.int64)

    @property
    def c(self) -> NDArray[np.int64]:
        """Right predictions per block and label, [blocks, labels]."""
        return self.correct.sum(axis=0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean per block: `value` [blocks], `draws` [patterns, blocks], without some; `n` occurrences."""

    value: Floats
    draws: Floats
    n: int
    labels: int

    def interval(self) -> tuple[Floats, Floats]:
        """Lower and upper end per block, [blocks] each; NaN where the mean is undefined."""
        return jackknife(self.value, self.draws)


@dataclass(frozen=True, slots=True)
class Jackknifed:
    """A figure per block: `value` [blocks], and `left_out` [groups, blocks] without each group."""

    value: Floats
    left_out: Floats
    n: int
    labels: int

    def interval(self) -> tuple[Floats, Floats]:
        """Lower and upper end per block, [blocks] each; NaN where the figure is undefined.

        NaN too where no group moves the figure: with hardly a label ever right, ranks tie, and an
        interval of no width would be certainty out of ties.
        """
        low, high = jackknife(self.value, self.left_out)
        fixed = np.ptp(self.left_out, axis=0) == 0 if len(self.left_out) else np.isnan(low)
        return np.where(fixed, np.nan, low), np.where(fixed, np.nan, high)


def leave_out_factors(seeds: int, groups: int) -> list[list[list[int]]]:
    """What a jackknife over seeds and groups of texts leaves out, for counts of both crossed.

    Group `seed * groups + group` of the counts holds a group of texts predicted by the read-outs of
    one seed. The factors: all texts of one seed, and one group of texts in all seeds.
    """
    by_seed = [[seed * groups + group for group in range(groups)] for seed in range(seeds)]
    by_text = [[seed * groups + group for seed in range(seeds)] for group in range(groups)]
    return [by_seed, by_text]


def leave_out_weights(factors: Sequence[Sequence[Sequence[int]]], groups: int) -> NDArray[np.int64]:
    """The patterns of `leave_out_factors` in the place of resamples, [patterns, groups]: 0 or 1."""
    patterns = [pattern for factor in factors for pattern in factor]
    weights = np.ones((len(patterns), groups), dtype=np.int64)
    for row, pattern in enumerate(patterns):
        weights[row, list(pattern)] = 0
    return weights


def weighted_mean(
    counts: LabelCounts, weights: Floats, chosen: NDArray[np.bool_], drawn: NDArray[np.int64]
) -> Mean:
    """Mean `sum w c / sum w n` over the labels `chosen` [labels], with `weights` [labels].

    `drawn`: [resamples, groups] as `resample_weights` gives. No label chosen: NaN.
    """
    weights = np.where(chosen, weights, 0.0)
    right = counts.correct @ weights  # [groups, blocks]
    seen = counts.occurrences @ weights  # [groups]
    with np.errstate(invalid="ignore", divide="ignore"):
        value = right.sum(axis=0) / seen.sum()
        draws = (drawn @ right) / (drawn @ seen)[:, None]
    return Mean(value, draws, int(counts.n[chosen].sum()), int(chosen.sum()))


def label_mean(counts: LabelCounts, chosen: NDArray[np.bool_], drawn: NDArray[np.int64]) -> Mean:
    """Unweighted mean of the accuracy per label over the labels `chosen` that occur."""
    n = counts.n
    chosen = chosen & (n > 0)
    return weighted_mean(counts, 1.0 / np.maximum(n, 1), chosen, drawn)


def apt_mean(counts: LabelCounts, drawn: NDArray[np.int64], n_min: int = 1) -> Mean:
    """<APT>: unweighted mean over the labels with n_t >= n_min (docs/definitions.md: <APT>)."""
    return label_mean(counts, counts.n >= max(n_min, 1), drawn)


def accuracy(counts: LabelCounts, drawn: NDArray[np.int64]) -> Mean:
    """Accuracy over occurrences: masked-LM accuracy for tokens, not <APT>."""
    return weighted_mean(counts, np.ones(counts.labels), counts.n > 0, drawn)


def apt_top(
    counts: LabelCounts, frequency: Integers, drawn: NDArray[np.int64], top: int = 50
) -> Mean:
    """APT_top: <APT> over the `top` most frequent labels that occur (ties by label id)."""
    order = np.argsort(-np.where(counts.n > 0, frequency, -1).astype(np.int64), kind="stable")
    chosen = np.zeros(counts.labels, dtype=bool)
    chosen[order[:top]] = True
    return label_mean(counts, chosen, drawn)


def kind_accuracy(counts: LabelCounts, kind: int, drawn: NDArray[np.int64]) -> Mean:
    """Accuracy over the occurrences of one kind of modification (a number into `counts.kinds`)."""
    right, seen = counts.group_kind_correct[:, :, kind], counts.group_kind_occurrences[:, kind]
    with np.errstate(invalid="ignore", divide="ignore"):
        value = right.sum(axis=0) / seen.sum()
        draws = (drawn @ right) / (drawn @ seen)[:, None]
    return Mean(value, draws, int(seen.sum()), int((counts.kind_occurrences[kind] > 0).sum()))


def frequency_bin_edges(frequency: Integers, per_decade: int = 3) -> Floats:
    """Log-spaced edges that cover the positive frequencies; the first bin starts at 1."""
    top = max(int(frequency.max(initial=1)), 1)
    bins = int(np.floor(np.log10(top) * per_decade)) + 1
    return 10 ** (np.arange(bins + 1) / per_decade)


def frequency_rho(counts: LabelCounts, frequency: Integers, n_min: int = 10) -> Jackknifed:
    """Spearman's rho between training frequency and APT over labels with n_t >= n_min, per block.

    Labels are those of the full set; without a group that has all of a label's occurrences, it is
    left out. NaN where APT is the same for all labels.
    """
    chosen = (counts.n >= max(n_min, 1)) & (frequency > 0)
    seen, right = counts.occurrences[:, chosen], counts.correct[:, :, chosen]
    chosen_frequency = frequency[chosen]

    def rho(n: Integers, c: Integers) -> Floats:
        there = n > 0
        ranks = stats.rankdata(chosen_frequency[there])
        return np.array([_correlation(ranks, stats.rankdata(x[there] / n[there])) for x in c])

    all_seen, all_right = seen.sum(axis=0), right.sum(axis=0)
    filled = np.flatnonzero(seen.any(axis=1))
    without = [rho(all_seen - seen[g], all_right - right[g]) for g in filled]
    left_out = np.array(without).reshape(len(filled), counts.blocks)
    return Jackknifed(
        rho(all_seen, all_right), left_out, int(counts.n[chosen].sum()), int(chosen.sum())
    )


def slope_along_blocks(mean: Mean, blocks: Sequence[int] | None = None) -> Mean:
    """Least-squares change per block of a mean, as a mean of one block ([1], [resamples, 1]).

    `blocks`: their numbers, where the mean's are not one after the other.
    """
    at = np.arange(len(mean.value)) if blocks is None else np.asarray(blocks)
    value, draws = _slopes(mean.value[None], at), _slopes(mean.draws, at)[:, None]
    return Mean(value, draws, mean.n, mean.labels)


def rise(mean: Mean) -> Mean:
    """Last block minus the first, with the difference taken inside each resample."""
    value, draws = mean.value[-1:] - mean.value[:1], mean.draws[:, -1:] - mean.draws[:, :1]
    return Mean(value, draws, mean.n, mean.labels)


def _slopes(values: Floats, blocks: NDArray[np.integer]) -> Floats:
    """Least-squares slope of each row of `values` [rows, blocks] against the block's number."""
    x = blocks - blocks.mean()
    # from the first value on: equal values have slope 0, whatever rounding would make of it
    return ((values - values[:, :1]) @ x) / max(float(x @ x), 1e-300)


def _correlation(a: Floats, b: Floats) -> float:
    if a.size < 2:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")
