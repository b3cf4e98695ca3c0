"""Clusters that are there on other inputs, and those that luck made."""

import numpy as np
import pandas as pd
import pytest
from made_up import two_blocks

from blocklens.labels.accuracy import LabelCounts, label_mean, rarefied
from blocklens.labels.confusion import ConfusionCounts
from blocklens.labels.left_out import leave_out_factors
from blocklens.labels.nulls import frequency_bins, null_matrix
from blocklens.labels.sharpness import EXCESS, INSIDE, MATCHED, halves, replicated, sharpness_rows


def sharpness(counts, theta=0.2):
    factors = leave_out_factors(np.ones(counts.groups, int))
    rows = pd.DataFrame(sharpness_rows(counts, factors, theta=theta, n_min=10))
    return rows.set_index(["statistic", "block"])


def test_errors_stay_in_the_cluster_on_the_block_that_pairs_its_labels_alone():
    counts, *_ = two_blocks()
    rows = sharpness(counts)
    assert rows.loc[(INSIDE, 1), "value"] == 1
    assert rows.loc[(MATCHED, 1), "value"] == 0
    # block 0 errs evenly: the partner is one of 39 others, and is worth what any other is
    assert rows.loc[(INSIDE, 0), "value"] == pytest.approx(1 / 39, abs=0.01)
    low, high = rows.loc[(EXCESS, 0), ["low", "high"]]
    assert low < 0 < high
    assert rows.loc[(INSIDE, 0), "n_types"] >= 76  # on either half nearly all have a partner


def test_pairs_are_found_again_on_the_other_half_and_those_of_a_null_are_not():
    counts, *_ = two_blocks()
    first, second = (counts.matrices(1, [part]) for part in halves(counts.groups))
    found, share = replicated(next(first), next(second), 0.3, 10)
    assert found >= 38
    assert share > 0.9
    rng = np.random.default_rng(0)
    noise = ConfusionCounts(40, 1, 2)
    true = np.repeat(np.arange(40), 60)
    other = rng.integers(0, 40, true.size)
    for half in (0, 1):
        chosen = np.where(rng.random(true.size) < 0.4, true, rng.permutation(other))
        noise.update(true, chosen[None], np.full(true.size, half))
    _, luck = replicated(*noise.matrices(0, [[1], [0]]), 0.08, 10)
    assert luck < 0.3


def test_permuted_predictions_have_no_sharp_clusters():
    counts, *_ = two_blocks()
    permuted = ConfusionCounts(40, 2, 10)
    bins = frequency_bins(np.full(40, 400))
    for group in range(10):
        rest = [other for other in range(10) if other != group]
        for block in (0, 1):
            (matrix,) = counts.matrices(1, [rest])
            pairs = null_matrix(matrix, bins, 10 * block + group).tocoo()
            true, predicted = (np.repeat(x, pairs.data) for x in (pairs.row, pairs.col))
            if block == 0:
                first = (true, predicted)
        order = np.argsort(first[0], kind="stable")
        permuted.update(true[order], np.stack([first[1][order], predicted[order]]),
                        np.full(true.size, group))  # fmt: skip
    rows = sharpness(permuted)
    value, low = rows.loc[(EXCESS, 1), ["value", "low"]]
    assert np.isnan(value) or low < 0.02


def test_without_a_cluster_nothing_is_said():
    counts = ConfusionCounts(5, 3, 4)
    true = np.tile(np.arange(5), 40)
    counts.update(true, np.tile(true, (3, 1)), np.arange(true.size) % 4)
    assert sharpness(counts)["value"].isna().all()


def test_a_rarefied_mean_does_not_hang_on_how_much_was_measured():
    rng = np.random.default_rng(0)
    frequency = 1 / np.arange(1, 3001)
    skill = 0.7 * np.arange(1, 3001) ** -0.15  # rare labels are hard: the plain mean falls
    plain, stable = [], []
    for n in (4_000, 100_000):
        true = rng.choice(3000, n, p=frequency / frequency.sum())
        right = rng.random(n) < skill[true]
        whole = ConfusionCounts(3001, 1, 20)
        whole.update(true, np.where(right, true, 3000)[None], np.arange(n) % 20)
        counts = LabelCounts.of(whole)
        factors = leave_out_factors(np.ones(20, int))
        plain.append(label_mean(counts, factors).value[0])
        stable.append(label_mean(counts, factors, rarefied(counts)).value[0])
    assert plain[0] - plain[1] > 0.01
    assert abs(stable[0] - stable[1]) < (plain[0] - plain[1]) / 3
