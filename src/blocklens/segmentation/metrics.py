"""How far a segmentation is from a reference: Pk, WindowDiff and boundary similarity.

A segmentation of N units (sentences) is written as its *masses*: the length of each segment, in
order, adding up to N. All three measures count units, never characters or tokens.

Other implementations differ in ways that matter. segeval 2.0.11 compares integers with ``is``: in
position format its Pk is wrong above 256 segments, and its WindowDiff fails on windows above 256;
its boundary similarity fails where neither segmentation has a boundary. NLTK takes a string of 0
and 1 of unit length and divides by N - k + 1 where the papers divide by N - k; given the N - 1
places *between* units, it agrees with the papers.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from blocklens.errors import UserError
from blocklens.wording import counted


def starts_from_masses(masses: Sequence[int]) -> Int64[np.ndarray, " starts"]:
    """Index of the first unit of every segment but the first, rising."""
    return np.cumsum(np.asarray(masses, dtype=np.int64))[:-1]


def masses_from_starts(
    starts: Sequence[int] | Int64[np.ndarray, " starts"], units: int
) -> list[int]:
    """Lengths of the segments that start at 0 and at the given units, each in 1..units-1."""
    edges = [0, *sorted({int(start) for start in starts}), units]
    if units < 1 or edges[1] < 0 or (len(edges) > 2 and (edges[1] < 1 or edges[-2] >= units)):
        raise UserError(f"starts {edges[1:-1]}: expected unit numbers between 1 and {units - 1}")
    return [b - a for a, b in itertools.pairwise(edges)]


def segment_labels(masses: Sequence[int]) -> Int64[np.ndarray, " units"]:
    """Number of the segment each unit lies in, [units], from 0."""
    return np.repeat(np.arange(len(masses)), np.asarray(masses, dtype=np.int64))


def window_size(reference: Sequence[int]) -> int:
    """Half the mean length of the reference's segments, rounded half to even, at least 2.

    Beeferman et al. (1999) ask for half the mean segment length; the rounding and the floor of 2
    are those of segeval, so that figures compare. A text of N units allows at most N - 1.
    """
    units = sum(reference)
    return max(1, min(max(2, round(units / (2 * len(reference)))), units - 1))


def _labels(
    reference: Sequence[int], hypothesis: Sequence[int], k: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Both segmentations as labels, and the window; refuses what cannot be compared."""
    for name, masses in (("reference", reference), ("hypothesis", hypothesis)):
        if len(masses) == 0 or min(masses) < 1:
            raise UserError(f"{name}: expected segment lengths of at least 1, got {list(masses)}")
    if sum(reference) != sum(hypothesis):
        raise UserError(
            f"hypothesis of {counted(sum(hypothesis), 'unit')}: expected the reference's "
            f"{sum(reference)}"
        )
    k = window_size(reference) if k is None else k
    if k < 1 or (k >= sum(reference) > 1):
        raise UserError(f"window of {k}: expected 1 to {sum(reference) - 1} units")
    return segment_labels(reference), segment_labels(hypothesis), k


def pk(reference: Sequence[int], hypothesis: Sequence[int], k: int | None = None) -> float:
    """Share of unit pairs (i, i + k) on which the two disagree whether they share a segment.

    Pk = sum_{i=1}^{N-k} [same_ref(i, i+k) != same_hyp(i, i+k)] / (N - k) (Beeferman, Berger and
    Lafferty 1999). 0 is perfect. Both arguments are masses; ``k`` defaults to `window_size`.
    A text of one unit has no pair and scores 0.

    Raises:
        UserError: the two differ in length, a mass is below 1, or k does not fit.

    """
    ref, hyp, k = _labels(reference, hypothesis, k)
    if len(ref) < 2:
        return 0.0
    return float(np.mean((ref[:-k] == ref[k:]) != (hyp[:-k] == hyp[k:])))


def window_diff(reference: Sequence[int], hypothesis: Sequence[int], k: int | None = None) -> float:
    """Share of windows (i, i + k) in which the two do not have the same number of boundaries.

    WindowDiff = sum_{i=1}^{N-k} [b_ref(i, i+k) != b_hyp(i, i+k)] / (N - k) (Pevzner and Hearst
    2002). 0 is perfect. Arguments and errors as in `pk`.
    """
    ref, hyp, k = _labels(reference, hypothesis, k)
    if len(ref) < 2:
        return 0.0
    return float(np.mean((ref[k:] - ref[:-k]) != (hyp[k:] - hyp[:-k])))


def boundary_similarity(
    reference: Sequence[int], hypothesis: Sequence[int], *, span: int = 2
) -> float:
    """1 - weighted edits / (edits + matches) between the two sets of boundaries; 1 is perfect.

    Fournier's B (2013): a boundary in both is a match; one that can be moved to a boundary of the
    other at a distance below ``span`` places is a near miss and costs distance / span; any other
    costs 1. Near misses are paired without overlap, nearest first, then from left to right, as in
    segeval, whose default span is 2: only neighbouring places, at half the cost. Two segmentations
    without any boundary are equal: 1. Errors as in `pk`.
    """
    ref, hyp, _ = _labels(reference, hypothesis, None)
    side = np.diff(ref).astype(np.int64) - np.diff(hyp)  # 1: reference only; -1: hypothesis only
    matches = int(np.sum((np.diff(ref) == 1) & (np.diff(hyp) == 1)))
    edits, cost = 0, 0.0
    for distance in range(1, span):
        for i in np.flatnonzero(side[: max(0, len(side) - distance)]):
            if side[i] and side[i] == -side[i + distance]:
                side[i] = side[i + distance] = 0
                edits += 1
                cost += distance / span
    missed = int(np.count_nonzero(side))
    total = edits + missed + matches
    return 1.0 if total == 0 else 1.0 - (cost + missed) / total
