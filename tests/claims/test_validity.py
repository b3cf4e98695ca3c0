"""A fast slice of `make validity`: the rates that the rule must keep, and that they can be missed.

Encoders of one population of seeds, drawn alike: whichever is taken for the encoder, nothing sets
it apart from its twins, so that every `holds` is false.
"""

import numpy as np
import pytest
from benchmarks import coverage
from benchmarks.judged import known, rate, verdicts, with_twins

from blocklens.claims import head_sums
from blocklens.claims.head_sums import Run

BAR = 0.05

QUANTITIES = {
    "p1-separator": Run.final_third,
    "p1-heads-differ": Run.spread_over_heads,
    "p1-repetition-head": Run.strongest_head,
    "p1-long-range-first": Run.first_over_final,
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


def share_covered():
    return coverage.of_simulated("ratio, final third", 20, 2000, noise=0.5, size=1.0)["coverage"]


def test_intervals_of_few_unlike_texts_cover_the_truth(monkeypatch):
    """Of twenty texts, one of which may weigh as much as the rest; the bare number is too many."""
    assert 0.93 <= share_covered() <= 0.97
    monkeypatch.setattr(head_sums, "effective_groups", len)
    assert share_covered() < 0.93
