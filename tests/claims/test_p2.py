"""Each P2 claim reads the tables it names, and its verdict turns with them."""

import numpy as np
import pandas as pd
import pytest
from made_up_labels import LAST, RISE, WHOLE, label_tables, learning
from scipy import stats

from blocklens.claims import evaluate
from blocklens.labels.sharpness import EXCESS


def verdicts(tables):
    return evaluate(tables).set_index("id")["verdict"]


IDS = [
    "p2-apt-rises",
    "p2-apt-frequency",
    "p2-clusters",
    "p2-clusters-finite",
    "p2-clusters-sharper",
]


def test_a_model_as_the_paper_describes_it_has_every_claim_hold():
    assert verdicts(label_tables())[IDS].tolist() == ["holds"] * 5


def test_a_model_that_does_the_opposite_has_every_claim_fail():
    last = {
        "frequency slope": -0.2,
        "labels in clusters": 8.0,
        "largest connected share": 0.95,
        EXCESS: -0.1,
    }
    whole = {
        RISE: -0.05,
        f"{EXCESS} slope": -0.1,
    }
    assert verdicts(label_tables(last, whole))[IDS].tolist() == ["does not hold"] * 5


def test_wide_intervals_and_missing_controls_decide_nothing():
    assert (verdicts(label_tables(spread=100.0))[IDS] == "undecided").all()
    alone = verdicts(label_tables(twins=0))
    assert alone["p2-apt-rises"] == alone["p2-apt-frequency"] == "undecided"
    assert alone["p2-clusters"] == "holds"


def test_the_control_is_another_untrained_encoder_of_the_twins_kind():
    row = evaluate(label_tables()).set_index("id").loc["p2-apt-frequency"]
    values = 0.3 + np.arange(5) / 100
    assert row["control_effect"] == pytest.approx(values.mean())
    alone = stats.t.ppf(0.975, 4) * values.std(ddof=1) * np.sqrt(1 + 1 / 5)
    assert 0.99 * alone < (row["control_high"] - row["control_low"]) / 2 < 1.1 * alone


@pytest.mark.parametrize(
    ("task", "of"), [("tokens", "texts"), ("text", "texts"), ("image", "images")]
)
def test_inputs_of_few_groups_have_no_verdict_whatever_is_read_out(task, of):
    tables = label_tables(
        task=task, rise=RISE if task == "tokens" else "accuracy slope from block 1"
    )
    assert "holds" in set(verdicts(tables))
    found = evaluate({**tables, "learning": tables["learning"].assign(groups=8.0)})
    of_learning = found[found["effect"].notna()]
    assert set(of_learning["verdict"]) == {"undecided"}
    assert of_learning["reason"].str.startswith(f"the {of} count as 8 groups").all()
    assert set(of_learning["decides"]) == {f"about 2 times the {of}"}


def test_one_twin_gives_no_verdict_and_says_what_would():
    row = evaluate(label_tables(twins=1)).set_index("id").loc["p2-apt-frequency"]
    assert row["verdict"] == "undecided"
    assert "twin" in row["decides"]


def test_without_tables_there_is_no_claim_of_p2():
    found = evaluate({})
    assert found.empty or not found["paper"].eq("P2").any()


@pytest.mark.parametrize(
    ("gain", "gain_low", "gain_high", "verdict"),
    [
        (0.1, 0.05, 0.15, "holds"),
        (0.1, -0.05, 0.25, "undecided"),
        (-0.15, -0.2, -0.1, "does not hold"),
        (0.1, np.nan, np.nan, "undecided"),  # one seed
    ],
)
def test_more_texts_are_judged_by_the_gain_over_seeds(gain, gain_low, gain_high, verdict):
    sizes = pd.DataFrame(
        {
            "comparison": ["equal steps", "equal steps", "equal epochs"],
            "articles": [100, 1000, 9000],
            "seeds": [5, 5, 5],
            "gain": [0.0, gain, 0.9],
            "gain_low": [0.0, gain_low, 0.8],
            "gain_high": [0.0, gain_high, 1.0],
        }
    )
    row = evaluate({"training_sizes": sizes}).set_index("id").loc["p2-more-texts"]
    assert row["verdict"] == verdict
    shown = gain if np.isfinite(gain_low) else np.nan  # no value without its interval
    assert row["effect"] == pytest.approx(shown, nan_ok=True)
    assert row["tag"] == "review"


