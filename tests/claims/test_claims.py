"""Each P1 claim reads the sums it names, beside those of its controls."""

import numpy as np
import pandas as pd
import pytest

from blocklens.claims import REGISTRY, claim, evaluate
from blocklens.claims.head_sums import RunSums
from blocklens.heads.ratios import Ratios


def test_a_claim_registered_twice_is_an_error():
    taken = next(iter(REGISTRY.values()))
    given = {
        field: getattr(taken, field) for field in taken.__dataclass_fields__ if field != "find"
    }
    with pytest.raises(ValueError, match="registered twice"):
        claim(**given)(lambda tables: None)


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
    run = RunSums(ratios(effects))
    assert run.blocks == 6
    assert run.third == 2
    assert run.final_third().value == pytest.approx(6, rel=0.02)
    assert run.first_over_final().value == pytest.approx(1 / 6, rel=0.03)
    assert run.strongest_head().value == pytest.approx(7, rel=0.02)
    # One doubling apart in one block of six, half a doubling in another, none elsewhere.
    apart = [0, 0, 0, np.var([1, 2], ddof=1), np.var(np.log2([5, 7]), ddof=1), 0]
    spread = np.sqrt(np.mean(apart))
    assert run.spread_over_heads().value == pytest.approx(spread, rel=0.1)
    final = run.final_third()
    assert final.low < 6 < final.high
    assert final.high - final.low < 0.2


def test_heads_that_differ_by_noise_alone_do_not_lie_apart():
    """Each group's noise is drawn anew for every head, and the spread is 0 on average."""
    rng = np.random.default_rng(3)
    plain, unbiased = [], []
    for _ in range(30):
        rows = ratios(np.ones((4, 8)))
        rows["observed"] = 100 * rng.normal(1, 0.3, len(rows))
        totals = rows.pivot_table("observed", "block", "head", aggfunc="sum")
        plain.append(np.log2(totals).var(axis=1, ddof=1).mean())
        found = RunSums(rows).spread_over_heads()
        unbiased.append(found.value**2)
        assert found.value - 2 * found.error < 0.05
    assert np.mean(plain) > 0.008
    assert np.median(unbiased) < 0.2 * np.mean(plain)


def with_run(frame, name):
    return frame.assign(run=name)


def test_a_claim_holds_against_its_controls_and_not_without():
    strong, weak = ratios(np.full((3, 2), 5.0)), ratios(np.full((3, 2), 1.0))
    twins = [with_run(shifted(weak, 1 + seed / 50), f"untrained {seed}") for seed in range(5)]
    runs = [with_run(strong, "encoder"), *twins]
    found = evaluate({"sums": pd.concat(runs)}).set_index("id")
    assert found.loc["p1-separator", "verdict"] == "holds"
    assert found.loc["p1-separator", "effect"] == pytest.approx(5, rel=0.01)
    # What no text has weighs nothing, and no row of sums is kept of it.
    lacking = {"p1-full-stop": "full stop", "p1-same-sentence": "two sentences"}
    for name, word in lacking.items():
        assert found.loc[name, "verdict"] == "not applicable"
        assert word in found.loc[name, "reason"]
    alone = evaluate({"sums": runs[0]}).set_index("id")
    assert alone.loc["p1-separator", "verdict"] == "undecided"
    assert alone.loc["p1-separator", "control"] == "not run"
    stronger = [runs[0], *(with_run(shifted(weak, 6.0 + s), f"untrained {s}") for s in range(3))]
    beaten = evaluate({"sums": pd.concat(stronger)}).set_index("id")
    assert beaten.loc["p1-separator", "verdict"] == "undecided"


def shifted(frame, factor):
    return frame.assign(observed=frame["observed"] * factor)


def test_the_strongest_head_survives_a_half_without_the_statistic():
    rows = ratios(np.full((2, 2), 3.0))
    emptied = rows.assign(expected=rows["expected"].where(rows["group"] % 2 == 1, 0.0))
    emptied = emptied.assign(observed=emptied["observed"].where(emptied["group"] % 2 == 1, 0.0))
    assert not RunSums(emptied).strongest_head().sources
    assert RunSums(rows).strongest_head().sources
    assert not RunSums(rows.loc[rows["group"] == 0]).strongest_head().sources


def test_claims_without_their_tables_are_not_shown():
    assert evaluate({}).empty
