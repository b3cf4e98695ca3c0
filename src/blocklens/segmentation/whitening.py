"""Sentence vectors made comparable: what most sentences share counts less.

Mean vectors of an encoder point mostly the same way: a few directions, common to every text, hold
most of their length and say nothing about the topic. Partial whitening within the text divides each
principal direction by its standard deviation to a power between 0 (nothing) and 1 (all directions
alike).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from threadpoolctl import ThreadpoolController

one_thread = ThreadpoolController().wrap(limits=1, user_api="blas")
"""Decorator of functions that NumPy computes on one thread: their products are small, and right
after the encoder NumPy's threads and PyTorch's would wait for the same cores, longer than the
products take."""

ROUNDING = 1e-6
"""Length below which a unit row less the mean is nothing but rounding: all rows are the same."""

LANDMARKS = 512
"""Sentences from which the principal directions of a longer text are taken, evenly spaced."""


def unit_rows(
    rows: Float[np.ndarray, "*parts rows width"],
) -> Float[np.ndarray, "*parts rows width"]:
    """Every row divided by its length; a row of zeros stays."""
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)


def centred_rows(
    rows: Float[np.ndarray, "*parts rows width"],
) -> Float[np.ndarray, "*parts rows width"]:
    """Unit rows less their mean, at unit length again; what only rounding leaves is zero."""
    rows = unit_rows(rows)
    centred = rows - rows.mean(axis=-2, keepdims=True)
    centred[np.linalg.norm(centred, axis=-1) < ROUNDING] = 0
    return unit_rows(centred)


@one_thread
def whiten(
    rows: Float[np.ndarray, "rows width"], power: float, *, landmarks: int = LANDMARKS
) -> Float[np.ndarray, "rows directions"]:
    """Rows of unit length in the text's principal directions.

    Centred rows X = U S V' become the unit rows of U S^(1 - power). Of more rows than ``landmarks``
    that many, evenly spaced, give the directions, and the others are projected on them: time and
    memory grow with the number of rows, not with its square.

    Args:
        rows: one a sentence.
        power: 0 leaves the proportions as they are, 1 makes all directions alike.
        landmarks: how many rows give the directions at most.

    """
    centred = rows - rows.mean(axis=0, keepdims=True)
    some = np.unique(np.linspace(0, len(rows) - 1, min(landmarks, len(rows))).round().astype(int))
    products = (centred @ centred[some].T).astype(np.float64)
    values, vectors = np.linalg.eigh(products[some])
    kept = values > max(1e-9, 1e-6 * values[-1])  # singular values squared
    # X V S^-power with V = X_some' U / S, where S^2 are the eigenvalues
    turned = products @ (vectors[:, kept] * values[kept] ** (-(1 + power) / 2))
    return unit_rows(turned)
