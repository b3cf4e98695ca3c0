"""Intervals cover what they say they cover."""

import numpy as np
import pytest

from blocklens.statistics.intervals import jackknife


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).normal(size=30)
    left_out = (values.sum() - values) / 29
    low, high = jackknife(np.array(values.mean()), left_out)
    half = 2.0452 * values.std(ddof=1) / np.sqrt(30)
    assert high - low == pytest.approx(2 * half, rel=1e-4)
