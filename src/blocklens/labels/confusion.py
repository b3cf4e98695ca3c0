"""The one state of everything that is measured of labels: sparse integer counts of confusions.

Symbols (docs/definitions.md: token confusion matrix): M(i, j) = how often true label i was
predicted as j, the diagonal included. The counts are kept apart by block, by group of inputs (the
unit of every interval) and, where there are kinds of input, by kind. Accuracy per label is the
diagonal over the row sums, so nothing else needs to be counted.

A vocabulary of 30,522 gives a matrix of 931 million elements, nearly all of them zero. The counts
are therefore two sorted arrays, a key made of (block, group, kind, true, predicted) and its count:
an update adds to a buffer, a full buffer is sorted once and merged, and two sets of counts add up
exactly. So `merge` is addition, and any number of processes gives the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Int64, Integer
from numpy.typing import NDArray
from scipy import sparse

from blocklens.errors import UserError
from blocklens.statistics.groups import group_of
from blocklens.wording import counted

Integers = NDArray[np.integer]
Sparse: TypeAlias = Any
"""A `scipy.sparse.csr_array`; SciPy ships no types for its arithmetic."""

_BUFFER_PAIRS = 1 << 21
"""Pairs held before they are sorted into the counts: 16 MB of keys."""


class ConfusionCounts:
    """Counts M(i, j) per block, group of inputs and kind; `update` adds pairs, `merge` counts."""

    def __init__(
        self, labels: int, blocks: int = 1, groups: int = 1, kinds: Sequence[str] = ()
    ) -> None:
        if labels < 1:
            raise UserError(f"confusion counts: {labels} labels; at least 1 is needed")
        self.labels, self.blocks, self.groups, self.kinds = labels, blocks, groups, tuple(kinds)
        self.shape = (blocks, groups, max(len(self.kinds), 1), labels, labels)
        if np.prod([float(size) for size in self.shape]) >= 2**63:
            raise UserError(f"confusion counts: {self.shape} are more cells than can be numbered")
        self._keys: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._counts: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._buffer: list[NDArray[np.int64]] = []
        self._buffered = 0

    @classmethod
    def of_seeds(
        cls,
        labels: Integer[np.ndarray, " n"],
        predicted: Integer[np.ndarray, "blocks seeds tests"],
        test: Integer[np.ndarray, " ..."],
        keys: Integer[np.ndarray, " keys"],
        classes: int,
        groups: int,
    ) -> ConfusionCounts:
        """Counts of predictions that several seeds' read-outs made of their own test inputs.

        Group `seed * groups + group` holds one seed's predictions of a group of inputs.

        Args:
            labels: class number of every input, [n].
            predicted: predicted class of each seed's test inputs, [blocks, seeds, tests].
            test: each seed's test inputs, numbers into 0..n-1, [seeds, tests].
            keys: a hash of every input, [n]; an input's group is its key modulo the groups.
            classes: how many there are.
            groups: groups of inputs.

        Raises:
            UserError: shapes that do not belong together.

        """
        blocks, seeds, tests = predicted.shape
        if test.shape != (seeds, tests) or len(keys) != len(labels):
            raise UserError(
                f"confusion counts: predictions {predicted.shape}, test inputs {test.shape}, "
                f"{counted(len(labels), 'label')}, {counted(len(keys), 'key')}; expected one "
                "prediction a test input and one key a label"
            )
        counts = cls(classes, blocks, seeds * groups)
        for seed in range(seeds):
            group = seed * groups + group_of(np.asarray(keys)[test[seed]], groups)
            counts.update(np.asarray(labels)[test[seed]], predicted[:, seed], group)
        return counts

    def update(
        self,
        true: Integer[np.ndarray, " ..."],
        predicted: Integer[np.ndarray, " ..."],
        group: Integer[np.ndarray, " n"] | None = None,
        kind: Integer[np.ndarray, " n"] | None = None,
    ) -> None:
        """Count pairs of labels.

        Args:
            true: [n], in 0..labels-1.
            predicted: [blocks, n], alike.
            group: [n], in 0..groups-1; default 0.
            kind: [n], numbers into `kinds`.

        Raises:
            UserError: shapes that do not fit, labels that do not exist, kinds that are missing.

        """
        if true.ndim != 1 or predicted.shape != (self.blocks, true.size):
            raise UserError(
                f"confusion counts: true {true.shape} and predicted {predicted.shape}; expected "
                f"(n,) and ({self.blocks}, n), one row a block"
            )
        if self.kinds and kind is None:
            raise UserError(f"confusion counts: the kind of every pair is needed ({self.kinds})")
        if not true.size:
            return
        for name, ids in (("true", true), ("predicted", predicted)):
            if ids.min() < 0 or ids.max() >= self.labels:
                raise UserError(
                    f"confusion counts: {name} labels reach {ids.min()}..{ids.max()}, expected "
                    f"0..{self.labels - 1}"
                )
        step = max(1, _BUFFER_PAIRS // self.blocks)
        for start in range(0, true.size, step):
            piece = slice(start, start + step)
            cell = np.arange(self.blocks, dtype=np.int64)[:, None] * self.groups
            cell = cell + (0 if group is None else group[piece])
            cell = cell * self.shape[2] + (0 if kind is None else kind[piece])
            keys = (cell * self.labels + true[piece]) * self.labels + predicted[:, piece]
            self._buffer.append(keys.ravel())
            self._buffered += keys.size
            if self._buffered >= _BUFFER_PAIRS:
                self._flush()

    def merge(self, other: ConfusionCounts) -> None:
        """Add the counts of `other` (the same labels, blocks, groups and kinds) to these."""
        if (other.shape, other.kinds) != (self.shape, self.kinds):
            raise UserError(
                f"confusion counts: those of {other.shape} {other.kinds} cannot be added to "
                f"{self.shape} {self.kinds}"
            )
        self._flush()
        other._flush()
        self._add(other._keys, other._counts)

    @property
    def total(self) -> int:
        """Number of pairs counted, in all blocks."""
        return int(self._counts.sum()) + self._buffered

    def elements(self, block: int) -> tuple[Int64[np.ndarray, " elements"], ...]:
        """Group, kind, true label, predicted label and count, [e] each, of one block's elements."""
        self._flush()
        of_block = int(np.prod(self.shape[1:]))
        ends = np.searchsorted(self._keys, [block * of_block, (block + 1) * of_block])
        keys = self._keys[slice(*ends)] - block * of_block
        return *np.unravel_index(keys, self.shape[1:]), self._counts[slice(*ends)]

    def matrix(self, block: int) -> Sparse:
        """M of one block as int64 csr [labels, labels]."""
        return next(self.matrices(block, [()]))

    def matrices(
        self, block: int, patterns: Iterable[Sequence[int] | Integer[np.ndarray, " _"]]
    ) -> Iterator[Sparse]:
        """M of one block without the groups of each pattern in turn."""
        group, _, true, predicted, count = self.elements(block)
        for pattern in patterns:
            rest = ~np.isin(group, pattern)
            elements = (count[rest], (true[rest], predicted[rest]))
            yield sparse.csr_array(
                sparse.coo_array(elements, shape=(self.labels, self.labels), dtype=np.int64)
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


def row_pointers(
    rows: Integer[np.ndarray, " elements"], labels: int
) -> Int64[np.ndarray, " pointers"]:
    """Where each row starts in `rows` [e], rising row numbers: the pointers of a csr array."""
    pointers = np.zeros(labels + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=labels), out=pointers[1:])
    return pointers
