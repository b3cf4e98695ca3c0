"""Sums behind every head statistic, and their one reduction to values with intervals.

A statistic is a mean of something observed, set against its mean under a null of the same texts. So
its whole state is three sums for each (group of texts, block, head, cut): observed, expected under
the null, and weight (how many pairs, queries or texts were averaged). `merge` is addition. Texts
fall into groups by their hash, and an interval comes from leaving out groups: the sampling unit is
the text (or, for a few long texts, the window), never the token or the pair.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float64, Shaped

from blocklens.statistics.groups import GROUPS
from blocklens.statistics.intervals import jackknife

Sums = Shaped[np.ndarray, " ..."] | np.number
"""Of one text: what broadcasts to [heads, cuts, statistics]."""


class Ratios:
    """Observed, expected and weight, each [groups, blocks, heads, cuts, statistics].

    Args:
        measure: the measure's name, as the tables give it.
        statistics: the statistics' names.
        blocks: number of blocks; block numbers count from 1.
        heads: number of heads, or 1 for a statistic of whole blocks.
        cuts: the fractions q of the sweep; (nan,) where no cut is made.
        groups: number of groups of texts.
        whole_blocks: the statistic belongs to the block and not to its heads.

    """

    def __init__(
        self,
        measure: str,
        statistics: Sequence[str],
        *,
        blocks: int,
        heads: int,
        cuts: Sequence[float] = (float("nan"),),
        groups: int = GROUPS,
        whole_blocks: bool = False,
    ) -> None:
        self.measure = measure
        self.statistics = tuple(statistics)
        self.cuts = tuple(cuts)
        self.whole_blocks = whole_blocks
        shape = (groups, blocks, 1 if whole_blocks else heads, len(self.cuts), len(self.statistics))
        self.observed = np.zeros(shape)
        self.expected = np.zeros(shape)
        self.weight = np.zeros(shape)

    def add(
        self,
        group: int,
        block: int,
        observed: Sums,
        expected: Sums,
        weight: Sums,
    ) -> None:
        """Add one text's sums for one block; each broadcasts to [heads, cuts, statistics]."""
        self.observed[group, block - 1] += observed
        self.expected[group, block - 1] += expected
        self.weight[group, block - 1] += weight

    def merge(self, other: Ratios) -> None:
        """Add the sums of other texts."""
        self.observed += other.observed
        self.expected += other.expected
        self.weight += other.weight

    def table(self) -> pd.DataFrame:
        """One row per block, head and statistic, and one per whole block (head missing).

        Columns: measure, statistic, block, head, cut, value, null, effect (value / null), low, high
        (95 % interval of the effect), n (the weight).
        """
        heads = [reduced(self.observed, self.expected, self.weight)]
        if not self.whole_blocks:
            whole = [
                sums.sum(axis=2, keepdims=True)
                for sums in (self.observed, self.expected, self.weight)
            ]
            heads.append(reduced(*whole))
        frames = []
        for values in heads:
            blocks, width, cuts, statistics = values["value"].shape
            block, head, cut, statistic = np.indices((blocks, width, cuts, statistics))
            frame = pd.DataFrame(
                {
                    "measure": self.measure,
                    "statistic": np.asarray(self.statistics, dtype=object)[statistic.ravel()],
                    "block": block.ravel() + 1,
                    "head": pd.array(head.ravel(), dtype="Int64"),
                    "cut": np.asarray(self.cuts)[cut.ravel()],
                    **{name: array.ravel() for name, array in values.items()},
                }
            )
            if width == 1 and (self.whole_blocks or values is heads[-1]):
                frame["head"] = pd.array([pd.NA] * len(frame), dtype="Int64")
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def sums(self, cut: float) -> pd.DataFrame:
        """The sums of one cut by group, block, head and statistic: left out in turn by claims."""
        column = 0 if len(self.cuts) == 1 else self.cuts.index(cut)
        group, block, head, statistic = np.indices(self.observed[:, :, :, column].shape)
        frame = pd.DataFrame(
            {
                "measure": self.measure,
                "statistic": np.asarray(self.statistics, dtype=object)[statistic.ravel()],
                "group": group.ravel().astype(np.int16),
                "block": block.ravel().astype(np.int16) + 1,
                "head": pd.array(head.ravel(), dtype="Int64"),
                "observed": self.observed[:, :, :, column].ravel(),
                "expected": self.expected[:, :, :, column].ravel(),
                "weight": self.weight[:, :, :, column].ravel(),
            }
        )
        if self.whole_blocks:
            frame["head"] = pd.array([pd.NA] * len(frame), dtype="Int64")
        return frame.loc[frame["weight"] > 0]


def reduced(
    observed: Float64[np.ndarray, "groups ..."],
    expected: Float64[np.ndarray, "groups ..."],
    weight: Float64[np.ndarray, "groups ..."],
) -> dict[str, Float64[np.ndarray, " ..."]]:
    """Value, null, effect with its interval, and n, from sums [groups, ...] to [...].

    Groups without any text are left out, so that few texts give honest intervals: a single group
    gives none (missing values). The interval is the jackknife's, of the ratio's logarithm.
    """
    used = weight.reshape(len(weight), -1).any(axis=1)
    dealt = int(np.flatnonzero(used).max(initial=-1)) + 1  # a twin's texts are in the first groups
    observed, expected, total = observed[used], expected[used], weight.sum(axis=0)
    whole, null = observed.sum(axis=0), expected.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = whole / null
        left_out = (whole - observed) / (null - expected)
        low, high = jackknife(effect, left_out, log=True, weights=expected, of=dealt)
        return {
            "value": whole / total,
            "null": null / total,
            "effect": effect,
            "low": low,
            "high": high,
            "n": total,
        }
