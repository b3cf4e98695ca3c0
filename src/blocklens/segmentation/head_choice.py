"""Which blocks and heads count: all, those of a third of the blocks, or a quarter, by a rule.

The rules need no label. For vectors: topics last longer than a sentence, so what sees topics makes
vectors of neighbouring sentences more alike than those of any two, `neighbour_contrast`. For
attention: borders of segments are few among those of sentences, so a head that marks them gives a
few separators much more than the rest, `skewness`. The quarter of the parts (heads or blocks) with
the highest value counts.
"""

from __future__ import annotations

from typing import get_args

import numpy as np
from jaxtyping import Float, Float64, Int64

from blocklens.errors import UserError
from blocklens.segmentation.segment_options import Which
from blocklens.segmentation.whitening import centred_rows

ONE_IN = 4
"""Of so many parts the rule takes one; see `benchmarks/segmentation_choices.py`."""


def checked_which(which: str) -> Which:
    """The choice of heads, or a UserError that names the choices."""
    if which not in get_args(Which):
        raise UserError(f"heads {which!r}: expected one of {', '.join(get_args(Which))}")
    return which  # type: ignore[return-value]


def block_range(count: int, which: Which) -> slice:
    """The blocks that count, of ``count`` blocks: all, the middle third or the last third."""
    if which == "middle":
        return slice(count // 3, max(count // 3 + 1, 2 * count // 3))
    if which == "last":
        return slice(count - max(1, count // 3), count)
    return slice(0, count)


def best(scores: Float[np.ndarray, " parts"], one_in: int = ONE_IN) -> Int64[np.ndarray, " chosen"]:
    """Places of the highest scores, one of so many and at least one, rising."""
    order = np.argsort(-scores, kind="stable")
    return np.sort(order[: max(1, len(scores) // one_in)])


def neighbour_contrast(
    parts: Float[np.ndarray, "parts sentences width"],
) -> Float64[np.ndarray, " parts"]:
    """Mean cosine of neighbouring sentences, less that of all pairs, over the latter's spread.

    Every part is centred first. The sums over all pairs come from the summed rows and from their
    products with each other: time and memory grow with the number of sentences, not its square.
    0 where there are fewer than three sentences.
    """
    count = parts.shape[1]
    if count < 3:
        return np.zeros(len(parts))
    rows = centred_rows(parts)
    near = np.einsum("pnw,pnw->p", rows[:, :-1], rows[:, 1:]) / (count - 1)
    lengths = np.square(rows).sum(axis=2)  # squared; 1, or 0 where nothing is left
    total = np.square(rows.sum(axis=1)).sum(axis=1) - lengths.sum(axis=1)
    products = rows.transpose(0, 2, 1) @ rows
    squares = np.square(products).sum(axis=(1, 2)) - np.square(lengths).sum(axis=1)
    mean, square = (one.astype(np.float64) / (count * (count - 1)) for one in (total, squares))
    spread = np.sqrt(np.maximum(square - mean**2, 0.0))
    return (near - mean) / np.maximum(spread, 1e-9)


def skewness(values: Float[np.ndarray, "borders parts"]) -> Float64[np.ndarray, " parts"]:
    """Skewness of standardised values over the borders."""
    return np.mean(np.asarray(values, dtype=np.float64) ** 3, axis=0)
