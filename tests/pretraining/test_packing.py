import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklens.pretraining.masking import Recipe
from blocklens.pretraining.packing import ASKED_STEP, IGNORED, batch_of, pack, pieces

RECIPE = Recipe(vocabulary=100, mask_id=4)
SPECIAL = {"cls": 2, "sep": 3, "pad": 0, "seed": 0, "epoch": 0}


def slow_best_fit(lengths, width):
    """The number of rows of longest-first best fit, by looking at every row."""
    room = []
    for need in sorted((length + 2 for length in lengths), reverse=True):
        fitting = [free for free in room if free >= need]
        if fitting:
            room[room.index(min(fitting))] -= need
        else:
            room.append(width - need)
    return len(room)


@given(st.lists(st.integers(1, 30), max_size=60))
def test_packing_places_every_piece_once_and_as_best_fit_does(lengths):
    lengths = np.array(lengths, dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    rows = pack(starts, lengths, 32)
    assert sorted(zip(rows.starts, rows.lengths, strict=True)) == sorted(
        zip(starts, lengths, strict=True)
    )
    for row in range(len(rows)):
        used = rows.lengths[rows.first[row] : rows.first[row + 1]] + 2
        assert used.sum() <= 32
    assert len(rows) == slow_best_fit(lengths.tolist(), 32)


def test_a_piece_longer_than_a_row_is_refused():
    with pytest.raises(ValueError, match="a piece of 31 tokens in rows of 32"):
        pack(np.array([0]), np.array([31]), 32)


def test_windows_cover_every_token_once_and_cut_takes_the_beginning():
    offsets = np.array([0, 5, 25, 26])
    starts, lengths = pieces(offsets, np.array([0, 1, 2]), 10, shorten=False)
    covered = np.concatenate([np.arange(s, s + n) for s, n in zip(starts, lengths, strict=True)])
    np.testing.assert_array_equal(covered, np.arange(26))
    starts, lengths = pieces(offsets, np.array([1, 2]), 10, shorten=True)
    np.testing.assert_array_equal(starts, [5, 25])
    np.testing.assert_array_equal(lengths, [8, 1])


def test_a_batch_holds_the_texts_with_their_own_separators_positions_and_numbers():
    tokens = np.arange(10, 20)
    rows = pack(np.array([0, 6]), np.array([6, 2]), 14)
    recipe = Recipe(vocabulary=100, mask_id=4, share=1e-9)
    batch = batch_of(rows, np.array([0]), tokens, recipe, **SPECIAL)
    assert batch.ids.tolist() == [[2, 10, 11, 12, 13, 14, 15, 3, 2, 16, 17, 3, 0, 0]]
    assert batch.positions.tolist() == [[0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 0, 0]]
    assert batch.texts.tolist() == [[0] * 8 + [1] * 4 + [-1] * 2]
    assert (batch.tokens, batch.modified, batch.alone) == (12, 0, False)


def test_labels_are_the_original_ids_at_the_modified_positions_filled_up_with_ignored():
    tokens = np.random.default_rng(0).integers(5, 100, 3000)
    starts = np.arange(0, 3000, 30)
    rows = pack(starts, np.full(100, 30), 32)
    batch = batch_of(rows, np.arange(20), tokens, RECIPE, **SPECIAL)
    assert len(batch.chosen) == len(batch.labels)
    assert len(batch.chosen) % ASKED_STEP == 0
    assert (batch.labels[batch.modified :] == IGNORED).all()
    assert batch.alone
    clean = batch_of(rows, np.arange(20), tokens, Recipe(100, 4, share=1e-9), **SPECIAL)
    real = batch.chosen[: batch.modified]
    assert (clean.ids.view(-1)[real] == batch.labels[: batch.modified]).all()
    untouched = np.setdiff1d(np.arange(batch.ids.numel()), real.numpy())
    assert (batch.ids.view(-1)[untouched] == clean.ids.view(-1)[untouched]).all()
