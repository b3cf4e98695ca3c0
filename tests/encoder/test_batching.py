"""Batches hold every input once, hardly any padding, and no more tokens than allowed."""

import numpy as np
import pytest

from blocklens.encoder.batching import of_like_lengths, padded, padding_id


@pytest.mark.parametrize("look_ahead", [None, 16, 200])
def test_every_input_is_in_one_batch_of_at_most_so_many_tokens(look_ahead):
    lengths = np.random.default_rng(0).integers(3, 60, 200)
    batches = list(
        of_like_lengths(
            range(200), lambda row: int(lengths[row]), tokens=240, look_ahead=look_ahead
        )
    )
    assert sorted(np.concatenate(batches)) == list(range(200))
    assert max(len(rows) * lengths[rows].max() for rows in batches) <= 240
    padding = sum(len(rows) * lengths[rows].max() for rows in batches) / lengths.sum()
    assert padding < (1.1 if look_ahead is None else 1.6)


def test_an_input_longer_than_a_batch_goes_by_itself():
    assert list(of_like_lengths(["a" * 9, "b"], len, tokens=4)) == [["b"], ["a" * 9]]
    assert list(of_like_lengths([], len)) == []


def test_padding_is_on_the_right_and_masked():
    ids, mask = padded([[5, 6], np.array([7]), [1, 2, 3]], pad=9)
    assert ids.tolist() == [[5, 6, 9], [7, 9, 9], [1, 2, 3]]
    assert mask.tolist() == [[1, 1, 0], [1, 0, 0], [1, 1, 1]]


def test_the_padding_token_is_that_of_the_first_who_knows_one():
    class Owner:
        def __init__(self, pad):
            self.pad_token_id = pad

    assert padding_id(Owner(None), Owner(3), Owner(4)) == 3
    assert padding_id(Owner(0), Owner(3)) == 0
    assert padding_id(object()) == 0
