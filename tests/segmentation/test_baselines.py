"""The baselines without an encoder."""

import numpy as np
import pytest

from blocklens.segmentation.baselines import (
    even_starts,
    one_segment,
    random_starts,
    texttiling_starts,
)
from blocklens.segmentation.c99 import c99, local_ranks, similarities

SEA = ["The ship left the harbour at dawn.", "A storm met the ship at sea.",
       "The harbour waited for the ship.", "Sailors feared the sea and the storm."]  # fmt: skip
BREAD = ["Knead the dough with flour.", "The oven bakes the dough.",
         "Flour and water make bread dough.", "Bread cools beside the oven."]  # fmt: skip


@pytest.mark.parametrize("divide", [random_starts, even_starts, c99])
@pytest.mark.parametrize(("units", "segments"), [(1, None), (1, 1), (2, 2), (30, 7), (30, None)])
def test_starts_are_rising_places_inside_the_text(divide, units, segments):
    sentences = [(SEA + BREAD)[i % 8] for i in range(units)]
    starts = divide(sentences, segments)
    assert np.all(np.diff([0, *starts, units]) >= 1)
    if segments is not None:
        assert len(starts) == segments - 1


def test_even_cuts_leave_segments_that_differ_by_one_sentence_at_most():
    lengths = np.diff([0, *even_starts(["x"] * 23, 5), 23])
    assert lengths.max() - lengths.min() == 1


def test_random_cuts_depend_on_the_text_and_the_seed_alone():
    sentences = [f"sentence {i}" for i in range(60)]
    assert random_starts(sentences, 9).tolist() == random_starts(sentences, 9).tolist()
    assert random_starts(sentences, 9).tolist() != random_starts(sentences, 9, seed=1).tolist()


def test_c99_divides_where_the_vocabulary_changes():
    assert c99(SEA + BREAD, 2).tolist() == [4]


def test_local_ranks_equal_a_loop_over_neighbours():
    matrix = np.random.default_rng(0).integers(0, 5, (9, 9)).astype(float)
    ranks = local_ranks(matrix, 5)
    for i in range(9):
        for j in range(9):
            near = [
                matrix[a, b]
                for a in range(max(0, i - 2), min(9, i + 3))
                for b in range(max(0, j - 2), min(9, j + 3))
                if (a, b) != (i, j)
            ]
            assert ranks[i, j] == pytest.approx(np.mean(np.array(near) < matrix[i, j]))


def test_sentences_of_stop_words_alone_have_no_similarity():
    matrix = similarities(["And so it is.", "It is the ship.", "Ships!"])
    assert matrix[0].tolist() == [0, 0, 0]
    assert matrix[1, 2] == pytest.approx(1)


def test_texttiling_gives_places_inside_the_text_or_none():
    assert texttiling_starts(["Short."]).tolist() == []
    assert texttiling_starts([]).tolist() == []
    long = [s for s in SEA for _ in range(30)] + [s for s in BREAD for _ in range(30)]
    starts = texttiling_starts(long)
    assert np.all((starts > 0) & (starts < len(long)))


def test_no_cut_is_no_cut_whatever_is_asked():
    assert one_segment(SEA).tolist() == one_segment(SEA, 3).tolist() == []
