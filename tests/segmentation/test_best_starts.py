"""The exact optimum against trying every segmentation."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklens.errors import UserError
from blocklens.segmentation.best_starts import best_starts, inside_sums


def table_score(table, cap):
    return lambda j: np.array([table[i, j] for i in range(j - 1, max(0, j - cap) - 1, -1)])


def by_trial(table, units, shortest, cap, segments):
    best, where = -np.inf, None
    counts = range(1, units + 1) if segments is None else [segments]
    for count in counts:
        for starts in combinations(range(1, units), count - 1):
            edges = [0, *starts, units]
            if not shortest <= min(np.diff(edges)) <= max(np.diff(edges)) <= cap:
                continue
            value = sum(table[a, b] for a, b in pairwise(edges))
            if value > best:
                best, where = value, starts
    return where


@given(
    st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 3), st.integers(1, 9), st.booleans()
)
def test_cut_is_the_optimum_over_all_segmentations(seed, units, shortest, cap, known):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(units + 1, units + 1))
    segments = int(rng.integers(1, units + 1)) if known else None
    expected = by_trial(table, units, shortest, cap, segments)
    limits = {"segments": segments, "shortest": shortest}
    if expected is None:
        with pytest.raises(UserError):
            best_starts(table_score(table, cap), units, **limits)
    else:
        found = best_starts(table_score(table, cap), units, **limits)
        assert tuple(found) == expected


def test_two_clear_blocks_are_cut_where_they_meet():
    rows = np.array([[1.0, 0]] * 3 + [[0, 1.0]] * 4)
    score = inside_sums(rows, 7)
    lengths = np.arange(1, 8)
    best = best_starts(lambda j: (s := score(j)) / lengths[: len(s)], 7, segments=2)
    assert best.tolist() == [3]


@pytest.mark.parametrize("segments", [0, 6])
def test_more_segments_than_units_or_none_are_refused(segments):
    with pytest.raises(UserError, match="5 sentences"):
        best_starts(lambda j: np.zeros(j), 5, segments=segments)


@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 12))
def test_inside_sums_equal_sums_over_the_full_matrix(seed, units, cap):
    rows = np.random.default_rng(seed).normal(size=(units, 3))
    matrix = rows @ rows.T
    score = inside_sums(rows, cap)
    for j in range(1, units + 1):
        expected = [matrix[i:j, i:j].sum() for i in range(j - 1, max(0, j - cap) - 1, -1)]
        np.testing.assert_allclose(score(j), expected, atol=1e-9)
