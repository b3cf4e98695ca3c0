"""The one rule from estimates to verdicts, and what it says to an undecided reader."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from blocklens.claims.label_findings import estimate
from blocklens.claims.registry import LEARNED, SIMPLEST, WORDS, Claim, Finding, judge, undecided
from blocklens.claims.verdict import decided, level
from blocklens.statistics.estimate import Estimate, Source, population


def texts(value, error, groups=30, size=None):
    return Estimate.of(value, [Source("texts", error, groups, size)])


def twins(*values):
    return population([texts(value, 0.001) for value in values])


NEAR_NOTHING = twins(0.0, 0.01, -0.01, 0.02, -0.02)


def a_claim(**given):
    made = {"null": 0.0, "least": 0.1, "side": "above", "asks": (LEARNED,)} | given
    words = ("id", "paper", "statement", "statistic", "control", "least_reason", "simplest")
    return Claim(
        **dict.fromkeys(words, "words"), choices="", figure={}, find=lambda tables: None, **made
    )


def one(effect, controls=None, **given):
    controls = {LEARNED: NEAR_NOTHING} if controls is None else controls
    return judge([(a_claim(**given), Finding(effect, controls))])[0]


@pytest.mark.parametrize(
    ("effect", "controls", "verdict"),
    [
        (texts(0.5, 0.01), {LEARNED: NEAR_NOTHING}, "holds"),
        # There, but untrained encoders show as much, or more.
        (texts(0.5, 0.01), {LEARNED: twins(0.5, 0.51, 0.49, 0.52)}, "does not hold"),
        (texts(0.5, 0.01), {LEARNED: twins(0.8, 0.81, 0.79)}, "does not hold"),
        # Beyond untrained encoders, but too little to count.
        (texts(0.05, 0.005), {LEARNED: twins(0.0, 0.001, -0.001)}, "does not hold"),
        (texts(0.5, 0.3), {LEARNED: NEAR_NOTHING}, "undecided"),
        (texts(0.5, 0.01), {LEARNED: twins(0.1, 0.6, 0.4)}, "undecided"),
        (texts(0.5, 0.01), {LEARNED: twins(0.0)}, "undecided"),
        (texts(0.5, 0.01), {}, "undecided"),
        (texts(0.5, 0.01, groups=9), {LEARNED: NEAR_NOTHING}, "undecided"),
        (texts(0.5, 0.0), {LEARNED: NEAR_NOTHING}, "undecided"),
        (Estimate(0.5), {LEARNED: NEAR_NOTHING}, "undecided"),
        # As good as learned, but so is the simplest system.
        (texts(0.5, 0.01), {LEARNED: NEAR_NOTHING, SIMPLEST: texts(0.5, 0.01)}, "does not hold"),
    ],
)
def test_a_verdict_follows_from_the_estimates(effect, controls, verdict):
    judged = one(effect, controls)
    assert judged.verdict == verdict
    assert judged.reason
    assert bool(judged.decides) == (verdict == "undecided")


def test_positions_alone_explain_what_shuffled_tokens_show_and_it_holds_all_the_same():
    judged = one(texts(0.5, 0.01), {LEARNED: NEAR_NOTHING, WORDS: texts(0.51, 0.01)})
    assert judged.verdict == "holds"
    assert judged.answer(WORDS) == "no"
    from_words = one(texts(0.5, 0.01), {LEARNED: NEAR_NOTHING, WORDS: texts(0.0, 0.01)})
    assert from_words.answer(WORDS) == "yes"


@pytest.mark.parametrize(
    ("side", "value", "verdict"),
    [
        ("below", 0.0, "holds"),
        ("below", 0.3, "does not hold"),
        ("within", 0.0, "holds"),
        ("within", -0.05, "holds"),
        ("within", -0.3, "does not hold"),
        ("within", 0.11, "undecided"),
    ],
)
def test_statements_of_smallness_hold_below_their_bound(side, value, verdict):
    assert one(texts(value, 0.01), {}, side=side, asks=()).verdict == verdict


def ratio(value, error=0.01):
    return Estimate.of(value, [Source("texts", error, 30)], ratio=True)


def test_a_ratio_is_compared_by_its_logarithm():
    control = population([ratio(value) for value in (1.0, 1.01, 0.99, 1.02)])
    given = {"null": 1.0, "least": 1.1}
    assert one(ratio(1.5), {LEARNED: control}, **given).verdict == "holds"
    assert one(ratio(1.02), {LEARNED: control}, **given).verdict == "does not hold"


def test_a_ratio_need_not_exceed_untrained_encoders_by_as_much_as_its_null():
    """A head whose every pair holds its anchor cannot do so twice as often as untrained ones."""
    control = population([ratio(value, 0.005) for value in (2.0, 2.01, 1.99, 2.02)])
    given = {"null": 1.0, "least": 2.0}
    assert one(ratio(2.6, 0.005), {LEARNED: control}, **given).verdict == "holds"
    nearly = one(ratio(2.1, 0.005), {LEARNED: control}, **given)
    assert nearly.verdict == "does not hold"
    assert "nearly as much" in nearly.reason
    as_much = one(ratio(2.0, 0.005), {LEARNED: control}, **given)
    assert "nearly" not in as_much.reason


def test_where_seeds_differ_more_seeds_are_asked_for():
    row = {"value": 0.2, "low": 0.0, "high": 0.4, "groups": 20.0, "seeds": 3}
    for error, decides in ((0.0, "texts"), (0.046, "seeds")):
        effect = estimate(pd.DataFrame([{**row, "seeds_error": error}]))
        assert one(effect, {}, asks=()).decides.endswith(decides)


def test_twins_are_a_sample_of_seeds():
    values = np.array([0.1, 0.3, 0.2, 0.25])
    found = population([Estimate(value) for value in values])
    half = stats.t.ppf(0.975, 3) * values.std(ddof=1) * np.sqrt(1 + 1 / 4)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half))
    noisy = population([texts(value, 0.1) for value in values])
    assert noisy.high - noisy.low > found.high - found.low


def test_many_statements_at_once_need_more_than_one_alone():
    effect = texts(0.5, 0.17)  # 2.35 errors above what counts: enough alone
    alone = judge([(a_claim(asks=()), Finding(effect))])[0]
    assert alone.verdict == "holds"
    open_ones = [(a_claim(asks=()), Finding(texts(0.1, 0.17)))] * 15
    among = judge([(a_claim(asks=()), Finding(effect)), *open_ones])
    assert {judged.verdict for judged in among} == {"undecided"}
    assert "16 statements" in among[0].reason


def test_statements_are_decided_by_the_false_discovery_rate():
    assert decided([0.001, 0.04, 0.02, 0.5]) == [True, False, True, False]
    assert decided([0.001, 0.03, 0.03, 0.5]) == [True, True, True, False]
    assert decided([0.04]) == [True]
    assert decided([]) == []


def test_what_would_decide_is_worked_out_from_the_interval():
    near = one(texts(0.2, 0.1), {}, asks=())
    assert near.decides == "about 5 times the texts"
    # The promise is kept: with so many times the texts it is decided.
    assert one(texts(0.2, 0.1 / np.sqrt(5)), {}, asks=()).verdict == "holds"
    tokens = Estimate.of(0.2, [Source("modified tokens", 0.1, 30, size=3_377)])
    assert one(tokens, {}, asks=()).decides == "about 20,000 modified tokens; this run had 3,377"
    apart = one(texts(0.5, 0.01), {LEARNED: twins(0.1, 0.2, 0.3)})
    assert apart.verdict == "undecided"
    assert apart.decides.endswith("untrained twins; this run had 3")
    among = one(texts(0.5, 0.01), {LEARNED: twins(0.1, 0.6, 0.4, 0.5, 0.55, 0.45)})
    assert "too near" in among.decides


@pytest.mark.parametrize("others", [[0.001] * 5, [0.5] * 5, [0.001, 0.02, 0.03, 0.2, 0.9], []])
def test_the_level_of_one_of_many_is_where_it_is_decided(others):
    at = level([0.3, *others], 0)
    assert decided([at * 0.999, *others])[0]
    assert not decided([at * 1.001, *others])[0]


@pytest.mark.parametrize(("beside", "times"), [(texts(0.9, 0.01), 5), (texts(0.1, 0.1), 10)])
def test_what_would_decide_one_of_many_depends_on_what_the_others_say(beside, times):
    """Beside statements that are decided it needs no more than alone; beside open ones, more."""
    others = [(a_claim(asks=()), Finding(beside))] * 9
    near = judge([(a_claim(asks=()), Finding(texts(0.2, 0.1))), *others])[0]
    assert near.decides == f"about {times} times the texts"
    more = Finding(texts(0.2, 0.1 / np.sqrt(times)))
    assert judge([(a_claim(asks=()), more), *others])[0].verdict == "holds"


def test_a_reason_of_the_claims_own_comes_before_the_estimates():
    finding = undecided("why", "what helps", Finding(texts(0.5, 0.01), {LEARNED: NEAR_NOTHING}))
    judged = judge([(a_claim(), finding)])[0]
    assert (judged.verdict, judged.reason, judged.decides) == ("undecided", "why", "what helps")
