import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from blocklens.errors import UserError
from blocklens.labels import confusion
from blocklens.labels.confusion import ConfusionCounts
from blocklens.labels.kept_matrix import kept_matrix, lower_limit

pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=80)


def dense_counts(labels, pairs):
    matrix = np.zeros((labels, labels), dtype=np.int64)
    for true, predicted in pairs:
        matrix[true, predicted] += 1
    return matrix


def counts_of(labels, pairs, pieces=1):
    counts = ConfusionCounts(labels)
    for piece in np.array_split(np.array(pairs, dtype=np.int64).reshape(-1, 2), pieces):
        counts.update(piece[:, 0], piece[:, 1][None])
    return counts


@given(pairs, st.integers(1, 4))
def test_the_counts_equal_a_dense_loop_however_the_pairs_arrive(pairs, pieces):
    counts = counts_of(6, pairs, pieces)
    assert counts.total == len(pairs)
    matrix = counts.matrix(0)
    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix.toarray(), dense_counts(6, pairs))


def test_blocks_groups_and_kinds_are_kept_apart_and_add_up():
    rng = np.random.default_rng(0)
    n = 400
    true, group, kind = rng.integers(0, 5, n), rng.integers(0, 3, n), rng.integers(0, 2, n)
    predicted = rng.integers(0, 5, (2, n))
    counts = ConfusionCounts(5, 2, 3, kinds=("a", "b"))
    for part in np.array_split(np.arange(n), 4):
        counts.update(true[part], predicted[:, part], group[part], kind[part])
    for block in range(2):
        cells = np.zeros((3, 2, 5, 5), dtype=np.int64)
        np.add.at(cells, (group, kind, true, predicted[block]), 1)
        found = np.zeros_like(cells)
        *place, count = counts.elements(block)
        found[tuple(place)] = count
        np.testing.assert_array_equal(found, cells)
        np.testing.assert_array_equal(counts.matrix(block).toarray(), cells.sum(axis=(0, 1)))
        for pattern, matrix in zip(
            [[1], [0, 2]], counts.matrices(block, [[1], [0, 2]]), strict=True
        ):
            rest = np.delete(cells, pattern, axis=0).sum(axis=(0, 1))
            np.testing.assert_array_equal(matrix.toarray(), rest)
    with pytest.raises(UserError, match="the kind of every pair is needed"):
        counts.update(true, predicted, group)
    with pytest.raises(UserError, match="cannot be added"):
        counts.merge(ConfusionCounts(5, 2, 4, kinds=("a", "b")))


@given(pairs, pairs)
def test_merged_halves_equal_the_whole(first, second):
    merged = counts_of(6, first)
    merged.merge(counts_of(6, second))
    np.testing.assert_array_equal(merged.matrix(0).toarray(), dense_counts(6, first + second))


def test_a_full_buffer_is_counted_once(monkeypatch):
    monkeypatch.setattr(confusion, "_BUFFER_PAIRS", 7)
    rng = np.random.default_rng(0)
    data = rng.integers(0, 4, size=(100, 2))
    np.testing.assert_array_equal(
        counts_of(4, data, pieces=3).matrix(0).toarray(), dense_counts(4, data)
    )


@settings(max_examples=60)
@given(pairs, st.integers(0, 4))
def test_kept_rows_are_those_whose_diagonal_is_the_maximum(pairs, n_min):
    matrix = dense_counts(6, pairs)
    kept = kept_matrix(counts_of(6, pairs).matrix(0), n_min)
    expected = [
        i for i in range(6) if matrix[i].sum() >= max(n_min, 1) and matrix[i, i] == matrix[i].max()
    ]
    assert kept.labels.tolist() == expected
    assert kept.occurrences.tolist() == [matrix[i].sum() for i in expected]
    normalised = np.array([[matrix[i, j] / matrix[i, i] for j in expected] for i in expected])
    np.testing.assert_array_equal(
        kept.normalised.toarray(), normalised.reshape(len(expected), len(expected))
    )


def test_a_match_is_strong_where_its_lower_limit_passes_theta():
    few = kept_matrix(sparse.csr_array(np.array([[10, 4], [4, 10]])), n_min=1)
    np.testing.assert_array_equal(few.strong(0.3).toarray(), np.eye(2, dtype=bool))
    many = kept_matrix(sparse.csr_array(100 * np.array([[10, 4], [2, 10]])), n_min=1)
    np.testing.assert_array_equal(many.strong(0.3).toarray(), [[True, True], [False, True]])


@pytest.mark.parametrize(("wrong", "right"), [(4, 10), (40, 100), (1, 30), (300, 400)])
def test_the_lower_limit_is_wilsons_of_the_share(wrong, right):
    low = stats.binomtest(wrong, wrong + right).proportion_ci(method="wilson").low
    found = lower_limit(np.array([float(wrong)]), np.array([right]))[0]
    assert found == pytest.approx(low / (1 - low))


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([0, 3], [0, 0], "true labels reach"),
        ([0], [-1], "predicted labels reach"),
        ([0, 1], [0], "one row a block"),
    ],
)
def test_labels_that_do_not_exist_are_refused(true, predicted, message):
    with pytest.raises(UserError, match=message):
        ConfusionCounts(3).update(np.array(true), np.array([predicted]))
