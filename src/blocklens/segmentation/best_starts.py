"""The best way to divide a row of units, exactly, by dynamic programming.

A segmentation is worth the sum of its segments' scores. The optimum over all segmentations takes
time linear in the number of units once the length of a segment is capped: units x cap for an
unknown number of segments, times the number of segments where that is given.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float64, Int64
from numpy.typing import NDArray

from blocklens.errors import UserError
from blocklens.wording import counted

Score = Callable[[int], NDArray[np.float64]]
"""score(j) -> scores of the segments [i, j) for i = j-1, j-2, ..., shortest first.

It is called for j = 1, 2, ..., N in this order, once each, so that it may carry sums along. It
gives at most j scores; giving fewer caps the length of a segment.
"""


def best_starts(
    score: Score, units: int, *, segments: int | None = None, shortest: int = 1
) -> Int64[np.ndarray, " starts"]:
    """Starts of the segmentation whose segment scores have the largest sum.

    Args:
        score: scores of the segments that end before unit j, see `Score`.
        units: number of units N, at least 1.
        segments: number of segments; None lets the scores decide (a score that grows with length,
            or that pays a price for each segment, is what stops it).
        shortest: units of a segment at least.

    Returns:
        The first unit of every segment but the first, rising, [segments - 1]. Among equal sums the
        one whose last segments are shortest.

    Raises:
        UserError: more segments than units, or limits on length that leave no such segmentation.

    """
    if segments is not None and not 1 <= segments <= units:
        raise UserError(
            f"{counted(segments, 'segment')} asked of {counted(units, 'sentence')}: expected 1 to "
            f"{units}"
        )
    levels = 1 if segments is None else segments
    best = np.full((levels + 1, units + 1), -np.inf)  # best[k, j]: k segments cover units [0, j)
    best[0, 0] = 0.0
    length = np.zeros((levels + 1, units + 1), dtype=np.int32)  # of the last of those segments
    for j in range(1, units + 1):
        scores = score(j)
        if shortest > 1:
            scores = np.where(np.arange(1, len(scores) + 1) < shortest, -np.inf, scores)
        if segments is None:
            sums = best[0, j - len(scores) : j][::-1] + scores
            length[0, j] = np.argmax(sums) + 1
            best[0, j] = sums[length[0, j] - 1]
        else:
            sums = best[:-1, j - len(scores) : j][:, ::-1] + scores
            last = np.argmax(sums, axis=1)
            length[1:, j] = last + 1
            best[1:, j] = sums[np.arange(levels), last]
    if not np.isfinite(best[segments or 0, units]):
        asked = "segments" if segments is None else counted(segments, "segment")
        raise UserError(
            f"no way to divide {counted(units, 'sentence')} into {asked} of the lengths allowed; "
            "allow shorter and longer ones"
            + ("" if segments is None else ", or ask for another number")
        )
    return _trace(length, units, segments)


def best_sums(score: Score, units: int, most: int) -> Float64[np.ndarray, "*rows most"]:
    """Largest sum of scores for 1, 2, ..., ``most`` segments, [..., most]; -inf where none is.

    The scores may have leading axes: so many rows of units are then divided at once.
    """
    scores = score(1)
    best = np.full((*scores.shape[:-1], most + 1, units + 1), -np.inf)
    best[..., 0, 0] = 0.0  # best[..., k, j]: k segments cover units [0, j)
    for j in range(1, units + 1):
        scores = scores if j == 1 else score(j)
        few = min(j, most)  # more segments than units there are none
        before = best[..., :few, j - scores.shape[-1] : j][..., ::-1]
        best[..., 1 : few + 1, j] = (before + scores[..., None, :]).max(axis=-1)
    return best[..., 1:, units]


def _trace(length: NDArray[np.int32], units: int, segments: int | None) -> NDArray[np.int64]:
    """Walk back from the end over the lengths of the last segments."""
    starts: list[int] = []
    level = 0 if segments is None else segments
    j = units
    while j > 0:
        j -= int(length[level, j])
        if segments is not None:
            level -= 1
        if j > 0:
            starts.append(j)
    return np.asarray(starts[::-1], dtype=np.int64)


def inside_sums(features: Float[np.ndarray, "*rows units width"], cap: int) -> Score:
    """Sum of all similarities inside a segment, as scores for `best_starts`.

    With rows x_i, [..., units, width], the score of [i, j) is sum_{a,b in [i,j)} <x_a, x_b>, the
    squared length of the segment's summed vector; leading axes stay. Only the products of rows at
    most ``cap`` apart are formed, a strip of ``cap`` rows at a time: memory is cap^2, never
    units^2.
    """
    leading = features.shape[:-2]
    nothing = np.zeros((*leading, 1))
    sums = nothing[..., :0]
    strip = np.zeros((*leading, 0, 0))
    first_row = first_column = 0

    def score(j: int) -> NDArray[np.float64]:
        nonlocal sums, strip, first_row, first_column
        row = j - 1
        if row - first_row >= strip.shape[-2]:
            first_row, first_column = row, max(0, row - cap + 1)
            rows = features[..., row : row + cap, :]
            columns = features[..., first_column : row + cap, :]
            strip = (rows @ columns.swapaxes(-1, -2)).astype(np.float64)
        products = strip[..., row - first_row, : row - first_column + 1][..., ::-1][..., :cap]
        grown = np.concatenate((nothing, sums), axis=-1)[..., :cap]
        sums = grown + 2 * np.cumsum(products, axis=-1) - products[..., :1]
        return sums

    return score
