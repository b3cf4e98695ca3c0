"""The largest elements of every row of a matrix, with all ties.

In NumPy on purpose: its comparison and sort are faster here than `topk`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int64

SAMPLE_FROM = 2048
SAMPLE_EVERY = 8


def largest(
    values: Float[np.ndarray, "rows columns"], counts: list[int]
) -> tuple[
    Int64[np.ndarray, " taken"],
    Int64[np.ndarray, " taken"],
    Float[np.ndarray, " taken"],
    Float[np.ndarray, "rows cuts"],
]:
    """The largest elements of every row, with all ties at the cut.

    Args:
        values: [rows, columns].
        counts: how many to take at each cut, rising.

    Returns:
        Row, column and value of each element taken at the loosest cut, in order of place, and the
        smallest value taken [rows, cuts].

    """
    rows, columns = values.shape
    bound = np.full((rows, 1), -np.inf, dtype=values.dtype)
    if columns > SAMPLE_FROM:
        # A partition of every eighth column gives a bound that nearly always lets the wanted
        # elements through and little more; what it lets through is then cut exactly.
        sample = values[:, ::SAMPLE_EVERY]
        margin = int(1.3 * counts[-1] / columns * sample.shape[1]) + 8
        kth = max(sample.shape[1] - margin, 0)
        bound = np.partition(sample, kth, axis=1)[:, kth : kth + 1]
    place = np.flatnonzero(values >= bound)
    starts = np.searchsorted(place, np.arange(rows + 1) * columns)
    if (np.diff(starts) < counts[-1]).any():
        place = np.arange(rows * columns)
        starts = np.arange(rows + 1) * columns
    picked = values.reshape(-1)[place]
    many = np.diff(starts)
    row = np.repeat(np.arange(rows), many)
    # One sort of all rows, padded in front to one length: a partition per row and cut is slower.
    longest = many.max()
    ranked = np.full((rows, longest), -np.inf, dtype=values.dtype)
    ranked[np.arange(longest) >= (longest - many)[:, None]] = picked
    ranked.sort(axis=1)
    thresholds = ranked[:, longest - np.asarray(counts)]
    taken = np.flatnonzero(picked >= np.repeat(thresholds[:, -1], many))
    row = row[taken]
    return row, place[taken] - row * columns, picked[taken], thresholds
