"""Distance distribution of the high pairs: delta = j - i, against all pairs of the same texts.

For one text of n tokens all pairs have P(delta) = 2 (n - delta) / (n (n - 1)) and mean (n + 1) / 3.
The null is that expectation for as many pairs of the same texts, so a long text weighs the same on
both sides (docs/definitions.md: distance distribution; that it goes from long to short is P1's
statement).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Num

from blocklens.heads.head_options import HeadOptions
from blocklens.heads.pairs import LOCAL, NEAR
from blocklens.heads.streaming import HeadMeasure, Shape
from blocklens.heads.view import View
from blocklens.statistics.intervals import jackknife


class Distance(HeadMeasure):
    """Streaming sums of distances, and their histogram at the chosen cut."""

    name = "distance"
    statistics = ("mean distance", f"share within {LOCAL}")

    def __init__(self, shape: Shape, options: HeadOptions) -> None:
        super().__init__(shape, options)
        size = (shape.groups, shape.blocks, shape.heads, shape.tokens)
        self.kept["pairs"] = np.zeros(size, dtype=np.int32)
        self.kept["expected"] = np.zeros(size, dtype=np.float32)

    def update(self, view: View) -> None:
        """Add one block of one window."""
        table, at_distance = view.table, view.pairs.distances  # [heads, cuts, tokens]
        count = view.pairs.number[:, :, None]
        n, cut = table.tokens, self.options.default_cut
        far, near = at_distance @ np.arange(n), at_distance[:, :, : LOCAL + 1].sum(axis=2)
        means = np.array([table.mean_distance, table.shares[NEAR]])
        self.ratios.add(
            view.group, view.block, np.stack([far, near], axis=-1), means * count, count
        )
        here = view.group, view.block - 1, slice(None), slice(n)
        self.kept["pairs"][here] += at_distance[:, cut]
        self.kept["expected"][here] += count[:, cut] * table.distance_shares

    def table(self) -> pd.DataFrame:
        """Mean distance, share within 5 and median distance, see `Ratios.table`."""
        return pd.concat([self.ratios.table(), self._medians()], ignore_index=True)

    def distances(self) -> pd.DataFrame:
        """The histogram: block, head (missing for the whole block), distance, pairs, expected."""
        frames = []
        pairs = self.kept["pairs"].sum(axis=0)
        expected = self.kept["expected"].sum(axis=0, dtype=np.float64)
        for whole in (False, True):
            counts = pairs.sum(axis=1, keepdims=True) if whole else pairs
            null = expected.sum(axis=1, keepdims=True) if whole else expected
            block, head, distance = np.indices(counts.shape)
            heads = pd.array(head.ravel(), dtype="Int64")
            frame = pd.DataFrame(
                {
                    "block": block.ravel() + 1,
                    "head": pd.array([pd.NA] * counts.size, dtype="Int64") if whole else heads,
                    "distance": distance.ravel(),
                    "pairs": counts.ravel(),
                    "expected": null.ravel(),
                }
            )
            frames.append(frame[frame["distance"] > 0])
        frame = pd.concat(frames, ignore_index=True)
        reached = frame.loc[frame["expected"] > 0, "distance"].max()
        return frame.loc[frame["distance"] <= reached].reset_index(drop=True)

    def _medians(self) -> pd.DataFrame:
        """Median distance against the null's median, with the interval of their ratio."""
        histogram = self.kept["pairs"]
        used = histogram.any(axis=(1, 2, 3))
        if not used.any():
            return pd.DataFrame()
        rows = []
        cut = self.options.cut
        for block in range(self.shape.blocks):
            pairs, null = histogram[used, block], self.kept["expected"][used, block]
            for head in range(-1, self.shape.heads):  # -1: the whole block
                counts = pairs.sum(axis=1) if head < 0 else pairs[:, head]
                expected = null.sum(axis=(0, 1)) if head < 0 else null[:, head].sum(axis=0)
                value, low, high = median_interval(counts)
                of_null = quantile(expected, 0.5)
                rows.append(
                    (self.name, "median distance", block + 1, pd.NA if head < 0 else head, cut,
                     value, of_null, value / of_null, low / of_null, high / of_null, counts.sum())
                )  # fmt: skip
        columns = [
            "measure", "statistic", "block", "head", "cut",
            "value", "null", "effect", "low", "high", "n",
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=columns).astype({"head": "Int64"})


def quantile(histogram: Num[np.ndarray, " values"], share: float) -> float:
    """The smallest value that the share lies at or below, of a histogram."""
    sums = histogram.cumsum()
    return float((sums >= sums[-1] * min(max(share, 0.0), 1.0)).argmax())


def median_interval(counts: Num[np.ndarray, "groups values"]) -> tuple[float, float, float]:
    """The median of the groups' histograms together and its 95 % interval (Woodruff 1952).

    A median jumps from one whole number to the next, so its own jackknife says little: the interval
    is that of the share of pairs up to the median, read off as distances.
    """
    total = counts.sum(axis=0)
    median = int(quantile(total, 0.5))
    up_to = counts[:, : median + 1].sum(axis=1)
    number = counts.sum(axis=1)
    share = np.array(up_to.sum() / number.sum())
    left = (up_to.sum() - up_to) / np.maximum(number.sum() - number, 1)
    low, high = jackknife(share, left, weights=number)
    if not np.isfinite(low):
        return float(median), float("nan"), float("nan")
    half = float(high - low) / 2
    return float(median), quantile(total, 0.5 - half), quantile(total, 0.5 + half)
