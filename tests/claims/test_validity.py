"""A fast slice of `make validity`: the rates that the rule must keep, and that they can be missed.

Encoders of one population of seeds, drawn alike: whichever is taken for the encoder, nothing sets
it apart from its twins, so that every `holds` is false.
"""

import numpy as np
import pytest
from benchmarks import coverage
from benchmarks.judged import known, rate, verdicts, with_twins
from benchmarks.made_up_predictions import KINDS, TOKENS, measured_once, rates

from blocklens.claims import head_sums
from blocklens.claims.head_sums import RunSums
from blocklens.statistics import intervals

BAR = 0.05

QUANTITIES = {
    "p1-separator": RunSums.final_third,
    "p1-heads-differ": RunSums.spread_over_heads,
    "p1-repetition-head": RunSums.strongest_head,
    "p1-long-range-first": RunSums.first_over_final,
}


@pytest.fixture(scope="module")
def judged():
    """120 encoders beside drawn twins; their figures lie where the effect itself would count."""
    rng = np.random.default_rng(0)
    pool = []
    for _ in range(120):
        level = np.array([4.0, 3.0, 2.5])[:, None] * rng.lognormal(0, 0.2, (3, 1))
        truth = level * rng.lognormal(0, 0.4, (3, 4))
        sums = coverage.grouped(rng, coverage.simulated(rng, 80, truth))
        run = coverage.run_of(sums)
        pool.append({claim: quantity(run) for claim, quantity in QUANTITIES.items()})
    return with_twins(pool)


def test_encoders_that_nothing_sets_apart_hold_at_most_once_in_twenty(judged):
    held = rate(verdicts(judged), "alone", "holds")
    assert set(held.index) == set(QUANTITIES)
    assert held.max() <= BAR


def test_with_twins_taken_as_known_the_same_encoders_go_beyond_that(judged):
    """Were that the rule again, the test above would fail, and for every claim."""
    assert rate(verdicts(judged, known), "alone", "holds").min() > 2 * BAR


def share_covered(texts=40, draws="coverage"):
    """Of texts of very unlike lengths; by default where a verdict may be given (half of draws)."""
    return coverage.of_simulated("ratio, final third", texts, 2000, noise=0.5, size=1.0)[draws]


def test_intervals_of_few_unlike_texts_cover_the_truth(monkeypatch):
    """And neither groups that weigh alike nor texts on a bell curve may be taken for granted."""
    assert 0.93 <= share_covered() <= 0.97
    assert share_covered(20, "in all draws") >= 0.93  # wide rather than narrow, and no verdict
    with monkeypatch.context() as bell_curve:
        bell_curve.setattr(intervals, "EXCESS_KURTOSIS", 0.0)
        assert share_covered() < 0.93
    monkeypatch.setattr(head_sums, "effective_groups", len)
    assert share_covered() < 0.93
    assert share_covered(20, "in all draws") < 0.93


@pytest.mark.parametrize(
    ("kind", "clusters", "sharper"),
    [
        ("errors dealt anew", 0.0, 0.0),
        ("clusters", 1.0, 1.0),
        ("clusters from the start", 1.0, 0.0),
    ],
)
def test_clusters_hold_where_they_are_true_and_not_by_chance(kind, clusters, sharper):
    """Predictions whose truth is known, at a fifth of a default study's modified tokens."""
    assert kind in KINDS
    pool = [measured_once((kind, TOKENS, 20_000, seed)) for seed in range(2)]
    holds = rates(TOKENS, kind, pool)["holds"]
    assert (holds["clusters"], holds["sharper"]) == (clusters, sharper)


def test_the_interval_of_heads_that_are_nearly_as_strong_is_that_of_those_chosen():
    """It covers their own effect, and without bias, which lies below that of the strongest."""
    draws, truth = np.random.default_rng(3), 3.0 + np.linspace(0, 0.3, 12).reshape(3, 4)
    runs = [
        coverage.run_of(coverage.grouped(draws, coverage.simulated(draws, 80, truth)))
        for _ in range(600)
    ]
    cell = coverage.covered(iter(runs), RunSums.strongest_head, truth)
    assert 0.92 < cell["coverage"] < 0.98
    assert abs(cell["bias"]) < 0.01
    assert cell["short"] > 0.01