@pytest.mark.parametrize(
    ("own", "verdict"), [(0.2, "holds"), (0.3005, "holds"), (0.4, "undecided")]
)
def test_read_outs_worse_than_the_encoders_own_head_give_no_verdict(own, verdict):
    measured = label_tables()
    accuracy = [learning(run, {"accuracy": value}).assign(task="tokens")
                for run, value in (("encoder", 0.3), ("lens", own))]  # fmt: skip
    measured["learning"] = pd.concat([measured["learning"], *accuracy], ignore_index=True)
    rows = evaluate(measured).set_index("id")
    for name in ("p2-apt-rises", "p2-apt-frequency", "p2-clusters", "p2-clusters-finite"):
        assert rows.loc[name, "verdict"] == verdict
        assert np.isfinite(rows.loc[name, "effect"])
    assert rows.loc["p2-apt-rises", "control"] == "untrained trunk with trained read-outs"


@pytest.mark.parametrize(
    ("last", "null", "verdict"),
    [
        ({}, 5, "holds"),
        ({EXCESS: 0.005}, 5, "does not hold"),
        ({EXCESS: np.nan}, 5, "undecided"),  # half of the texts holds no cluster
        ({"labels in clusters": 0.0}, 5, "undecided"),
        ({}, 79, "undecided"),  # a draw of a null puts 80 into clusters
    ],
)
def test_clusters_are_judged_on_texts_that_did_not_show_them_and_by_both_nulls(last, null, verdict):
    tables = label_tables({**LAST, **last}, null_clustered=null)
    row = evaluate(tables).set_index("id").loc["p2-clusters"]
    assert row["verdict"] == verdict
    assert ("modified tokens" in row["decides"]) == (verdict == "undecided")


@pytest.mark.parametrize(("null", "verdict"), [(90, "holds"), (20, "undecided")])
def test_clusters_are_finite_only_where_matches_at_random_would_percolate(null, verdict):
    row = evaluate(label_tables(null_largest=null)).set_index("id").loc["p2-clusters-finite"]
    assert row["verdict"] == verdict
    assert "modified tokens" in row["decides"] or verdict == "holds"


def test_what_connects_as_many_tokens_as_random_matches_is_not_finite():
    last = {**LAST, "largest connected share": 0.9}
    assert verdicts(label_tables(last))["p2-clusters-finite"] == "does not hold"


def test_without_a_cluster_on_half_of_the_texts_sharpness_is_undecided_with_its_reason():
    whole = {**WHOLE, f"{EXCESS} slope": np.nan}
    row = evaluate(label_tables(whole=whole)).set_index("id").loc["p2-clusters-sharper"]
    assert row["verdict"] == "undecided"
    assert "no cluster" in row["reason"]


@pytest.mark.parametrize(
    ("stricter", "claim"),
    [
        (f"{RISE} from block 1", "p2-apt-rises-inside"),
        ("mean accuracy per label on masked slope", "p2-apt-rises-masked"),
    ],
)
@pytest.mark.parametrize(
    ("rise", "own", "verdicts_of_both"),
    [
        (0.05, -0.05, ("holds", "does not hold")),  # by copying alone
        (-0.05, 0.05, ("does not hold", "holds")),  # while less and less is copied
    ],
)
def test_a_rise_from_block_1_on_or_at_masked_tokens_is_judged_apart(
    stricter, claim, rise, own, verdicts_of_both
):
    tables = label_tables(whole={**WHOLE, RISE: rise, stricter: own})
    twins = tables["learning"].query("statistic == @RISE and run != 'encoder'")
    twins = twins.assign(statistic=stricter)
    tables["learning"] = pd.concat([tables["learning"], twins], ignore_index=True)
    found = verdicts(tables)
    assert (found["p2-apt-rises"], found[claim]) == verdicts_of_both


OTHERS = {
    "text": {
        "p2-class-accuracy": "p2-apt-rises",
        "p2-class-clusters": "p2-clusters",
        "p2-class-clusters-sharper": "p2-clusters-sharper",
    },
    "text, fine-tuned": {"p2-finetuned-accuracy": "p2-apt-rises"},
    "image": {
        "p2-image-accuracy": "p2-apt-rises",
        "p2-image-clusters": "p2-clusters",
        "p2-image-clusters-sharper": "p2-clusters-sharper",
    },
}


@pytest.mark.parametrize("task", OTHERS)
@pytest.mark.parametrize(
    "given", [{}, {"spread": 100.0}, {"twins": 0}, {"null_clustered": 200}], ids=str
)
def test_claims_on_classes_have_the_verdicts_of_their_twins_on_tokens(task, given):
    rise = "accuracy slope from block 1"
    own = evaluate(label_tables(**given, task=task, rise=rise)).set_index("id")
    tokens = evaluate(label_tables(**given)).set_index("id")
    assert set(own.index) == set(OTHERS[task])
    columns = ["effect", "low", "high", "control_low", "control_high"]
    for name, twin in OTHERS[task].items():
        assert own.loc[name, columns].tolist() == pytest.approx(
            tokens.loc[twin, columns].tolist(), nan_ok=True
        )
        assert own.loc[name, "there"] == tokens.loc[twin, "there"]
