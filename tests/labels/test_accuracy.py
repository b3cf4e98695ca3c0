import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from blocklens.labels import accuracy as acc
from blocklens.labels.accuracy import LabelCounts
from blocklens.labels.confusion import ConfusionCounts
from blocklens.labels.left_out import leave_out_factors

LABELS, BLOCKS, GROUPS = 7, 3, 4
EACH = leave_out_factors(np.ones(GROUPS, int))


def made_up(seed, n=120):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, LABELS, n) * rng.integers(0, 2, n)
    predicted = np.where(rng.random((BLOCKS, n)) < 0.4, true, rng.integers(0, LABELS, (BLOCKS, n)))
    return true, predicted, rng.integers(0, GROUPS, n), rng.integers(0, 3, n)


def counted(data):
    counts = ConfusionCounts(LABELS, BLOCKS, GROUPS, kinds=("a", "b", "c"))
    counts.update(*data)
    return counts


def apt_by_hand(data, block, n_min):
    true, predicted, _, _ = data
    return {
        label: np.mean(predicted[block][true == label] == label)
        for label in range(LABELS)
        if (true == label).sum() >= n_min
    }


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_occurrences_and_right_predictions_are_row_sums_and_diagonals(seed):
    true, predicted, group, kind = data = made_up(seed)
    for of_kind in (None, 1):
        counts = LabelCounts.of(counted(data), of_kind)
        chosen = np.ones(true.size, bool) if of_kind is None else kind == of_kind
        for place, label in enumerate(counts.ids):
            for g in range(GROUPS):
                here = chosen & (group == g) & (true == label)
                assert counts.n[g, place] == here.sum()
                assert counts.c[g, :, place].tolist() == [
                    (predicted[block][here] == label).sum() for block in range(BLOCKS)
                ]


@settings(max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([1, 10]))
def test_the_mean_over_labels_counts_each_once(seed, n_min):
    data = made_up(seed)
    counts = LabelCounts.of(counted(data))
    mean = acc.label_mean(counts, EACH, counts.occurrences >= n_min)
    for block in range(BLOCKS):
        by_hand = apt_by_hand(data, block, n_min)
        assert mean.value[block] == pytest.approx(np.mean(list(by_hand.values())))
        assert mean.labels == len(by_hand)


def test_accuracy_weighs_by_occurrence():
    data = made_up(3)
    right = data[1] == data[0]
    whole = acc.accuracy(LabelCounts.of(counted(data)), EACH)
    np.testing.assert_allclose(whole.value, right.mean(axis=1), rtol=1e-12)
    for kind in range(3):
        found = acc.accuracy(LabelCounts.of(counted(data), kind), EACH)
        np.testing.assert_allclose(found.value, right[:, data[3] == kind].mean(axis=1))


def test_a_model_that_knows_the_common_label_only_has_a_high_accuracy_and_a_low_apt_mean():
    true = np.array([0] * 90 + list(range(1, 7)) + [1] * 4)
    whole = ConfusionCounts(LABELS, 1, GROUPS)
    whole.update(true, np.zeros((1, 100), dtype=np.int64), np.arange(100) % GROUPS)
    counts = LabelCounts.of(whole)
    top = acc.most_frequent(counts, np.array([9, 8, 7, 6, 5, 4, 3]), 2)
    assert acc.accuracy(counts, EACH).value[0] == pytest.approx(0.9)
    assert acc.label_mean(counts, EACH).value[0] == pytest.approx(1 / 7)
    assert acc.label_mean(counts, EACH, counts.occurrences >= 10).value[0] == 1.0
    assert acc.label_mean(counts, EACH, top).value[0] == pytest.approx(0.5)


@pytest.mark.parametrize("mean", [acc.label_mean, acc.accuracy])
def test_the_interval_covers_the_true_mean_about_as_often_as_it_says(mean):
    rng = np.random.default_rng(0)
    skill = np.linspace(0.1, 0.9, 40)
    frequency = 1 / np.arange(1, 41)
    inside = 0
    for _ in range(150):
        true = rng.choice(40, 1500, p=frequency / frequency.sum())
        right = rng.random(1500) < skill[true]
        whole = ConfusionCounts(40, 1, 20)
        whole.update(true, np.where(right, true, (true + 1) % 40)[None], rng.integers(0, 20, 1500))
        counts = LabelCounts.of(whole)
        found = mean(counts, leave_out_factors(np.ones(20, int)))
        low, high = found.interval()
        share = np.bincount(true, minlength=40)[counts.ids]
        weights = share if mean is acc.accuracy else np.ones(share.size)
        inside += low[0] <= np.average(skill[counts.ids], weights=weights) <= high[0]
        assert low[0] < found.value[0] < high[0]
    assert 0.86 <= inside / 150 <= 1.0


