"""What sentence ends receive against other tokens, and at true borders against others."""

import numpy as np
import pytest

from blocklens.claims import evaluate as judge
from blocklens.segmentation.borders import (
    SEPARATORS,
    TRUE_BORDERS,
    BorderSums,
    border_means,
)
from blocklens.segmentation.documents import Document
from blocklens.segmentation.evaluate import evaluate
from blocklens.segmentation.reading import Reading
from blocklens.segmentation.sentence_ends import SeparatorAttention
from helpers import small_encoder


class Known(Reading):
    """A reading whose separators are given."""

    def __init__(self, separators):
        self.separators = separators


def document(masses, name="d"):
    return Document(name, [f"s{i} ." for i in range(sum(masses))], list(masses), {})


def attention(masses, true, other, blocks=3, heads=2, noise=0.0, seed=0):
    """Separators that receive `true` before a border and `other` elsewhere; words receive 1."""
    rng = np.random.default_rng(seed)
    received = np.full((sum(masses), blocks, heads), float(other))
    received[np.cumsum(masses)[:-1] - 1] = true
    received *= 1 + noise * rng.normal(size=received.shape)
    return SeparatorAttention(
        received.astype(np.float32), np.ones((blocks, heads), dtype=np.float32), 0
    )


def test_means_equal_a_loop_over_sentences():
    rng = np.random.default_rng(1)
    masses = [3, 1, 4]
    received = rng.random((8, 2, 3)).astype(np.float32)
    others = rng.random((2, 3)).astype(np.float32)
    observed, expected = border_means(SeparatorAttention(received, others, 0), masses)
    true, rest, every = [], [], []
    for sentence in range(8):
        every.append(received[sentence].astype(np.float64))
        if sentence in (2, 3):
            true.append(every[-1])
        elif sentence != 7:  # the last has no border after it
            rest.append(every[-1])
    np.testing.assert_allclose(observed[0], sum(every) / 8)
    np.testing.assert_allclose(expected[0], others)
    np.testing.assert_allclose(observed[1], sum(true) / 2)
    np.testing.assert_allclose(expected[1], sum(rest) / 5)


def collected(true, other, twin_true, twin_other):
    sums = BorderSums()
    for number in range(30):
        masses = [3, 4 + number % 3, 5]
        sums.add(document(masses), Known(attention(masses, true, other, noise=0.1, seed=number)))
    for twin in range(5):
        twins = BorderSums()
        for number in range(30):
            masses = [3, 4 + number % 3, 5]
            strengths = (twin_true * (1 + twin / 50), twin_other)
            of_twin = attention(masses, *strengths, noise=0.1, seed=number + 30 * twin)
            twins.add(document(masses), Known(of_twin))
        sums.documents_of[f"untrained {twin}"] = twins.documents_of["encoder"]
    return sums.tables()


def test_effects_are_those_the_attention_was_made_of():
    tables = collected(6.0, 2.0, 1.0, 1.0)
    rows = tables["borders"]
    rows = rows[(rows["run"] == "encoder") & rows["head"].isna()].set_index(["statistic", "block"])
    for block in (1, 2, 3):
        assert rows.loc[(TRUE_BORDERS, block), "effect"] == pytest.approx(3, rel=0.03)
        assert 2 < rows.loc[(SEPARATORS, block), "effect"] < 4
        assert rows.loc[(TRUE_BORDERS, block), "low"] < rows.loc[(TRUE_BORDERS, block), "effect"]


@pytest.mark.parametrize(
    ("true", "other", "separators", "borders"),
    [
        (6.0, 2.0, "holds", "holds"),
        (2.0, 2.0, "holds", "does not hold"),
        (1.0, 3.0, "holds", "does not hold"),
        (0.5, 0.5, "does not hold", "does not hold"),
    ],
)
def test_claims_follow_what_separators_receive(true, other, separators, borders):
    found = judge(collected(true, other, 1.0, 1.0)).set_index("id")
    assert list(found.index) == ["segment-separators", "segment-borders"]
    assert found.loc["segment-separators", "verdict"] == separators
    assert found.loc["segment-borders", "verdict"] == borders
    assert found.loc["segment-borders", "effect"] == pytest.approx(true / other, rel=0.05)


def test_what_untrained_weights_do_as_well_is_no_finding():
    found = judge(collected(6.0, 2.0, 6.0, 2.0)).set_index("id")
    assert set(found["verdict"]) <= {"undecided", "does not hold"}


def test_a_document_of_one_sentence_segments_has_nothing_to_compare():
    sums = BorderSums()
    sums.add(document([1, 1, 1]), Known(attention([1, 1, 1], 2.0, 1.0)))
    assert sums.tables() == {}


def test_evaluation_hands_over_what_the_encoder_read_and_twins_stand_beside():
    encoder = small_encoder()
    twin = encoder.untrained(0)
    sums = BorderSums([twin])
    documents = [Document(f"d{i}", ["a b .", "b a .", "x y .", "y x ."], [2, 2], {"set": i})
                 for i in range(3)]  # fmt: skip
    scores = evaluate(
        documents, encoder, methods=["context"], baselines=[], twins=[twin], watch=sums.add
    )
    assert set(scores["method"]) == {"context", "untrained 0"}
    assert sorted(scores["set"].unique()) == [0, 1, 2]
    tables = sums.tables()
    assert set(tables["borders"]["run"]) == {"encoder", "untrained 0"}
    assert tables["border_sums"]["group"].nunique() == 3
