"""TF-IDF is a fair rival: what words alone decide it must decide, in every script."""

import numpy as np
import pytest

from blocklens.readouts.text_task import ClassTexts
from blocklens.readouts.tfidf import measure_tfidf, words_of


def accuracy(texts, labels):
    numbers = np.arange(len(texts))
    given = {
        "keys": numbers,
        "names": ["a", "b"],
        "train": numbers[None, : len(texts) // 2],
        "test": numbers[None, len(texts) // 2 :],
    }
    table = measure_tfidf(ClassTexts(np.array(labels), texts=texts, **given))
    return float(table.loc[table["statistic"] == "accuracy", "value"].iloc[0])


def mixed(letters, marks, join):
    """Random letters, with one of two marks among them that is the class."""
    rng = np.random.default_rng(0)
    labels = (np.arange(60) % 2).tolist()
    texts = []
    for label in labels:
        pieces = list(rng.choice(list(letters), 20))
        pieces.insert(int(rng.integers(20)), marks[label])
        texts.append(join.join(pieces))
    return texts, labels


@pytest.mark.parametrize(
    ("letters", "marks", "join"),
    [
        ("ACDEFGH", "KL", " "),  # proteins, letter by letter
        ("\u5929\u5730\u4eba\u4f60\u6211\u4ed6\u597d", ["\u8db3\u7403", "\u80a1\u7968"], ""),
        ("\u0e01\u0e02\u0e04\u0e07\u0e08", ["\u0e14\u0e15", "\u0e1e\u0e1f"], ""),
        (["\u0915\u093f", "\u0915\u0940", "\u0915\u0947"], ["\u0915\u0941", "\u0915\u0942"], " "),
        (["ACGT" * 3], ["AAAAAA", "CCCCCC"], ""),  # a sequence without spaces
    ],
)
def test_a_class_that_one_word_decides_is_always_told(letters, marks, join):
    assert accuracy(*mixed(letters, marks, join)) == 1.0


def test_words_keep_their_marks_and_their_single_letters():
    hindi = "\u0939\u093f\u0928\u094d\u0926\u0940"
    assert list(words_of(f"A {hindi}, x-y.")) == ["a", hindi, "x", "y"]
    assert list(words_of("\u8db3\u7403")) == ["\u8db3", "\u7403", "\u8db3\u7403"]
