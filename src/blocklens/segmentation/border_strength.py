"""How strong each border between two sentences is, and the strongest of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64
from numpy.lib.stride_tricks import sliding_window_view

from blocklens.segmentation.head_choice import Which, best, block_range, skewness
from blocklens.segmentation.whitening import unit_rows

if TYPE_CHECKING:
    from blocklens.segmentation.sentence_ends import SeparatorAttention

NEAR = 3
"""Sentences on each side of a border that its strength is taken from."""


def contrast(vectors: Float[np.ndarray, "n width"]) -> Float64[np.ndarray, " n-1"]:
    """How much more alike sentences are on each side of a border than across it.

    Mean inner product of the pairs on one side, less that of the pairs across, with `NEAR`
    sentences a side (fewer at the ends).
    """
    if len(vectors) < 2:
        return np.zeros(0)
    around = np.pad(vectors, ((NEAR - 1, NEAR - 1), (0, 0)))  # sentences that are not there: zeros
    there = np.pad(np.ones(len(vectors), dtype=bool), NEAR - 1)
    near = sliding_window_view(around, 2 * NEAR, axis=0)  # [n - 1, width, left and right sentences]
    is_near = sliding_window_view(there, 2 * NEAR)
    alike = np.einsum("nwi,nwj->nij", near, near)
    is_pair = is_near[:, :, None] & is_near[:, None, :]
    left = np.arange(2 * NEAR) < NEAR
    across = is_pair & left[:, None] & ~left
    within = is_pair & np.triu(left[:, None] == left, 1)
    return mean_of(alike, within) - mean_of(alike, across)


def mean_of(
    values: Float[np.ndarray, "n i j"], chosen: Bool[np.ndarray, "n i j"]
) -> Float64[np.ndarray, " n"]:
    """Mean of the chosen values over i and j; 0 where none is chosen."""
    sums = np.where(chosen, values, 0.0).sum(axis=(1, 2), dtype=np.float64)
    return sums / np.maximum(chosen.sum(axis=(1, 2)), 1)


def standardised(
    values: Float[np.ndarray, "values ..."],
) -> Float64[np.ndarray, "values ..."]:
    """Values less their mean, over their standard deviation, along the first axis."""
    values = np.asarray(values, dtype=np.float64)
    if len(values) == 0:
        return values
    return (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-9)


def border_attention(
    attention: SeparatorAttention, which: Which = "chosen"
) -> Float64[np.ndarray, " borders"]:
    """Standardised log attention of the separator before each border, mean over heads.

    ``chosen`` takes the quarter of the heads by `skewness`.
    """
    received = np.log(np.maximum(attention.received[:-1], 1e-6))  # the last sentence has no border
    each = standardised(received)
    if which == "chosen":
        each = each.reshape(len(each), -1)
        return standardised(each[:, best(skewness(each))].mean(axis=1))
    return standardised(each[:, block_range(each.shape[1], which)].mean(axis=(1, 2)))


def strongest(
    strength: Float64[np.ndarray, " borders"], segments: int | None
) -> Int64[np.ndarray, " starts"]:
    """Starts at as many borders as asked for, or at those a standard deviation above the mean."""
    if len(strength) == 0:
        return np.zeros(0, dtype=np.int64)
    if segments is None:
        return np.flatnonzero(strength > strength.mean() + strength.std()) + 1
    order = np.argsort(-strength, kind="stable")[: segments - 1]
    return np.sort(order) + 1


def neighbour_distance(means: Float[np.ndarray, "n width"]) -> Float64[np.ndarray, " n-1"]:
    """Less the cosine of neighbouring sentences' vectors."""
    rows = unit_rows(means)
    return -np.einsum("nw,nw->n", rows[:-1], rows[1:]).astype(np.float64)
