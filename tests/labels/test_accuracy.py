import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from blocklens.errors import UserError
from blocklens.labels import accuracy as acc
from blocklens.labels.accuracy import LabelCounts
from blocklens.statistics.intervals import resample_weights

LABELS, BLOCKS, GROUPS = 7, 3, 4


def made_up(seed, n=120):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, LABELS, n) * rng.integers(0, 2, n)
    predicted = np.where(rng.random((BLOCKS, n)) < 0.4, true, rng.integers(0, LABELS, (BLOCKS, n)))
    return true, predicted, rng.integers(0, 30, n), rng.integers(0, 3, n)


def counted(data, pieces=1):
    counts = LabelCounts(LABELS, BLOCKS, GROUPS)
    true, predicted, text, kind = data
    for piece in np.array_split(np.arange(true.size), pieces):
        counts.update(true[piece], predicted[:, piece], text[piece], kind[piece])
    return counts


def apt_by_hand(data, block, n_min, of_kind=None):
    true, predicted, _, kind = data
    values = {}
    for label in range(LABELS):
        where = true == label
        if of_kind is not None:
            where &= kind == of_kind
        if where.sum() >= n_min:
            values[label] = np.mean(predicted[block][where] == label)
    return values


drawn = resample_weights(GROUPS, 50, seed=0)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([1, 10]))
def test_apt_mean_equals_the_unweighted_mean_over_labels(seed, n_min):
    data = made_up(seed)
    mean = acc.apt_mean(counted(data), drawn, n_min)
    for block in range(BLOCKS):
        by_hand = apt_by_hand(data, block, n_min)
        assert mean.value[block] == pytest.approx(np.mean(list(by_hand.values())))
        assert mean.labels == len(by_hand)


def test_accuracy_weighs_by_occurrence():
    data = made_up(3)
    counts = counted(data)
    np.testing.assert_allclose(
        acc.accuracy(counts, drawn).value, (data[1] == data[0]).mean(axis=1), rtol=1e-12
    )
    for kind in range(3):
        where = data[3] == kind
        np.testing.assert_allclose(
            acc.kind_accuracy(counts, kind, drawn).value,
            (data[1] == data[0])[:, where].mean(axis=1),
        )


def test_a_model_that_knows_the_common_label_only_has_a_high_accuracy_and_a_low_apt_mean():
    true = np.array([0] * 90 + list(range(1, 7)) + [1] * 4)
    predicted = np.zeros((1, 100), dtype=np.int64)
    counts = LabelCounts(LABELS, 1, GROUPS, kinds=())
    counts.update(true, predicted, np.arange(100))
    assert acc.accuracy(counts, drawn).value[0] == pytest.approx(0.9)
    assert acc.apt_mean(counts, drawn).value[0] == pytest.approx(1 / 7)
    assert acc.apt_mean(counts, drawn, n_min=10).value[0] == 1.0
    assert acc.apt_top(counts, np.array([9, 8, 7, 6, 5, 4, 3]), drawn, top=2).value[
        0
    ] == pytest.approx(0.5)


def test_pieces_and_merged_halves_give_the_same_counts():
    data = made_up(5)
    whole = counted(data)
    half = np.arange(120) < 60
    first = counted([d[..., half] for d in data], pieces=3)
    first.merge(counted([d[..., ~half] for d in data]))
    for name in ("occurrences", "correct", "kind_occurrences", "kind_correct"):
        np.testing.assert_array_equal(getattr(first, name), getattr(whole, name))
    np.testing.assert_array_equal(first.group_kind_correct, whole.group_kind_correct)
    with pytest.raises(UserError, match="cannot be added"):
        first.merge(LabelCounts(LABELS, BLOCKS, GROUPS + 1))


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    skill = np.linspace(0.1, 0.9, 40)
    frequency = 1 / np.arange(1, 41)
    inside = 0
    for _ in range(150):
        true = rng.choice(40, 1500, p=frequency / frequency.sum())
        right = rng.random(1500) < skill[true]
        counts = LabelCounts(40, 1, 20, kinds=())
        counts.update(
            true, np.where(right, true, (true + 1) % 40)[None], rng.integers(0, 500, 1500)
        )
        mean = acc.apt_mean(counts, resample_weights(20, 200, 1))
        low, high = mean.interval()
        present = counts.n > 0
        inside += low[0] <= skill[present].mean() <= high[0]
        assert low[0] < mean.value[0] < high[0]
    assert 0.86 <= inside / 150 <= 1.0


def test_a_resample_keeps_the_labels_seen_once():
    counts = LabelCounts(30, 1, 10, kinds=())
    true = np.r_[np.zeros(100, dtype=np.int64), np.arange(1, 30)]
    counts.update(true, np.zeros((1, 129), dtype=np.int64), np.arange(129))
    mean = acc.apt_mean(counts, resample_weights(10, 400, 0))
    assert mean.draws.mean() == pytest.approx(mean.value[0], abs=0.003)


def test_frequency_rho_is_spearmans_over_labels_with_enough_occurrences():
    data = made_up(11, n=600)
    counts = counted(data)
    frequency = np.array([50, 3, 9, 9, 1, 100, 20])
    rho = acc.frequency_rho(counts, frequency, n_min=10)
    for block in range(BLOCKS):
        by_hand = apt_by_hand(data, block, 10)
        expected = stats.spearmanr([frequency[t] for t in by_hand], list(by_hand.values()))
        assert rho.value[block] == pytest.approx(expected.statistic)


def test_slope_and_rise_are_taken_inside_each_resample():
    draws = np.array([[0.1, 0.2, 0.3], [0.2, 0.3, 0.4]])
    mean = acc.Mean(np.array([0.0, 0.1, 0.2]), draws, 9, 3)
    np.testing.assert_allclose(acc.slope_along_blocks(mean).value, [0.1])
    np.testing.assert_allclose(acc.slope_along_blocks(mean).draws, [[0.1], [0.1]])
    np.testing.assert_allclose(acc.rise(mean).draws, [[0.2], [0.2]])


def test_bin_edges_cover_every_frequency():
    for top in (1, 9, 10, 11, 99, 100, 12345):
        edges = acc.frequency_bin_edges(np.array([0, 1, top]))
        assert edges[0] == 1
        assert edges[-1] > top
        assert edges[-2] <= top * (1 + 1e-9)
