"""Whatever the figures are, a verdict has its words: no claim is left without a reason."""

import numpy as np
import pandas as pd
import pytest

from blocklens.claims import evaluate
from blocklens.claims.registry import REGISTRY

MEASURES = {
    "separators": ("attention to separator", "attention to full stop"),
    "specialisation": ("repetition", "anchor", "anchor context"),
    "distance": ("mean distance", "share within 5"),
    "sentences": ("same sentence, distance matched",),
    "anchors": ("uniqueness",),
}


def random_sums(rng):
    """Sums of a few runs: few or many groups and twins; some statistics absent, zero or still."""
    groups, blocks, heads = rng.integers(1, 21), rng.integers(1, 5), rng.integers(1, 4)
    runs = ["encoder", *(f"untrained {seed}" for seed in range(rng.integers(0, 6)))]
    runs += ["shuffled"] * int(rng.integers(2))
    frames = []
    for measure, statistics in MEASURES.items():
        for statistic in statistics:
            kind = rng.choice(["absent", "zero", "still", "some", "any", "any", "any"])
            noise = 0.0 if kind == "still" else rng.uniform(0, 0.5)
            level = dict.fromkeys(runs, 1.0) | {"encoder": np.exp(rng.normal(0, 1))}
            for run in runs:
                if kind == "absent" or (kind == "some" and rng.random() < 0.5):
                    continue
                width = 1 if measure == "anchors" else heads
                group, block, head = np.indices((groups, blocks, width)).reshape(3, -1)
                expected = rng.lognormal(3, 0.7, groups)[group]
                observed = expected * level[run] * rng.lognormal(0, noise, len(group))
                rows = pd.DataFrame({"group": group, "block": block + 1, "expected": expected})
                rows["observed"] = observed * (kind != "zero")
                rows["head"] = pd.array(head, dtype="Int64")
                frames.append(rows.assign(run=run, measure=measure, statistic=statistic))
    return pd.concat(frames) if frames else pd.DataFrame(columns=["run", "measure", "statistic"])


@pytest.fixture(scope="module")
def tables():
    """Random tables judged."""
    return [evaluate({"sums": random_sums(np.random.default_rng(seed))}) for seed in range(20)]


@pytest.mark.parametrize("number", range(20))
def test_every_verdict_of_any_table_has_its_reason_and_what_would_decide_it(number, tables):
    found = tables[number]
    assert len(found) == sum(name.startswith("p1-") for name in REGISTRY)
    assert set(found["verdict"]) <= {"holds", "does not hold", "undecided", "not applicable"}
    for row in found.to_dict("records"):
        assert row["reason"]
        assert bool(row["decides"]) == (row["verdict"] == "undecided")
        words = f"{row['reason']} {row['decides']}"
        assert not {"nan", "inf", "-0", "None"} & set(words.replace(",", " ").split())
        for which in ("", "control_"):
            shown = [row[f"{which}{name}"] for name in ("effect", "low", "high")]
            assert np.isfinite(shown).all() or np.isnan(shown).all()
            assert not any(str(value) == "-0.0" for value in shown)
        if row["verdict"] in ("holds", "does not hold"):
            assert row["low"] <= row["effect"] <= row["high"]


def test_random_tables_reach_every_verdict_and_reason(tables):
    """The property above says something: no kind of answer is missing from its tables."""
    found = pd.concat(tables)
    assert set(found["verdict"]) == {"holds", "does not hold", "undecided", "not applicable"}
    reasons = " | ".join(found["reason"])
    for words in ("one untrained encoder", "no untrained", "groups of equal weight", "share of 0"):
        assert words in reasons
