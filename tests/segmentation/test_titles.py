"""Titles of segments: what stands in them and not in the rest."""

import pytest

from blocklens.segmentation.titles import titles, words_of

CATS = ["The cat sleeps.", "A Cat and the garden.", "The cat eats."]
BOATS = ["The boat sails.", "A boat and the harbour.", "The boat sinks."]


def test_a_title_starts_with_what_the_segment_repeats_and_the_rest_has_not():
    first, second = titles(CATS + BOATS, [3, 3])
    assert first.startswith("cat, ")
    assert second.startswith("boat, ")
    assert "the" not in first.casefold().split(", ")
    assert len(first.split(", ")) == len(second.split(", ")) == 3


def test_what_stands_in_both_alike_is_no_title():
    one, other = titles(["Water and cats.", "Cats here.", "Water and dogs.", "Dogs here."], [2, 2])
    assert "Water" not in one + other
    assert (one, other) == ("cats", "dogs")


def test_a_single_segment_is_named_by_its_frequent_words():
    assert titles(CATS, [3]).pop().startswith("cat")


@pytest.mark.parametrize("sentences", [["12, 34!", "?"], ["", ""]])
def test_segments_without_words_have_no_title(sentences):
    assert titles(sentences, [1, 1]) == ["", ""]


def test_scripts_without_spaces_are_taken_two_characters_at_a_time():
    assert words_of("北京的天气 good нет") == ["北京", "京的", "的天", "天气", "good", "нет"]
