import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from blocklens.labels.clusters import cluster_kept, find_clusters, frequency_order, growth
from blocklens.labels.kept_matrix import kept_matrix
from blocklens.labels.nulls import frequency_bins, null_matrix


def strong_of(labels, links, both=True):
    strong = np.eye(labels, dtype=bool)
    for i, j in links:
        strong[i, j] = True
        if both:
            strong[j, i] = True
    return sparse.csr_array(strong)


def groups(clusters):
    return sorted(set(map(tuple, (m.tolist() for m in clusters.members(smallest=1)))))


PATH = strong_of(4, [(0, 1), (1, 2), (2, 3)])


def test_a_path_scanned_in_order_gives_two_pairs_and_noise_two():
    found = find_clusters(PATH, [0, 1, 2, 3])
    assert groups(found) == [(0, 1), (2, 3)]
    assert found.noise == 2


def test_a_path_scanned_from_its_middle_gives_one_pair_and_noise_four():
    found = find_clusters(PATH, [1, 2, 0, 3])
    assert groups(found) == [(0,), (1, 2), (3,)]
    assert found.noise == 4


def test_one_one_way_link_among_three_labels_gives_singletons_and_noise_one():
    found = find_clusters(strong_of(3, [(0, 1)], both=False), [0, 1, 2])
    assert groups(found) == [(0,), (1,), (2,)]
    assert found.noise == 1
    assert found.number == 0
    assert np.isnan(found.mean_size)


def test_components_join_what_cliques_cut():
    assert groups(find_clusters(PATH, [0, 1, 2, 3], "mutual")) == [(0, 1, 2, 3)]
    one_way = strong_of(3, [(0, 1)], both=False)
    assert groups(find_clusters(one_way, [0, 1, 2], "mutual")) == [(0,), (1,), (2,)]
    assert groups(find_clusters(one_way, [0, 1, 2], "directed")) == [(0, 1), (2,)]


def test_no_labels_give_no_clusters():
    found = find_clusters(sparse.csr_array((0, 0), dtype=bool), [])
    assert (found.number, found.largest, found.noise, found.members()) == (0, 0, 0, [])


@st.composite
def strong_matrices(draw):
    labels = draw(st.integers(1, 9))
    bits = draw(st.lists(st.booleans(), min_size=labels**2, max_size=labels**2))
    strong = np.array(bits).reshape(labels, labels) | np.eye(labels, dtype=bool)
    return strong, draw(st.permutations(range(labels)))


def cliques_by_the_definition(strong, order):
    unused, found = list(order), []
    while unused:
        cluster = [unused.pop(0)]
        for label in list(unused):
            if all(strong[label, m] and strong[m, label] for m in cluster):
                cluster.append(label)
                unused.remove(label)
        found.append(tuple(sorted(cluster)))
    return found


@settings(max_examples=200)
@given(strong_matrices())
def test_greedy_cliques_equal_the_definition_word_by_word(case):
    strong, order = case
    found = find_clusters(sparse.csr_array(strong), order)
    expected = cliques_by_the_definition(strong, order)
    assert groups(found) == sorted(expected)
    assert found.noise == strong.sum() - sum(len(c) ** 2 for c in expected)
    # clusters are numbered in the order in which they were found
    assert [found.cluster[c[0]] for c in expected] == list(range(len(expected)))


@given(strong_matrices(), st.booleans())
def test_components_equal_a_flood_fill(case, mutual):
    strong, order = case
    links = (strong & strong.T) if mutual else (strong | strong.T)
    reach = np.linalg.matrix_power(links.astype(int), len(order)) > 0
    expected = sorted({tuple(np.flatnonzero(row).tolist()) for row in reach})
    found = find_clusters(sparse.csr_array(strong), order, "mutual" if mutual else "directed")
    assert groups(found) == expected


def test_the_default_order_is_falling_frequency_with_ties_by_label():
    assert frequency_order(np.array([3, 9, 3, 10])).tolist() == [3, 1, 0, 2]


def test_growth_tells_finite_clusters_from_one_that_swallows_all():
    size = 32
    pairs = np.kron(np.eye(size // 2, dtype=np.int64), np.array([[10, 8], [8, 10]]))
    finite = kept_matrix(sparse.csr_array(pairs), n_min=1)
    assert [largest for _, largest in growth(finite)] == [2, 2, 2, 2]
    everything = kept_matrix(sparse.csr_array(np.full((size, size), 5)), n_min=1)
    assert growth(everything) == [(4, 4), (8, 8), (16, 16), (32, 32)]


def paired_counts(labels=64, seed=0):
    """Labels 2i and 2i + 1 are confused with each other, and with a few others at random."""
    rng = np.random.default_rng(seed)
    counts = np.diag(np.full(labels, 100))
    for label in range(labels):
        counts[label, label ^ 1] += 60
        np.add.at(counts[label], rng.integers(0, labels, 30), 1)
    return sparse.csr_array(counts)


@pytest.mark.parametrize("null", ["predictions", "partners"])
def test_a_null_keeps_rows_and_sizes_and_destroys_the_partners(null):
    counts = paired_counts()
    bins = frequency_bins(np.asarray(counts.sum(axis=1)).ravel())
    drawn = null_matrix(counts, bins, 1, null)
    np.testing.assert_array_equal(drawn.sum(axis=1), counts.sum(axis=1))
    assert (drawn.diagonal() >= counts.diagonal()).all()
    assert cluster_kept(kept_matrix(counts)).number == 32
    assert cluster_kept(kept_matrix(drawn)).number <= 4
    again = null_matrix(counts, bins, 1, null)
    np.testing.assert_array_equal(drawn.toarray(), again.toarray())


def test_permuted_predictions_keep_how_often_each_label_is_predicted_in_a_bin():
    counts = paired_counts()
    counts = sparse.csr_array(counts.toarray() * np.where(np.arange(64) < 20, 7, 1)[:, None])
    bins = frequency_bins(np.asarray(counts.sum(axis=1)).ravel())
    drawn = null_matrix(counts, bins, 3, "predictions").toarray()
    assert len(set(bins)) == 2
    for name in set(bins):
        rows = bins == name
        np.testing.assert_array_equal(drawn[rows].sum(axis=0), counts.toarray()[rows].sum(axis=0))


def test_moved_partners_stay_in_their_frequency_bin():
    counts = paired_counts()
    bins = np.arange(64) // 2 % 2
    drawn = null_matrix(counts, bins, 3, "partners").toarray()
    for name in (0, 1):
        columns = bins == name
        np.testing.assert_array_equal(
            drawn[:, columns].sum(axis=1), counts.toarray()[:, columns].sum(axis=1)
        )


def test_frequency_bins_hold_one_doubling_each():
    assert frequency_bins(np.array([0, 1, 2, 3, 4, 7, 8])).tolist() == [-1, 0, 1, 1, 2, 2, 3]
