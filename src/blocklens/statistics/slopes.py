"""The least-squares slope, along the blocks and elsewhere, and the correlation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from blocklens.statistics.intervals import Floats


def slope(values: Floats, at: Sequence[int] | Floats | None = None, fewest: int = 2) -> Floats:
    """Change of the values per unit of where they lie, over those that are defined.

    Args:
        values: [..., places], such as blocks; NaN where a place has none.
        at: where they lie, [places]; default one after the other.
        fewest: with fewer defined values the slope is NaN.

    Returns:
        [...]; exactly 0 for equal values, because a claim must not rest on a rounding error's sign;
        NaN where all lie at one place.

    """
    values = np.asarray(values, dtype=np.float64)
    if not values.shape[-1]:
        return np.full(values.shape[:-1], np.nan)
    at = np.arange(values.shape[-1]) if at is None else np.asarray(at)
    there = np.isfinite(values)
    count = there.sum(axis=-1)
    x = np.where(there, at, 0.0)
    x = np.where(there, x - (x.sum(axis=-1) / np.maximum(count, 1))[..., None], 0.0)
    first = np.take_along_axis(values, there.argmax(axis=-1)[..., None], axis=-1)
    square = (x * x).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = (x * np.where(there, values - first, 0.0)).sum(axis=-1) / square
    return np.where((count >= max(fewest, 2)) & (square > 0), change, np.nan)


def correlation(a: Floats, b: Floats) -> float:
    """Pearson's correlation of two lists; NaN where one holds a single value."""
    if a.size < 2:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")
