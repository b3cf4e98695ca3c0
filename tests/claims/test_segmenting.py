"""Segmenting well is a claim over documents, against another way on the same documents."""

import numpy as np
import pandas as pd
import pytest

from blocklens.claims import evaluate


def scores(**ways):
    """Pk by document for each way, named as `method` or `method, known`."""
    frames = []
    for way, values in ways.items():
        method, _, known = way.partition("__")
        for value in ("found", "known") if not known else (known,):
            frames.append(
                pd.DataFrame(
                    {
                        "document": [f"d{i}" for i in range(len(values))],
                        "method": method.replace("_", " "),
                        "known": value == "known",
                        "pk": values,
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


RNG = np.random.default_rng(0)
HARD = RNG.uniform(0.3, 0.5, 40)


def judged(table):
    return evaluate({"scores": table}).set_index("id")


def test_a_method_that_is_better_by_a_tenth_everywhere_holds():
    better = HARD - 0.1 + RNG.normal(0, 1e-4, 40)
    found = judged(scores(context=better, random=HARD, texttiling__found=HARD, c99=HARD))
    assert set(found["verdict"]) == {"holds"}
    assert found.index.tolist() == [
        "segment-context-random",
        "segment-context-texttiling",
        "segment-context-c99",
        "segment-context-c99-found",
    ]
    for name in ("effect", "low", "high"):
        assert found[name].to_numpy() == pytest.approx(0.1, abs=1e-3)


def test_pairs_of_documents_decide_where_means_alone_could_not():
    better = HARD - 0.011 - RNG.uniform(0, 0.001, 40)
    found = judged(scores(context=better, random=HARD))
    assert found.loc["segment-context-random", "verdict"] == "holds"


@pytest.mark.parametrize(
    ("change", "verdict"), [(0.1, "does not hold"), (0.0, "undecided"), (-0.1, "holds")]
)
def test_the_verdict_turns_with_the_sign(change, verdict):
    noise = RNG.normal(0, 0.05, 40)
    noise -= noise.mean()
    found = judged(scores(attention=HARD + change + noise, random=HARD))
    assert found.loc["segment-attention-random", "verdict"] == verdict
    assert found.loc["segment-attention-random", "effect"] == pytest.approx(-change, abs=1e-9)


def test_several_untrained_twins_count_with_their_mean():
    table = scores(context=HARD, untrained_0=HARD + 0.1, untrained_1=HARD + 0.3)
    found = judged(table)
    assert found.loc["segment-context-untrained", "effect"] == pytest.approx(0.2)


def test_no_claim_without_the_same_documents_on_both_sides():
    table = scores(context=HARD, random=HARD[:20])
    assert judged(pd.concat([table, scores(c99=HARD)])).index.tolist() == [
        "segment-context-c99",
        "segment-context-c99-found",
    ]
    assert evaluate({"heads": table}).empty


def test_a_difference_that_is_the_same_in_every_document_is_no_certainty():
    found = judged(scores(context=HARD - 0.25, random=HARD))
    assert found.loc["segment-context-random", "verdict"] == "undecided"


def test_one_document_gives_no_verdict():
    found = judged(scores(context=HARD[:1] - 0.2, random=HARD[:1]))
    assert found.loc["segment-context-random", "verdict"] == "undecided"
