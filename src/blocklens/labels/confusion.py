"""Confusion matrix of labels (tokens, text classes, image classes), as sparse integer counts.

Symbols (docs/definitions.md: token confusion matrix): M(i, j) = how often true label i was
predicted as j, the diagonal included. A row is kept when its diagonal is its maximum and it has at
least `n_min` occurrences. N = M with each kept row divided by its diagonal, so N(i, i) = 1.

A vocabulary of 30,522 gives a matrix of 931 million elements, nearly all of them zero. The counts
are therefore kept as two sorted arrays, `key = true * labels + predicted` and its count: an update
adds to a buffer, a full buffer is sorted once and merged, and two sets of counts add up exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from blocklens.errors import UserError

Integers = NDArray[np.integer]
Sparse: TypeAlias = Any
"""A `scipy.sparse.csr_array`; SciPy ships no types for its arithmetic."""

_BUFFER_PAIRS = 1 << 21
"""Pairs held before they are sorted into the counts: 16 MB of keys."""


class ConfusionCounts:
    """Streaming counts M(i, j) over `labels` labels; `update` adds pairs, `merge` adds counts."""

    def __init__(self, labels: int) -> None:
        if labels < 1:
            raise UserError(f"confusion counts: {labels} labels; at least 1 is needed")
        self.labels = labels
        self._keys: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._counts: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._buffer: list[NDArray[np.int64]] = []
        self._buffered = 0

    def update(self, true: Integers, predicted: Integers) -> None:
        """Count the pairs `true` [n], `predicted` [n], ids in 0..labels-1 (else UserError)."""
        if true.shape != predicted.shape or true.ndim != 1:
            raise UserError(
                f"confusion counts: true {true.shape} and predicted {predicted.shape} must be "
                "one-dimensional and equally long"
            )
        if not true.size:
            return
        for name, ids in (("true", true), ("predicted", predicted)):
            if ids.min() < 0 or ids.max() >= self.labels:
                raise UserError(
                    f"confusion counts: {name} labels reach {ids.min()}..{ids.max()}, expected "
                    f"0..{self.labels - 1}"
                )
        for start in range(0, true.size, _BUFFER_PAIRS):
            piece = slice(start, start + _BUFFER_PAIRS)
            keys = true[piece].astype(np.int64) * self.labels + predicted[piece]
            self._buffer.append(keys)
            self._buffered += keys.size
            if self._buffered >= _BUFFER_PAIRS:
                self._flush()

    def merge(self, other: ConfusionCounts) -> None:
        """Add the counts of `other` (the same labels) to these."""
        if other.labels != self.labels:
            raise UserError(
                f"confusion counts: {other.labels} labels cannot be added to {self.labels}"
            )
        self._flush()
        other._flush()
        self._add(other._keys, other._counts)

    @property
    def total(self) -> int:
        """Number of pairs counted."""
        return int(self._counts.sum()) + self._buffered

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """True labels, predicted labels and counts, [e] each, of the e elements, row by row."""
        self._flush()
        return self._keys // self.labels, self._keys % self.labels, self._counts

    def matrix(self) -> Sparse:
        """M as int64 counts [labels, labels]."""
        true, predicted, counts = self.pairs()
        return sparse.csr_array(
            (counts.copy(), predicted, row_pointers(true, self.labels)),
            shape=(self.labels, self.labels),
        )

    def _flush(self) -> None:
        if not self._buffer:
            return
        keys, counts = np.unique(np.concatenate(self._buffer), return_counts=True)
        self._buffer, self._buffered = [], 0
        self._add(keys, counts.astype(np.int64))

    def _add(self, keys: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        if not self._keys.size:
            self._keys, self._counts = keys, counts
            return
        all_keys = np.concatenate([self._keys, keys])
        order = np.argsort(all_keys, kind="stable")  # two sorted runs: a linear merge
        all_keys = all_keys[order]
        first = np.flatnonzero(np.r_[True, all_keys[1:] != all_keys[:-1]])
        self._keys = all_keys[first]
        self._counts = np.add.reduceat(np.concatenate([self._counts, counts])[order], first)


def row_pointers(rows: Integers, labels: int) -> NDArray[np.int64]:
    """Where each row starts in `rows` [e], rising row numbers: the pointers of a csr array."""
    pointers = np.zeros(labels + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=labels), out=pointers[1:])
    return pointers


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
