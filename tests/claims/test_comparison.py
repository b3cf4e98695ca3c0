"""Studies side by side: who has more, who cannot be told apart, and from which step on."""

import numpy as np
import pandas as pd
import pytest

from blocklens.claims import evaluate
from blocklens.claims.comparison import (
    OTHER_TEXTS,
    PAIRED,
    Compared,
    begins_to_hold,
    compare_studies,
    differences,
    training_step,
)
from blocklens.statistics.estimate import Estimate, Source

GROUPS, BLOCKS, HEADS = 32, 6, 4
CLAIM = "p1-full-stop"


def sums(effect: float, noise: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Sums of one statistic whose ratio is `effect`; texts differ a lot, runs a little."""
    group, block, head = (a.ravel() for a in np.indices((GROUPS, BLOCKS, HEADS)))
    of_texts = np.random.default_rng(7).lognormal(0, 0.5, GROUPS)[group]
    own = np.random.default_rng(seed).lognormal(0, noise, GROUPS)[group] if noise else 1.0
    return pd.DataFrame(
        {
            "run": "encoder", "measure": "separators", "statistic": "attention to full stop",
            "group": group, "block": block + 1, "head": head,
            "observed": 100 * effect * of_texts * own, "expected": 100.0,
        }
    ).astype({"head": "Int64"})  # fmt: skip


def study(name: str, effect: float, *, texts: str = "same", encoder: str = "", **made) -> Compared:
    tables = {"sums": sums(effect, **made)}
    return Compared(name, encoder or name, {"texts": texts}, {**tables, "claims": evaluate(tables)})


def of_claim(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[table["id"] == CLAIM].reset_index(drop=True)


def test_a_paired_difference_is_sharper_than_one_of_other_texts():
    pair = [study("a", 1.3, noise=0.02, seed=1), study("b", 1.2, noise=0.02, seed=2)]
    row = of_claim(differences(pair)).iloc[0]
    assert (row["how"], row["scale"]) == (PAIRED, "ratio")
    assert row["low"] < row["value"] < row["high"]
    assert row["value"] == pytest.approx(1.3 / 1.2, rel=0.03)
    assert (row["above"], row["below"]) == ("a", "b")
    elsewhere = [pair[0], study("b", 1.2, texts="others", noise=0.02, seed=2)]
    other = of_claim(differences(elsewhere)).iloc[0]
    assert (other["how"], other["above"], other["below"]) == (OTHER_TEXTS, "", "")
    widths = [np.log(one["high"] / one["low"]) for one in (row, other)]
    assert widths[1] > 3 * widths[0]


def test_a_paired_difference_is_the_jackknife_of_the_ratio_of_ratios():
    pair = [study("a", 1.3, noise=0.1, seed=1), study("b", 1.2, noise=0.1, seed=2)]
    row = of_claim(differences(pair)).iloc[0]
    last = [s.tables["sums"].query("block > 4") for s in pair]

    def log_ratio(kept: np.ndarray) -> float:
        a, b = (t.loc[t["group"].isin(kept), "observed"].sum() for t in last)
        return float(np.log(a / b))

    groups = np.arange(GROUPS)
    without = np.array([log_ratio(groups[groups != g]) for g in groups])
    error = np.sqrt((GROUPS - 1) / GROUPS * ((without - without.mean()) ** 2).sum())
    half = 2.0395134 * error  # t with 31 degrees of freedom
    assert np.log(row["value"]) == pytest.approx(log_ratio(groups))
    assert np.log(row["high"] / row["value"]) == pytest.approx(half, rel=1e-6)


def test_a_difference_of_rounding_alone_is_none():
    one, other = (Estimate.left_out(v, np.linspace(0.6, 0.7, 20)) for v in (0.1 + 0.2, 0.3))
    assert one.value != other.value
    assert one.less(other).value == 0
    paired = one.paired_less(other)
    assert paired is not None
    assert paired.value == 0
    near_one = [Estimate.of(v, [Source("texts", 0.01, 30)], ratio=True) for v in (1 + 1e-15, 1.0)]
    assert near_one[0].less(near_one[1]).value == 0  # beside logarithms of nearly nothing


def test_studies_that_cannot_be_told_apart_share_a_rank():
    three = [
        study("low", 1.0, noise=0.05, seed=1),
        study("high", 2.0, noise=0.05, seed=2),
        study("high too", 2.0, noise=0.05, seed=3),
    ]
    ranks = of_claim(compare_studies(three).effects).set_index("study")["rank"]
    assert ranks.to_dict() == {"low": 3, "high": 1, "high too": 1}


def test_checkpoints_of_one_run_are_a_series_in_the_order_of_their_steps():
    names = ["bert/checkpoint-900", "bert/checkpoint-30", "bert/checkpoint-200"]
    studies = [study(name, 1.0 + i, encoder=name) for i, name in enumerate(names)]
    series = compare_studies(studies).series
    assert series is not None
    assert of_claim(series)["step"].tolist() == [30, 200, 900]
    others = [*studies[:2], study("x", 1.0, encoder="other/checkpoint-5")]
    assert compare_studies(others).series is None


@pytest.mark.parametrize(
    ("encoder", "step"),
    [
        ("runs/bert/checkpoint-500", ("runs/bert", 500)),
        ("runs/bert/step-00001200", ("runs/bert", 1200)),
        ("bert-step200", ("bert", 200)),
        ("google-bert/bert-base-uncased", None),
    ],
)
def test_a_checkpoint_is_known_by_its_name(encoder: str, step: tuple[str, int] | None):
    assert training_step(encoder) == step


@pytest.mark.parametrize(
    ("verdicts", "after", "by"),
    [
        (["undecided", "holds", "holds"], 10, 20),
        (["holds", "does not hold", "holds"], 20, 30),
        (["holds", "holds", "holds"], None, 10),
        (["holds", "holds", "undecided"], 30, None),
    ],
)
def test_a_statement_begins_to_hold_where_it_holds_from_then_on(verdicts, after, by):
    series = pd.DataFrame({"id": "x", "statement": "X.", "verdict": verdicts, "step": [10, 20, 30]})
    row = begins_to_hold(series).iloc[0]
    assert (None if pd.isna(row["after"]) else row["after"]) == after
    assert (None if pd.isna(row["by"]) else row["by"]) == by
    assert (row["holds_at"], row["checkpoints"]) == (verdicts.count("holds"), 3)
    assert row["at_last"] == verdicts[-1]


def test_what_begins_to_hold_first_comes_first_and_what_never_does_last():
    verdicts = {
        "never": ["undecided"] * 3,
        "late": ["undecided", "undecided", "holds"],
        "at first": ["holds", "holds", "undecided"],
        "early": ["undecided", "holds", "holds"],
    }
    rows = [
        {"id": name, "statement": "X.", "verdict": verdict, "step": 10 * step}
        for name, of_claim in verdicts.items()
        for step, verdict in enumerate(of_claim)
    ]
    order = begins_to_hold(pd.DataFrame(rows))["id"].tolist()
    assert order == ["early", "late", "at first", "never"]
