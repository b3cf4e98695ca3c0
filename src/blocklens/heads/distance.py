"""Distance distribution of the high pairs: delta = j - i, against all pairs of the same texts.

For one text of n tokens all pairs have P(delta) = 2 (n - delta) / (n (n - 1)) and mean (n + 1) / 3.
The null is that expectation for as many pairs of the same texts, so a long text weighs the same on
both sides (docs/definitions.md: distance distribution; that it goes from long to short is P1's
statement).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from blocklens.heads.pairs import LOCAL, NEAR
from blocklens.heads.ratios import GROUPS, Ratios, quantiles, resampling_weights

if TYPE_CHECKING:
    from blocklens.heads.view import View

STATISTICS = ("mean distance", f"share within {LOCAL}")


class Distance:
    """Streaming sums of distances, and their histogram at the chosen cut.

    Args:
        blocks: number of blocks.
        heads: number of heads.
        tokens: the longest window; distances are below it.
        cuts: all cuts.
        default_cut: index of the cut whose histogram is kept.
        groups: number of groups of texts.

    """

    name = "distance"

    def __init__(
        self,
        *,
        blocks: int,
        heads: int,
        tokens: int,
        cuts: tuple[float, ...],
        default_cut: int,
        groups: int = GROUPS,
    ) -> None:
        self.ratios = Ratios(
            self.name, STATISTICS, blocks=blocks, heads=heads, cuts=cuts, groups=groups
        )
        self.default_cut = default_cut
        self.histogram = np.zeros((groups, blocks, heads, tokens), dtype=np.int32)
        self.expected = np.zeros((groups, blocks, heads, tokens), dtype=np.float32)

    def update(self, view: View) -> None:
        """Add one block of one window."""
        table, found = view.table, view.pairs.distances
        number = view.pairs.number[:, :, None]
        n = table.tokens
        far, near = found @ np.arange(n), found[:, :, : LOCAL + 1].sum(axis=2)
        means = np.array([table.mean_distance, table.shares[NEAR]])
        self.ratios.add(
            view.group, view.block, np.stack([far, near], axis=-1), means * number, number
        )
        self.histogram[view.group, view.block - 1, :, :n] += found[:, self.default_cut]
        self.expected[view.group, view.block - 1, :, :n] += (
            number[:, self.default_cut] * table.distance_shares
        )

    def merge(self, other: Distance) -> None:
        """Add the sums of other texts."""
        self.ratios.merge(other.ratios)
        self.histogram += other.histogram
        self.expected += other.expected

    def table(self) -> pd.DataFrame:
        """Mean distance, share within 5 and median distance, see `Ratios.table`."""
        return pd.concat([self.ratios.table(), self._medians()], ignore_index=True)

    def distances(self) -> pd.DataFrame:
        """The histogram: block, head (missing for the whole block), distance, pairs, expected."""
        frames = []
        pairs, expected = self.histogram.sum(axis=0), self.expected.sum(axis=0, dtype=np.float64)
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
        found = pd.concat(frames, ignore_index=True)
        reached = found.loc[found["expected"] > 0, "distance"].max()
        return found.loc[found["distance"] <= reached].reset_index(drop=True)

    def _medians(self) -> pd.DataFrame:
        """Median distance against the null's median, with the interval of their ratio."""
        used = self.histogram.any(axis=(1, 2, 3))
        if not used.any():
            return pd.DataFrame()
        draws = np.vstack([np.ones(used.sum()), resampling_weights(int(used.sum()))])
        rows = []
        blocks, heads = self.histogram.shape[1:3]
        cut = self.ratios.cuts[self.default_cut]
        for block in range(blocks):
            pairs, null = self.histogram[used, block], self.expected[used, block]
            for head in range(-1, heads):
                counts = pairs.sum(axis=1) if head < 0 else pairs[:, head]
                expected = null.sum(axis=1) if head < 0 else null[:, head]
                observed_median = medians(draws @ counts)
                expected_median = medians(draws @ expected)
                ratio = observed_median / expected_median
                low, high = quantiles(ratio[1:]) if used.sum() > 1 else (np.nan, np.nan)
                rows.append(
                    (self.name, "median distance", block + 1, pd.NA if head < 0 else head, cut,
                     observed_median[0], expected_median[0], ratio[0], low, high, counts.sum())
                )  # fmt: skip
        columns = [
            "measure", "statistic", "block", "head", "cut",
            "value", "null", "effect", "low", "high", "n",
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=columns).astype({"head": "Int64"})


def medians(histograms: np.ndarray) -> np.ndarray:
    """The median of each histogram [rows, values]: the smallest value that half lie at or below."""
    sums = histograms.cumsum(axis=1)
    return (sums >= sums[:, -1:] / 2).argmax(axis=1).astype(np.float64)
