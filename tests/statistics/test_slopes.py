import numpy as np
import pytest

from blocklens.statistics.slopes import correlation, slope


def test_slopes_need_as_many_defined_blocks_as_are_asked_for():
    values = np.array([[np.nan, 3.0, 2.0, 1.0], [np.nan, np.nan, 2.0, 1.0]])
    np.testing.assert_allclose(slope(values, fewest=3), [-1, np.nan])
    np.testing.assert_allclose(slope(values), [-1, -1])


def test_blocks_that_are_not_neighbours_keep_their_distance():
    values = np.array([0.1, 0.4, 0.5])
    wanted = np.polyfit([1, 2, 6], values, 1)[0]
    assert slope(values, [1, 2, 6]) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("value", [1.0, 0.1, 1 / 3])
def test_equal_values_have_slope_zero_to_the_last_bit(value):
    assert slope(np.array([np.nan, *[value] * 6])) == 0.0


def test_values_at_one_place_and_no_values_have_no_slope():
    assert np.isnan(slope(np.array([1.0, 2.0]), [3, 3]))
    assert np.isnan(slope(np.zeros((2, 0)))).all()


def test_correlation_is_pearsons_and_needs_values_that_differ():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50))
    assert correlation(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1], rel=1e-12)
    assert np.isnan(correlation(a, np.ones(50)))
    assert np.isnan(correlation(a[:1], b[:1]))
