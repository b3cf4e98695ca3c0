"""A verdict needs the whole interval on one side, and each P1 claim reads the sums it names."""

import numpy as np
import pandas as pd
import pytest

from blocklens.claims import REGISTRY, Estimate, claim, evaluate, verdict
from blocklens.claims.p1 import Run
from blocklens.heads.ratios import Ratios

CONTROL = Estimate(1.0, 0.9, 1.1)


@pytest.mark.parametrize(
    ("effect", "control", "bound", "expected"),
    [
        (Estimate(2, 1.5, 2.5), CONTROL, 1.0, "holds"),
        (Estimate(1.2, 1.05, 1.4), CONTROL, 1.0, "inconclusive"),
        (Estimate(0.5, 0.4, 0.6), CONTROL, 1.0, "does not hold"),
        # Above the control, but on the wrong side of no preference at all.
        (Estimate(0.8, 0.7, 0.9), Estimate(0.5, 0.4, 0.6), 1.0, "does not hold"),
        # Above no preference, but the control does better still.
        (Estimate(2, 1.9, 2.1), Estimate(3, 2.8, 3.2), 1.0, "does not hold"),
        (Estimate(2, 1.5, 2.5), None, 1.0, "inconclusive"),
        (Estimate(2, float("nan"), float("nan")), CONTROL, 1.0, "inconclusive"),
        (Estimate(2, 1.5, 2.5), Estimate(1, float("nan"), float("nan")), 1.0, "inconclusive"),
    ],
)
def test_the_verdict_follows_the_intervals(effect, control, bound, expected):
    assert verdict(effect, control, bound) == expected


def test_a_claim_registered_twice_is_an_error():
    taken = next(iter(REGISTRY))
    given = {"paper": "P1", "statement": "", "statistic": "", "control": "", "bound": 1.0}
    with pytest.raises(ValueError, match="registered twice"):
        claim(id=taken, choices="", figure={}, **given)(lambda tables: None)


def ratios(observed, measure="separators", statistics=("attention to separator",)):
    """Sums of 20 groups with the given mean ratio [blocks, heads], and a little noise."""
    observed = np.asarray(observed, dtype=float)
    blocks, heads = observed.shape
    made = Ratios(measure, statistics, blocks=blocks, heads=heads, groups=20)
    rng = np.random.default_rng(0)
    for group in range(20):
        for block in range(blocks):
            noise = rng.normal(1, 0.02, size=(heads, 1, 1))
            made.add(
                group, block + 1, observed[block][:, None, None] * 100 * noise,
                np.array(100.0), np.array(100.0),
            )  # fmt: skip
    return made.sums(made.cuts[0])


def test_a_run_gives_back_the_effects_it_was_made_of():
    effects = [[1, 1], [1, 1], [2, 2], [2, 4], [5, 7], [6, 6]]
    run = Run(ratios(effects))
    assert run.blocks == 6
    assert run.third == 2
    assert run.final_third()[0] == pytest.approx(6, rel=0.02)
    assert run.first_third()[0] == pytest.approx(1, rel=0.02)
    assert run.first_over_final()[0] == pytest.approx(1 / 6, rel=0.03)
    assert run.strongest_head()[0] == pytest.approx(7, rel=0.02)
    # One doubling apart in one block of six, half a doubling in another, none elsewhere.
    spread = np.mean([0, 0, 0, np.std([1, 2], ddof=1), np.std(np.log2([5, 7]), ddof=1), 0])
    assert run.spread_over_heads()[0] == pytest.approx(spread, rel=0.1)
    low, high = np.percentile(run.final_third()[1:], [2.5, 97.5])
    assert low < 6 < high
    assert high - low < 0.2


def with_run(frame, name):
    return frame.assign(run=name)


def test_a_claim_holds_against_its_controls_and_not_without():
    strong, weak = ratios(np.full((3, 2), 5.0)), ratios(np.full((3, 2), 1.0))
    runs = [with_run(strong, "encoder"), with_run(weak, "untrained 0")]
    found = evaluate({"sums": pd.concat(runs)}).set_index("id")
    assert found.loc["p1-separator", "verdict"] == "holds"
    assert found.loc["p1-separator", "effect"] == pytest.approx(5, rel=0.01)
    # Its statistic was not measured.
    assert found.loc["p1-same-sentence", "verdict"] == "inconclusive"
    alone = evaluate({"sums": runs[0]}).set_index("id")
    assert alone.loc["p1-separator", "verdict"] == "inconclusive"
    assert alone.loc["p1-separator", "control"] == "not run"
    stronger = [*runs, with_run(ratios(np.full((3, 2), 6.0)), "untrained 1")]
    beaten = evaluate({"sums": pd.concat(stronger)}).set_index("id")
    assert beaten.loc["p1-separator", "verdict"] == "inconclusive"


def test_claims_without_their_tables_are_not_shown():
    assert evaluate({}).empty
