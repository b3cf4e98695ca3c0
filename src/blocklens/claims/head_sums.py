"""The head measures' sums of one run, and the quantities that claims make of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from jaxtyping import Bool

from blocklens.statistics.estimate import Estimate
from blocklens.statistics.intervals import Floats, effective_groups, groups_of_half


class RunSums:
    """One run's sums of one statistic, by group of texts.

    Attributes:
        observed: [groups, blocks, heads].
        expected: the same, under the null.
        of: to how many groups texts were dealt, those that hold none of it counted.
        blocks: number of blocks.

    """

    def __init__(self, rows: pd.DataFrame) -> None:
        dealt = rows["group"].to_numpy(np.int64)
        group = np.unique(dealt, return_inverse=True)[1]
        block = rows["block"].to_numpy(np.int64) - 1
        head = rows["head"].fillna(0).to_numpy(np.int64)  # a statistic of the block has no head
        groups, self.blocks = group.max() + 1, int(block.max()) + 1
        self.of = int(dealt.max()) + 1
        self.observed = np.zeros((groups, self.blocks, head.max() + 1))
        self.expected = np.zeros_like(self.observed)
        self.observed[group, block, head] = rows["observed"]
        self.expected[group, block, head] = rows["expected"]

    @property
    def third(self) -> int:
        """Number of blocks in a third, at least one."""
        return max(1, round(self.blocks / 3))

    @property
    def effective(self) -> float:
        """As how many groups of equal weight the texts count."""
        return float(effective_groups(self.expected.sum(axis=(1, 2))))

    def effect(self, blocks: slice = slice(None)) -> Estimate:
        """Observed / expected over some blocks and all heads."""
        return self._ratio(self._ratios(blocks))

    def final_third(self) -> Estimate:
        """The effect in the last third of the blocks."""
        return self.effect(slice(self.blocks - self.third, None))

    def first_over_final(self) -> Estimate:
        """The effect in the first third of the blocks over that in the last third."""
        first = self._ratios(slice(0, self.third))
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._ratio(first / self._ratios(slice(self.blocks - self.third, None)))

    def strongest_heads(self) -> list[tuple[Bool[np.ndarray, " groups"], int, int]]:
        """The strongest head of each half of the groups, and the groups of the other half.

        [groups], block and head of either; nothing where a half shows none.
        """
        half, strongest = np.arange(len(self.observed)) % 2 == 0, []
        for chooses in (half, ~half):
            with np.errstate(invalid="ignore", divide="ignore"):
                chosen = self.observed[chooses].sum(axis=0) / self.expected[chooses].sum(axis=0)
            if not np.isfinite(chosen).any():  # no text, or none with the statistic
                return []
            block, head = np.unravel_index(np.nanargmax(chosen), chosen.shape)
            strongest.append((~chooses, int(block), int(head)))
        return strongest

    def strongest_head(self) -> Estimate:
        """The effect of the head that is strongest on half of the texts, on the other half.

        Choosing and measuring on the same texts would make the largest of many heads look large.
        Each half chooses for the other, and the two ratios are averaged (as they are: the mean of
        their logarithms lies 3 % too low at twenty texts). It is the effect of heads found so:
        where several are nearly as strong, a little below that of the strongest of all. It is as
        sure as half of the texts make it.
        """
        number = len(self.observed)
        values, weights = np.zeros(1 + number), np.zeros(number)
        heads = self.strongest_heads()
        for measured, block, head in heads:
            of_expected = self.expected[:, block, head] * measured
            values += ratios(self.observed[:, block, head] * measured, of_expected) / 2
            with np.errstate(invalid="ignore", divide="ignore"):
                weights += of_expected / of_expected.sum()
        if not heads:
            return Estimate(float("nan"), ratio=True)
        groups = groups_of_half(float(effective_groups(weights)), self.of)
        return Estimate.left_out(values[0], values[1:], ratio=True, groups=groups, of=self.of)

    def spread_over_heads(self) -> Estimate | None:
        """How many doublings the heads of a block lie apart, without the noise of few texts.

        The standard deviation over heads of log2(effect), the mean square over blocks. Noise makes
        heads look different; the jackknife takes out what the variance owes to it. None where a
        block has one head.
        """
        if self.observed.shape[2] == 1:
            return None
        # Half an observation keeps a head without any finite.
        doublings = np.log2(
            (all_and_without(self.observed) + 0.5) / (all_and_without(self.expected) + 0.5)
        )
        variance = doublings.var(axis=2, ddof=1).mean(axis=1)
        return Estimate.deviation(variance[0], variance[1:], self.effective, self.of)

    def _ratio(self, values: Floats) -> Estimate:
        return Estimate.left_out(
            values[0], values[1:], ratio=True, groups=self.effective, of=self.of
        )

    def _ratios(self, blocks: slice) -> Floats:
        return ratios(
            self.observed[:, blocks].sum(axis=(1, 2)), self.expected[:, blocks].sum(axis=(1, 2))
        )


Quantity = Callable[[RunSums], Estimate | None]
"""One estimate of a run's sums; None where they have no such quantity."""


def all_and_without(sums: Floats) -> Floats:
    """The sums over all groups, then those without each: [1 + groups, ...] from [groups, ...]."""
    total = sums.sum(axis=0)
    return np.concatenate([total[None], total - sums])


def ratios(observed: Floats, expected: Floats) -> Floats:
    """Observed over expected of all groups, then without each, [1 + groups]."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return all_and_without(observed) / all_and_without(expected)
