"""A rank correlation's interval covers what it says, also where resampling would not."""

import numpy as np
import pytest
from scipy import stats

from blocklens.labels.accuracy import LabelCounts, frequency_rho, frequency_slope
from blocklens.labels.confusion import ConfusionCounts
from blocklens.labels.left_out import Factors, leave_out_factors

LABELS, TEXTS, PER_TEXT, GROUPS = 400, 1600, 12, 20
EACH = leave_out_factors(np.ones(GROUPS, int))
"""Every group of texts is left out by itself."""


def barely_learned(share: np.ndarray) -> np.ndarray:
    """Right three times in ten at most, most rare tokens never: many tied at zero."""
    return 0.3 * np.sqrt(share)


def learned(share: np.ndarray) -> np.ndarray:
    """Right six times in ten at most, three for the rarest: hardly a tie, much noise."""
    return 0.6 + 0.05 * np.log(share)


def measured_texts(seed: int, chance=learned) -> tuple[ConfusionCounts, np.ndarray]:
    """Counts of texts by Zipf's law, and each token's share; right with `chance` of its share."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, LABELS + 1)
    share /= share.sum()
    true = rng.choice(LABELS, TEXTS * PER_TEXT, p=share)
    right = rng.random(true.size) < chance(share[true] / share[0])
    counts = ConfusionCounts(LABELS, 1, GROUPS)
    text = np.repeat(np.arange(TEXTS), PER_TEXT)
    counts.update(true, np.where(right, true, (true + 1) % LABELS)[None], text % GROUPS)
    return counts, share


def resampled_rho(counts: ConfusionCounts, share: np.ndarray, resamples: int) -> np.ndarray:
    """Spearman's rho in resamples of the groups, by scipy."""
    found = LabelCounts.of(counts)
    chosen, share, draws = found.occurrences >= 10, share[found.ids], []
    rng = np.random.default_rng(1)
    for weights in rng.multinomial(GROUPS, np.full(GROUPS, 1 / GROUPS), size=resamples):
        n, c = weights @ found.n[:, chosen], weights @ found.c[:, 0, chosen]
        there = n > 0
        draws.append(stats.spearmanr(share[chosen][there], c[there] / n[there]).statistic)
    return np.array(draws)


@pytest.mark.parametrize("chance", [barely_learned, learned])
def test_the_interval_of_a_rank_correlation_covers_what_other_texts_give(chance):
    found = []
    for seed in range(60):
        counts, share = measured_texts(seed, chance)
        rho = frequency_rho(LabelCounts.of(counts), EACH, (share * 1e6).astype(np.int64))
        low, high = rho.interval()
        found.append((rho.value[0], low[0], high[0]))
    value, low, high = np.array(found).T
    expected = value.mean()  # of texts like these, as many as these
    assert 0.85 <= np.mean((low <= expected) & (expected <= high)) <= 1
    assert np.all((low < value) & (value < high))


def test_resampling_with_replacement_would_pull_a_rank_correlation_towards_zero():
    bias, covered = [], []
    for seed in range(12):
        counts, share = measured_texts(seed)
        rho = frequency_rho(LabelCounts.of(counts), EACH, (share * 1e6).astype(np.int64)).value[0]
        draws = resampled_rho(counts, share, 60)
        low, high = np.percentile(draws, (2.5, 97.5))
        bias.append(draws.mean() - rho)
        covered.append(low <= rho <= high)
    assert np.mean(bias) < -0.05
    assert np.mean(covered) < 0.6  # of 12 intervals many leave out the value they are of


def test_a_rank_correlation_that_ties_hold_in_place_has_no_interval():
    counts = ConfusionCounts(20, 1, GROUPS)
    true = np.tile(np.arange(20), 400)
    group = np.arange(true.size) // 20 % GROUPS
    counts.update(true, np.zeros((1, true.size), dtype=int), group)
    rho = frequency_rho(
        LabelCounts.of(counts), EACH, np.arange(20)[::-1] + 1
    )  # the one token that is ever right
    assert rho.value[0] > 0.3
    assert np.isnan(rho.interval()).all()


def test_few_occurrences_weaken_the_rank_correlation_and_not_the_slope():
    few, many = [], []
    for seed in range(40):
        counts, share = measured_texts(seed)
        frequency = (share * 1e6).astype(np.int64)
        whole, one = LabelCounts.of(counts), LabelCounts.of(counts)
        part = LabelCounts(one.ids, one.n[:5], one.c[:5])  # a quarter of the texts
        for found, of in ((many, whole), (few, part)):
            enough = int(np.flatnonzero(part.occurrences >= 10).max()) + 1  # the same labels
            of = LabelCounts(of.ids[:enough], of.n[:, :enough], of.c[:, :, :enough])
            found.append(
                [
                    measure(of, Factors([], None, GROUPS), frequency, n_min=1).value[0]
                    for measure in (frequency_rho, frequency_slope)
                ]
            )
    (few_rho, few_slope), (many_rho, many_slope) = np.mean(few, axis=0), np.mean(many, axis=0)
    assert few_rho < many_rho - 0.05
    assert few_slope == pytest.approx(many_slope, abs=0.02)
    assert many_slope == pytest.approx(0.05 * np.log(10), abs=0.01)  # `learned`, by ten times
