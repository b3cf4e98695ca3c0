"""Confidence against input APT: the slope of a known line, and the answers that count."""

import numpy as np
import pytest
from scipy import sparse, stats

from blocklens.confidence.independence import BINS, confidence_tables, input_apt, token_apt

SEEDS, N, TESTS = 4, 600, 200


def drawn(slope, seed=0, noise=0.02):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.2, 0.6, N)
    test = np.stack([rng.permutation(N)[:TESTS] for _ in range(SEEDS)])
    confidence = 0.7 + slope * (x[test] - 0.4) + rng.normal(0, noise, test.shape)
    right = rng.random(test.shape) < 0.8
    keys = rng.integers(0, 1 << 60, N)
    return x, confidence, right, test, keys


def rows(tables, subset):
    return tables["confidence"].query("subset == @subset").set_index("statistic")


@pytest.mark.parametrize("subset", ["all", "correct"])
def test_slope_rho_and_change_are_those_of_an_obvious_reference(subset):
    x, confidence, right, test, keys = drawn(0.3)
    found = rows(confidence_tables(x, confidence, right, test, keys), subset)
    inputs, y = x[test].ravel(), confidence.ravel()
    if subset == "correct":
        inputs, y = inputs[right.ravel()], y[right.ravel()]
    slope = np.polyfit(inputs, y, 1)[0]
    low, high = np.quantile(inputs, (0.05, 0.95))
    assert found.loc["slope", "value"] == pytest.approx(slope, rel=1e-9)
    assert found.loc["change over the range", "value"] == pytest.approx(slope * (high - low))
    assert found.loc["Spearman rho", "value"] == pytest.approx(stats.spearmanr(inputs, y).statistic)
    assert found.loc["mean confidence", "value"] == pytest.approx(y.mean())
    assert found.loc["slope", "n"] == len(y)


def test_the_interval_covers_the_slope_of_a_known_line_and_tells_it_from_none():
    covered = 0
    for seed in range(20):
        found = rows(confidence_tables(*drawn(0.3, seed)), "all").loc["slope"]
        covered += found["low"] <= 0.3 <= found["high"]
        assert found["low"] > 0
    assert covered >= 17  # 95 % intervals: fewer than 17 of 20 by chance once in 370
    flat = rows(confidence_tables(*drawn(0.0)), "all").loc["change over the range"]
    assert -0.02 < flat["low"] < 0 < flat["high"] < 0.02


def test_bins_hold_equally_many_inputs_and_their_means():
    x, confidence, right, test, keys = drawn(0.3)
    curve = confidence_tables(x, confidence, right, test, keys)["confidence_curve"]
    curve = curve.query("subset == 'all'")
    assert len(curve) == BINS
    assert curve["n"].sum() == SEEDS * TESTS
    assert curve["n"].max() - curve["n"].min() <= SEEDS
    order = np.argsort(x[test].ravel(), kind="stable")[: curve["n"].iloc[0]]
    assert curve["value"].iloc[0] == pytest.approx(confidence.ravel()[order].mean())


def test_input_apt_is_the_mean_over_measured_tokens_without_special_ones():
    counts = sparse.csr_array(([1, 1, 1, 3, 7], ([5, 5, 6, 6, 3], [5, 0, 6, 5, 3])), shape=(10, 10))
    apt = token_apt(counts)
    found = input_apt([[2, 5, 6, 6, 3], [2, 9, 3], [2, 5, 9, 3]], apt, special=[2, 3])
    assert found[[0, 2]] == pytest.approx([(0.5 + 0.25 + 0.25) / 3, 0.5])
    assert np.isnan(found[1])
    values = confidence_tables(
        np.r_[found, 0.1, 0.2, 0.3], np.full((1, 6), 0.5), np.ones((1, 6), bool),
        np.arange(6)[None], np.arange(6),
    )  # fmt: skip
    assert rows(values, "all").loc["mean confidence", "n"] == 5


def test_no_line_over_input_apt_changes_more_than_the_largest_change():
    x, confidence, right, test, keys = drawn(0.3)
    found = rows(confidence_tables(x, confidence, right, test, keys), "all")["value"]
    r = np.corrcoef(x[test].ravel(), confidence.ravel())[0, 1]
    assert found["change over the range"] == pytest.approx(r * found["largest change"])
    line = rows(confidence_tables(x, 0.7 - 0.3 * x[test], right, test, keys), "all")["value"]
    assert line["change over the range"] == pytest.approx(-line["largest change"])


def test_an_error_of_input_apt_is_corrected_for_by_what_its_halves_agree_in():
    slopes = []
    for seed in range(10):
        x, *given = drawn(0.3, seed)
        halves = x + np.random.default_rng(seed).normal(0, x.std(), (2, N))  # 1 / 2 each
        mean = halves.mean(axis=0)
        found = rows(confidence_tables(mean, *given, halves=halves), "all")["value"]
        plain = rows(confidence_tables(mean, *given), "all")["value"]
        assert found["reliability"] == pytest.approx(2 / 3, abs=0.1)
        assert plain["slope"] == pytest.approx(found["slope"] * found["reliability"])
        assert found["change over the range"] == pytest.approx(
            plain["change over the range"] / np.sqrt(found["reliability"])
        )
        slopes.append(found["slope"])
    assert np.mean(slopes) == pytest.approx(0.3, abs=0.02)
