"""Null models of a confusion matrix: what strong matches chance alone would give.

Both keep the diagonal and the number of errors of every label, so the same rows are kept
(`predictions` adds to a diagonal the errors that fall on their own label by chance) and a
difference in clusters comes from *who* is confused with whom:

- `predictions`: the wrong predictions are permuted among the occurrences of true labels of the same
  frequency bin (docs/definitions.md: predictions permuted within frequency bins). It keeps
  how often each label is wrongly predicted; errors that a row concentrates on few labels are
  spread.
- `partners`: every element off the diagonal keeps its count and moves to a random label of the
  same frequency bin as its column. A row stays as concentrated as it was, so the number of strong
  elements hardly changes, and clusters are left only if one-way matches meet by chance. Ours, and
  the stricter of the two for a model whose errors are concentrated.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from jaxtyping import Int64, Integer
from numpy.typing import NDArray
from scipy import sparse

from blocklens.labels.confusion import Sparse, row_pointers

Null = Literal["predictions", "partners"]
NULLS: tuple[Null, ...] = ("predictions", "partners")


def frequency_bins(occurrences: Integer[np.ndarray, " labels"]) -> Int64[np.ndarray, " labels"]:
    """Bin of each label: labels whose occurrences lie within one doubling share a bin; 0 has -1."""
    bins = np.full(occurrences.shape, -1, dtype=np.int64)
    seen = occurrences > 0
    bins[seen] = np.floor(np.log2(occurrences[seen])).astype(np.int64)
    return bins


def null_matrix(
    counts: Sparse, bins: Integer[np.ndarray, " labels"], seed: int, null: Null = "predictions"
) -> Sparse:
    """One draw of the null for M, int64 csr [labels, labels]; `bins` [labels]: `frequency_bins`."""
    rng = np.random.default_rng(seed)
    if null == "predictions":
        return _permuted_predictions(counts, bins, rng)
    return _moved_partners(counts, bins, rng)


def _errors(
    counts: Sparse,
) -> tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]]:
    elements: Any = sparse.coo_array(counts)
    wrong = elements.row != elements.col
    return elements.row[wrong], elements.col[wrong], elements.data[wrong]


def _permuted_predictions(
    counts: Sparse, bins: NDArray[np.integer], rng: np.random.Generator
) -> Sparse:
    true, predicted, number = _errors(counts)
    order = np.argsort(bins[true], kind="stable")
    true, predicted, number = true[order], predicted[order], number[order]
    ends = np.searchsorted(bins[true], np.unique(bins[true]), side="right")
    event_ends = np.r_[0, np.cumsum(number)][ends] if number.size else []
    events = np.repeat(predicted, number)
    start = 0
    for end in event_ends:
        rng.shuffle(events[start:end])
        start = end
    labels = counts.shape[0]
    keys = np.repeat(true.astype(np.int64) * labels, number)
    keys += events
    keys.sort()
    first = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]][: keys.size])
    number = np.diff(np.append(first, keys.size))
    keys = keys[first]
    rows = row_pointers(keys // labels, labels)
    null = sparse.csr_array((number, keys % labels, rows), shape=(labels, labels))
    return sparse.csr_array(null + _diagonal(counts))


def _moved_partners(counts: Sparse, bins: NDArray[np.integer], rng: np.random.Generator) -> Sparse:
    true, predicted, number = _errors(counts)
    by_bin = np.argsort(bins, kind="stable")
    names, first, size = np.unique(bins[by_bin], return_index=True, return_counts=True)
    place = np.searchsorted(names, bins[predicted])
    moved = by_bin[first[place] + rng.integers(0, size[place])] if true.size else predicted
    moved = np.where(moved == true, predicted, moved)  # an error stays an error
    elements = sparse.coo_array((number, (true, moved)), shape=counts.shape)
    return sparse.csr_array(sparse.csr_array(elements) + _diagonal(counts))


def _diagonal(counts: Sparse) -> Sparse:
    return sparse.csr_array(sparse.diags_array(counts.diagonal(), dtype=np.int64))
