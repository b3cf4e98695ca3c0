"""Head measures of image encoders: what of P1's measures has a meaning for patches.

A patch has no token id, no sentence and no place in a line, so repetition, anchors, same sentence
and uniqueness are left out. Two things remain (P1 speaks of texts alone: both are ours):

    attention to special tokens   what patches send to [CLS] (and registers), over its share; 1 is
                                  no preference: `separators` with patches in the place of words
    distance in the patch grid    of the high pairs of the context similarity matrix, the larger of
                                  the steps down and across, against all pairs of the grid
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Int

from blocklens.encoder.attention import Heads, Workspace
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.measures import HeadMeasures
from blocklens.heads.pairs import all_pairs
from blocklens.heads.streaming import HeadMeasure, Shape
from blocklens.heads.view import View, queries_of
from blocklens.inputs.windows import OTHER, START, Tokens
from blocklens.statistics.groups import GROUPS


class SpecialAttention(HeadMeasure):
    """Streaming sums of the attention that patches send to special tokens."""

    name = "attention"
    statistics = ("attention to special tokens",)
    swept = False

    def update(self, view: View) -> None:
        """Add one block of one image."""
        special = view.tokens.special
        count = queries_of(view.tokens).sum()  # all patches
        observed = view.received[:, special].sum(axis=1)[:, None, None]
        self.ratios.add(view.group, view.block, observed, count * special.mean(), count)


class GridDistance(HeadMeasure):
    """Streaming sums of the distances of high pairs in the grid of patches."""

    name = "patches"
    statistics = ("mean grid distance", "touching patches")

    def update(self, view: View) -> None:
        """Add one block of one image."""
        steps = view.tokens.cache["grid distances"]  # [pairs]
        size = int(steps.max(initial=1)) + 1
        at_distance = view.pairs.count(steps[view.pairs.pair], size)  # [heads, cuts, distances]
        count = at_distance.sum(axis=2, keepdims=True)
        observed = np.stack([at_distance @ np.arange(size), at_distance[:, :, 1]], axis=-1)
        means = np.array([steps.mean(), (steps == 1).mean()])
        self.ratios.add(view.group, view.block, observed, means * count, count)


class PatchMeasures(HeadMeasures):
    """Both measures for images of one grid; the first only where there are special tokens.

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
        self.image = patch_tokens(grid, special)
        count = len(self.image)
        kinds = (SpecialAttention, GridDistance) if special else (GridDistance,)
        shape = Shape(blocks, heads, count, vocabulary=count, groups=groups)
        super().__init__(shape, options or HeadOptions(), kinds)

    def update_image(self, heads: Heads, key: int, workspace: Workspace) -> None:
        """Add one block of one image with the hash `key`."""
        # A text's key has a bit more: shifted, an image is in the group that its labels are in.
        self.update(heads, replace(self.image, key=key << 1), workspace)


def grid_distances(grid: tuple[int, int]) -> Int[np.ndarray, " pairs"]:
    """Distance of every pair of patches, in the order of `all_pairs`: 1 = they touch.

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
        cache={"grid distances": grid_distances(grid)},
    )
