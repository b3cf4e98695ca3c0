"""The rows of a confusion matrix that can match strongly, each divided by its diagonal.

Symbols (docs/definitions.md: token confusion matrix): a row of M is kept when its diagonal is its
maximum and it has at least `n_min` occurrences. N = M with each kept row divided by its diagonal,
so N(i, i) = 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from blocklens.errors import UserError
from blocklens.labels.confusion import Sparse


@dataclass(frozen=True, slots=True)
class KeptMatrix:
    """The kept rows of a confusion matrix, divided by their diagonal.

    `labels` [k]: ids of the kept labels, rising. `occurrences` [k]: their n. `normalised`: N among
    the kept labels, float64 csr [k, k], the diagonal 1. `left_out`: elements of the kept rows whose
    column is a label that was not kept (they can never be part of a cluster), csr [k, labels].
    """

    labels: NDArray[np.int64]
    occurrences: NDArray[np.int64]
    normalised: Sparse
    left_out: Sparse

    def strong(self, theta: float) -> Sparse:
        """Strong matches N(i, j) > theta among the kept labels, bool csr [k, k]."""
        if not 0 < theta < 1:
            raise UserError(f"strong matches: theta {theta}; expected a number between 0 and 1")
        return sparse.csr_array(self.normalised > theta)

    def strong_left_out(self, theta: float) -> int:
        """Number of strong matches of kept labels with labels that were not kept."""
        return int((self.left_out.data > theta).sum())


def kept_matrix(counts: Sparse, n_min: int = 10) -> KeptMatrix:
    """Keep the rows of M whose diagonal is their maximum and whose n >= n_min; divide by it.

    A diagonal that shares the maximum with another element is kept. (docs/definitions.md: token
    confusion matrix; the diagonal rule is second hand, n_min is ours.)
    """
    size = counts.shape[0]
    diagonal = counts.diagonal()
    occurrences = np.asarray(counts.sum(axis=1)).ravel().astype(np.int64)
    row_maximum = np.zeros(size, dtype=np.int64)
    filled = np.flatnonzero(np.diff(counts.indptr))
    if filled.size:
        row_maximum[filled] = np.maximum.reduceat(counts.data, counts.indptr[filled])
    kept = np.flatnonzero(
        (diagonal > 0) & (diagonal >= row_maximum) & (occurrences >= max(n_min, 1))
    )
    rows: Sparse = sparse.csr_array(counts[kept], dtype=np.float64)
    rows.data /= np.repeat(diagonal[kept], np.diff(rows.indptr))
    is_kept = np.zeros(size, dtype=bool)
    is_kept[kept] = True
    outside = rows.copy()
    outside.data[is_kept[outside.indices]] = 0.0
    outside.eliminate_zeros()
    return KeptMatrix(
        labels=kept.astype(np.int64),
        occurrences=occurrences[kept],
        normalised=sparse.csr_array(rows[:, kept]),
        left_out=outside,
    )
