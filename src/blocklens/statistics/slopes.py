"""The least-squares slope along the blocks, the same for every statistic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from blocklens.statistics.intervals import Floats


def slope(values: Floats, blocks: Sequence[int] | None = None, fewest: int = 2) -> Floats:
    """Change per block, over the blocks where the value is defined.

    Args:
        values: [..., blocks]; NaN where a block has none.
        blocks: the blocks' numbers, where they are not one after the other.
        fewest: with fewer defined blocks the slope is NaN.

    Returns:
        [...]; exactly 0 for equal values, because a claim must not rest on a rounding error's sign.

    """
    values = np.asarray(values, dtype=np.float64)
    at = np.arange(values.shape[-1]) if blocks is None else np.asarray(blocks)
    there = np.isfinite(values)
    count = there.sum(axis=-1)
    x = np.where(there, at, 0.0)
    x = np.where(there, x - (x.sum(axis=-1) / np.maximum(count, 1))[..., None], 0.0)
    first = np.take_along_axis(values, there.argmax(axis=-1)[..., None], axis=-1)
    square = (x * x).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = (x * np.where(there, values - first, 0.0)).sum(axis=-1) / square
    return np.where((count >= max(fewest, 2)) & (square > 0), change, np.nan)