def test_leaving_out_a_group_keeps_the_labels_seen_once():
    whole = ConfusionCounts(30, 1, 10)
    true = np.r_[np.zeros(100, dtype=np.int64), np.arange(1, 30)]
    whole.update(true, np.zeros((1, 129), dtype=np.int64), np.arange(129) % 10)
    mean = acc.label_mean(LabelCounts.of(whole), leave_out_factors(np.ones(10, int)))
    assert mean.without[0].mean() == pytest.approx(mean.value[0], abs=0.003)


def test_frequency_rho_is_spearmans_over_labels_with_enough_occurrences():
    data = made_up(11, n=600)
    frequency = np.array([50, 3, 9, 9, 1, 100, 20])
    rho = acc.frequency_rho(LabelCounts.of(counted(data)), EACH, frequency, n_min=10)
    for block in range(BLOCKS):
        by_hand = apt_by_hand(data, block, 10)
        expected = stats.spearmanr([frequency[t] for t in by_hand], list(by_hand.values()))
        assert rho.value[block] == pytest.approx(expected.statistic)


def test_a_rank_correlation_of_ties_has_no_interval():
    whole = ConfusionCounts(LABELS, 1, GROUPS)
    true = np.tile(np.arange(LABELS), 40)
    whole.update(true, np.where(true < 2, true, 6)[None], np.arange(true.size) % GROUPS)
    rho = acc.frequency_rho(LabelCounts.of(whole), EACH, np.arange(1, 8))
    assert np.isfinite(rho.value[0])
    assert np.isnan(rho.interval()).all()


def test_what_comes_through_a_change_is_taken_without_each_part():
    without = (np.array([[0.1, 0.2, 0.3], [0.2, 0.3, 0.5]]),)
    each = leave_out_factors(np.ones(2, int))
    figure = acc.Jackknifed(np.array([0.0, 0.1, 0.2]), without, 9, 3, each)
    rise = figure.through(lambda values: values[..., -1:] - values[..., :1])
    np.testing.assert_allclose(rise.value, [0.2])
    np.testing.assert_allclose(rise.without[0], [[0.2], [0.3]])


def test_seeds_and_groups_are_left_out_whole_and_empty_ones_not_at_all():
    number = np.array([4, 0, 1, 4, 0, 1])  # two seeds of three groups; group 1 holds nothing
    factors = leave_out_factors(number, 2)
    assert factors.parts == [[[0, 3], [2, 5]], [[0, 1, 2], [3, 4, 5]]]
    assert (factors.weights.tolist(), factors.of) == ([8, 2], 3)
    one_seed = leave_out_factors(np.ones(4, int))
    assert one_seed.parts == [[[0], [1], [2], [3]]]  # one seed is no factor
    one_group = leave_out_factors(np.array([0, 5, 0, 5]), 2)
    assert (one_group.parts, one_group.weights) == ([[[0, 1], [2, 3]]], None)


def test_an_interval_of_few_uneven_groups_is_as_wide_as_their_degrees_of_freedom_say():
    number = np.array([60, 40, 40, 20, 20, 20, 20, 0, 20, 20, 20, 20])
    right = np.random.default_rng(0).binomial(number, 0.4)
    counts = LabelCounts(np.zeros(1, int), number[:, None], right[:, None, None])
    low, high = acc.accuracy(counts, leave_out_factors(number)).interval()
    filled = number > 0
    without = (right.sum() - right[filled]) / (number.sum() - number[filled])
    groups = filled.sum()
    error = np.sqrt((groups - 1) / groups * ((without - without.mean()) ** 2).sum())
    effective = number.sum() ** 2 / (number**2).sum()
    degrees = 1 / (1 / (effective - 1) + 2 * (1 / effective - 1 / number.size))
    assert degrees < 7 < groups - 1
    np.testing.assert_allclose((high - low) / 2, stats.t.ppf(0.975, degrees) * error, rtol=1e-9)


def test_bin_edges_cover_every_frequency():
    for top in (1, 9, 10, 11, 99, 100, 12345):
        edges = acc.frequency_bin_edges(np.array([0, 1, top]))
        assert edges[0] == 1
        assert edges[-1] > top
        assert edges[-2] <= top * (1 + 1e-9)
