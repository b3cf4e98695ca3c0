"""The rows of a confusion matrix that can match strongly, each divided by its diagonal.

Symbols (docs/definitions.md: token confusion matrix): a row of M is kept when its diagonal is its
maximum and it has at least `n_min` occurrences. N = M with each kept row divided by its diagonal,
so N(i, i) = 1.

N(i, j) is a ratio of small counts, and the largest of thousands of them are large by luck. A match
counts only where the lower limit of N(i, j) passes the threshold too (ours).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64, Integer
from scipy import sparse, stats

from blocklens.errors import UserError
from blocklens.labels.confusion import Sparse


@dataclass(frozen=True, slots=True)
class KeptMatrix:
    """The kept rows of a confusion matrix, divided by their diagonal.

    `labels` [k]: ids of the kept labels, rising. `occurrences` [k]: their n. `normalised`: N among
    the kept labels, float64 csr [k, k], the diagonal 1. `lower`: its lower limits, the diagonal 1.
    """

    labels: Int64[np.ndarray, " labels"]
    occurrences: Int64[np.ndarray, " labels"]
    normalised: Sparse
    lower: Sparse

    def strong(self, theta: float) -> Sparse:
        """Supported strong matches among the kept labels, bool csr [k, k]: lower limit > theta."""
        if not 0 < theta < 1:
            raise UserError(f"strong matches: theta {theta}; expected a number between 0 and 1")
        strong = self.lower.data > theta
        until = np.r_[0, np.cumsum(strong)][self.lower.indptr]
        elements = (strong[strong], self.lower.indices[strong], until)
        return sparse.csr_array(elements, shape=self.lower.shape)


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
    own = np.repeat(diagonal[kept], np.diff(rows.indptr))
    limits: Sparse = rows.copy()
    limits.data = lower_limit(rows.data, own)
    at_own = rows.indices == np.repeat(kept, np.diff(rows.indptr))
    limits.data[at_own] = 1.0
    rows.data /= own
    return KeptMatrix(
        labels=kept.astype(np.int64),
        occurrences=occurrences[kept],
        normalised=sparse.csr_array(rows[:, kept]),
        lower=sparse.csr_array(limits[:, kept]),
    )


def lower_limit(
    wrong: Float[np.ndarray, " elements"], right: Integer[np.ndarray, " elements"]
) -> Float64[np.ndarray, " elements"]:
    """Lower end of the 95 % interval of N = wrong / right, from two counts of one row, [e] each.

    Of the share wrong / (wrong + right) by Wilson's rule: right for small counts, and never 0 of 0.
    """
    z, n = stats.norm.ppf(0.975), wrong + right
    share = wrong / n
    middle = share + z * z / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = np.maximum(middle - half, 0) / (1 + z * z / n)
    return low / (1 - low)
