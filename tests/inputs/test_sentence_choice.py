"""What a sentence is can be said, and is guessed where it is not."""

import pytest

from blocklens.errors import UserError
from blocklens.inputs.sentence_choice import chosen, spans_of
from blocklens.inputs.texts import Text
from blocklens.inputs.windows import COMMA, FULL_STOP, OTHER, PUNCTUATION, token_kind
from helpers import small_encoder


def split(text, *how):
    return [text[start:end] for start, end in spans_of(text, *how)]


def test_sentences_are_what_the_option_says():
    text = "One. Two\nThree"
    assert split(text) == ["One.", "Two", "Three"]
    assert split(text, "none") == [text]
    assert split(text, "lines") == ["One. Two", "Three"]
    assert split(text, ".") == ["One.", " Two\nThree"]
    assert split("CC.O>>C", ">>") == ["CC.O>>", "C"]
    assert split(text, lambda _: [(0, 3), (5, 8)]) == ["One", "Two"]


def test_a_function_is_named_by_its_module(tmp_path, monkeypatch):
    (tmp_path / "my_rules.py").write_text("def halves(text):\n    return [(0, 2), (2, 4)]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert split("abcd", "my_rules:halves") == ["ab", "cd"]
    for wrong in ("my_rules:thirds", "no_such_rules:halves"):
        with pytest.raises(UserError, match="no such function"):
            split("abcd", wrong)
    with pytest.raises(UserError, match="expected spans"):
        split("abc", "my_rules:halves")


@pytest.mark.parametrize(
    ("text", "sentences", "language"),
    [
        ("Das ist ein langer Satz, und er steht im ersten Text.", "language", "de"),
        ("The bridge crosses the river. It was built in 1890.", "language", "en"),
        ("\u06cc\u06c1 \u0627\u06cc\u06a9 \u062c\u0645\u0644\u06c1 \u06c1\u06d2\u06d4", "language", "ur"),  # noqa: E501
        ("CC(=O)Oc1ccccc1C(=O)O.CCN(CC)CC>>CC(=O)NCC", "none", "en"),
    ],
)  # fmt: skip
def test_the_language_is_guessed_from_the_first_texts_and_said(text, sentences, language):
    choice = chosen("auto", "auto", [text] * 5)
    assert (choice.sentences, choice.language) == (sentences, language)
    assert "guessed" in choice.note()


def test_what_is_given_is_not_guessed():
    assert chosen("auto", "hi", ["English words."]).language == "hi"
    assert chosen("lines", "auto", ["Ein deutscher Satz."]).sentences == "lines"
    assert "guessed" not in chosen("none", "auto", []).note()


@pytest.mark.parametrize(
    ("marks", "kind"),
    [
        (".\u3002\uff61\u0964\u06d4\u1362\u104b\uff0e", FULL_STOP),
        (",\uff0c\u3001\u060c\u1363\uff64", COMMA),
        ('!?;:\u061f"-', PUNCTUATION),
        ("a\u0915", OTHER),
    ],
)
def test_full_stops_and_commas_are_those_of_every_script(marks, kind):
    assert [token_kind(mark) for mark in marks] == [kind] * len(marks)


def test_windows_take_their_sentences_from_the_choice():
    encoder = small_encoder()
    text = Text("t", "a b . c d .\na b")
    for way, expected in (("none", {0}), ("lines", {0, 1}), (".", {0, 1, 2})):
        (window,) = encoder.windows(sentences=way)(text)
        assert set(window.sentences[~window.special].tolist()) == expected
