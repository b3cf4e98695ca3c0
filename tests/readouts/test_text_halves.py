"""Texts go to both halves, whatever they were chosen by."""

from blocklens.pretraining.corpus import is_held_out
from blocklens.readouts.text_halves import split_texts

TEXTS = [f"Text number {n}." for n in range(4000)]


def test_each_text_is_in_one_half_and_the_order_does_not_matter():
    measured, training = (set(half) for half in split_texts(TEXTS, None, limit=None, seed=0))
    assert measured | training == set(TEXTS)
    assert not measured & training
    assert abs(len(measured) - 2000) < 150
    again, _ = split_texts(TEXTS[::-1], None, limit=None, seed=0)
    assert set(again) == measured


def test_texts_held_out_from_a_pre_training_of_the_same_seed_go_to_both_halves():
    held_out = [text for text in TEXTS if is_held_out(text, seed=0, share=0.04)]
    measured, training = (list(half) for half in split_texts(held_out, None, limit=None, seed=0))
    assert len(measured) + len(training) == len(held_out)
    assert min(len(measured), len(training)) > len(held_out) / 4
