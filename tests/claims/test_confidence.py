"""Claims on the confidence of text classifiers, and on replaced tokens."""

import pandas as pd
import pytest

from blocklens.claims import evaluate

TASKS = {"read-out": "text", "truncate": "text, fine-tuned"}


def confidence(
    reliability: float = 0.9, **changes: tuple[float, float, float]
) -> dict[str, pd.DataFrame]:
    rows = [
        {"run": "encoder", "task": TASKS[variant], "subset": subset,
         "statistic": statistic, "value": value, "low": low, "high": high,
         "bound": 0.02, "modified": 1000, "groups": 20.0}
        for variant in ("read-out", "truncate")
        for subset in ("all", "correct")
        for change in [changes.get(f"{variant}_{subset}".replace("-", "_"), (0, -9, 9))]
        for statistic, (value, low, high) in (
            ("change over the range", change), ("reliability", (reliability, 0, 1)),
        )
    ]  # fmt: skip
    return {"confidence": pd.DataFrame(rows)}


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ((0.005, -0.004, 0.014), "holds"),
        ((0.01, -0.01, 0.03), "undecided"),
        ((0.05, 0.03, 0.07), "does not hold"),
        ((-0.05, -0.07, -0.03), "does not hold"),
        ((0.0, -9.0, 9.0), "undecided"),
    ],
)
def test_independence_needs_the_whole_interval_within_the_bound(change, verdict):
    found = evaluate(confidence(truncate_all=change)).set_index("id").loc["p2-confidence"]
    assert found[["effect", "low", "high"]].tolist() == pytest.approx(change)
    assert found["verdict"] == verdict


def test_input_apt_that_is_mostly_noise_says_nothing_and_asks_for_modified_tokens():
    tables = confidence(reliability=0.5, truncate_all=(0.0, -0.001, 0.001))
    found = evaluate(tables).set_index("id").loc["p2-confidence"]
    assert found["verdict"] == "undecided"
    assert "reliability of 0.50" in found["reason"]
    assert "about 4,000 modified tokens" in found["decides"]  # four times: 4/2 over 1 + 3/2


def test_right_answers_alone_are_a_claim_of_their_own_and_the_fine_tuned_model_is_meant():
    tables = confidence(truncate_correct=(0.0, -0.01, 0.01), read_out_all=(0.0, -0.01, 0.01))
    found = evaluate(tables).set_index("id")["verdict"]
    assert found["p2-confidence-correct"] == "holds"
    assert found["p2-confidence"] == "undecided"
    table = tables["confidence"]
    alone = {"confidence": table[table["task"].eq("text")]}
    assert evaluate(alone).set_index("id")["verdict"]["p2-confidence"] == "holds"


def test_a_confidence_that_cannot_leave_the_bound_says_nothing_of_independence():
    def verdict(largest):
        table = confidence(truncate_all=(0.0, -0.001, 0.001))["confidence"]
        room = table[table["statistic"].eq("reliability")]
        room = room.assign(statistic="largest change", value=largest)
        tables = {"confidence": pd.concat([table, room])}
        return evaluate(tables).set_index("id")["verdict"]["p2-confidence"]

    assert verdict(0.2) == "holds"
    assert verdict(0.0018) == "undecided"


@pytest.mark.parametrize(
    ("identity", "statistic", "better"),
    [("p2-partners-replace", "prediction change", 1), ("p2-partners-accuracy", "accuracy", -1)],
)
def test_partners_must_do_better_than_random_tokens_at_the_largest_share(
    identity, statistic, better
):
    def verdict(low, high):
        low, high = sorted((better * low, better * high))
        rows = [
            {"task": "text", "arm": arm, "share": share, "statistic": statistic,
             "value": (a + b) / 2, "low": a, "high": b, "groups": 20.0}
            for arm in ("random", "random - partner", "random, own frequency - partner")
            for share in (0.5, 1.0)
            for a, b in [(low, high) if (arm, share) == ("random - partner", 1.0) else (-5, 5)]
        ]  # fmt: skip
        found = evaluate({"replacement": pd.DataFrame(rows)}).set_index("id")
        assert list(found.index) == [identity]
        return found["verdict"][identity]

    assert verdict(0.011, 0.019) == "holds"
    assert verdict(-0.01, 0.02) == "undecided"
    assert verdict(-0.03, -0.02) == "does not hold"
