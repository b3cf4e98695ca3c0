"""Intervals cover what they say they cover."""

import numpy as np
import pytest

from blocklens.statistics.groups import GROUPS
from blocklens.statistics.intervals import degrees_of_freedom, effective_groups, jackknife


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).normal(size=30)
    left_out = (values.sum() - values) / 29
    low, high = jackknife(np.array(values.mean()), left_out)
    half = 2.0452 * values.std(ddof=1) / np.sqrt(30)
    assert high - low == pytest.approx(2 * half, rel=1e-4)


@pytest.mark.parametrize("texts", [40, 60, 150])
def test_degrees_of_freedom_tell_how_sure_the_spread_of_heavy_tailed_texts_is(texts):
    """They are 2 by the relative variance of the variance, which is simulated here.

    One text in ten is from a wider bell curve, so that the excess kurtosis of all is 4.
    """
    rng = np.random.default_rng(texts)
    values = rng.normal(size=(20_000, texts)) * np.where(
        rng.random((20_000, texts)) < 0.1, 2.694, 1
    )
    dealt = rng.integers(GROUPS, size=values.shape)
    sums, numbers = np.zeros((2, 20_000, GROUPS))
    for group in range(GROUPS):
        numbers[:, group] = (dealt == group).sum(axis=1)
        sums[:, group] = (values * (dealt == group)).sum(axis=1)
    variance = ((sums - numbers * values.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    simulated = 2 * variance.mean() ** 2 / variance.var()
    expected = degrees_of_freedom(effective_groups(numbers.T).mean(), GROUPS)
    assert expected == pytest.approx(simulated, rel=0.1)


def test_even_groups_have_one_degree_of_freedom_less_than_their_number():
    assert degrees_of_freedom(20.0, 20) == pytest.approx(19)
    assert degrees_of_freedom(12.0, 12) == pytest.approx(11)
