"""Head measures of image encoders: what of P1's measures has a meaning for patches.

A patch has no token id, no sentence and no place in a line, so repetition, anchors, same sentence
and uniqueness are left out. Two things remain (P1 speaks of texts alone: both are ours):

    attention to special tokens   what patches send to [CLS] (and registers), over its share; 1 is
                                  no preference: `separators` with patches in the place of words
    distance in the patch grid    of the high pairs of the context similarity matrix, the larger of
                                  the steps down and across, against all pairs of the grid
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from blocklens.encoder.attention import Heads, Workspace
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.pairs import all_pairs
from blocklens.heads.ratios import GROUPS, Ratios
from blocklens.heads.separators import attention_received
from blocklens.heads.view import View
from blocklens.inputs.windows import OTHER, START, Tokens

ATTENTION = ("attention to special tokens",)
DISTANCE = ("mean grid distance", "touching patches")


class PatchMeasures:
    """Streaming sums of both measures for images of one grid.

    Args:
        blocks: number of blocks.
        heads: number of heads.
        grid: rows and columns of patches.
        special: number of special tokens, which stand before the patches.
        options: similarity and cuts.
        groups: number of groups of images.

    """

    def __init__(
        self,
        *,
        blocks: int,
        heads: int,
        grid: tuple[int, int],
        special: int,
        options: HeadOptions | None = None,
        groups: int = GROUPS,
    ) -> None:
        self.options = options or HeadOptions()
        self.grid, self.special, self.groups = grid, special, groups
        self.attention = Ratios("attention", ATTENTION, blocks=blocks, heads=heads, groups=groups)
        self.distance = Ratios(
            "patches", DISTANCE, blocks=blocks, heads=heads, cuts=self.options.cuts, groups=groups
        )
        self.grid_distance = grid_distances(grid)  # [pairs]
        self.tokens = patch_tokens(grid, special)
        self.workspace = Workspace()
        self.images = 0

    def update(self, heads: Heads, key: int) -> None:
        """Add one block of one image with the hash `key`."""
        view = View(heads, self.tokens, key % self.groups, self.options, self.workspace)
        if heads.block == 1:
            self.images += 1
        self._attention(view)
        self._distance(view)

    def _attention(self, view: View) -> None:
        if not self.special:
            return
        queries = ~view.tokens.special
        received = attention_received(view.heads.attention, queries)[:, : self.special].sum(axis=1)
        number = queries.sum()
        share = self.special / len(queries)
        self.attention.add(view.group, view.block, received[:, None, None], number * share, number)

    def _distance(self, view: View) -> None:
        size = max(self.grid)
        found = view.pairs.count(self.grid_distance[view.pairs.pair], size)
        number = found.sum(axis=2, keepdims=True)
        observed = np.stack([found @ np.arange(size), found[:, :, 1]], axis=-1)
        means = np.array([self.grid_distance.mean(), (self.grid_distance == 1).mean()])
        self.distance.add(view.group, view.block, observed, means * number, number)

    def merge(self, other: PatchMeasures) -> None:
        """Add the sums of other images, measured with the same options."""
        self.attention.merge(other.attention)
        self.distance.merge(other.distance)
        self.images += other.images

    def table(self) -> pd.DataFrame:
        """Every statistic per block and head, and per whole block; see `Ratios.table`."""
        measures = [self.attention, self.distance] if self.special else [self.distance]
        return pd.concat([measure.table() for measure in measures], ignore_index=True)


def grid_distances(grid: tuple[int, int]) -> np.ndarray:
    """Distance of every pair of patches, [pairs] in the order of `all_pairs`: 1 = they touch.

    The larger of the steps down and across, so that the eight patches around one are at distance 1.
    """
    rows, columns = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    first, second, _ = all_pairs(len(rows))
    return np.maximum(
        np.abs(rows[first] - rows[second]), np.abs(columns[first] - columns[second])
    ).astype(np.int64)


def patch_tokens(grid: tuple[int, int], special: int) -> Tokens:
    """The tokens of any image: special ones first, then the patches row by row."""
    count = special + grid[0] * grid[1]
    is_special = np.arange(count) < special
    return Tokens(
        name="image",
        ids=np.arange(count),
        special=is_special,
        sentences=np.where(is_special, -1, 0).astype(np.int32),
        kinds=np.where(is_special, START, OTHER).astype(np.int8),
        spans=np.zeros((count, 2), dtype=np.int64),
        key=0,
    )
