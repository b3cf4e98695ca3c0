"""Which blocks and heads count."""

import itertools

import numpy as np
import pytest
from scipy import stats

from blocklens.segmentation.border_strength import border_attention, standardised
from blocklens.segmentation.head_choice import best, block_range, neighbour_contrast, skewness
from blocklens.segmentation.sentence_ends import SeparatorAttention


def slow_contrast(part):
    """The definition in words, pair by pair."""
    rows = part / np.linalg.norm(part, axis=1, keepdims=True)
    rows = rows - rows.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = [a @ b for a, b in itertools.combinations(rows, 2)]
    near = [rows[i] @ rows[i + 1] for i in range(len(rows) - 1)]
    return (np.mean(near) - np.mean(pairs)) / np.std(pairs)


@pytest.mark.parametrize("sentences", [3, 8, 60])
def test_the_contrast_of_neighbours_equals_its_definition_over_all_pairs(sentences):
    parts = np.random.default_rng(sentences).normal(size=(4, sentences, 6)) + 0.7
    expected = [slow_contrast(part) for part in parts]
    np.testing.assert_allclose(neighbour_contrast(parts), expected, rtol=1e-9)
    close = neighbour_contrast(parts.astype(np.float32))
    np.testing.assert_allclose(close, expected, rtol=1e-3, atol=1e-4)


def test_a_part_that_sees_topics_is_chosen_among_parts_that_do_not():
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(8, 40, 6))
    for part in (2, 5):
        parts[part] += np.repeat(rng.normal(size=(4, 6)), 10, axis=0)
    assert best(neighbour_contrast(parts)).tolist() == [2, 5]


def test_parts_without_differences_have_no_contrast():
    assert neighbour_contrast(np.ones((3, 9, 4))).tolist() == [0, 0, 0]
    assert neighbour_contrast(np.random.default_rng(0).normal(size=(3, 2, 4))).tolist() == [0, 0, 0]


def test_one_in_four_is_taken_and_at_least_one():
    assert best(np.array([1.0, 9, 3, 7, 5, 0, 2, 8])).tolist() == [1, 7]
    assert best(np.array([1.0, 2])).tolist() == [1]


@pytest.mark.parametrize("count", [1, 2, 6, 12])
def test_a_third_of_the_blocks_is_never_empty(count):
    for which in ("middle", "last"):
        assert len(range(count)[block_range(count, which)]) >= 1
    assert list(range(12)[block_range(12, "middle")]) == [4, 5, 6, 7]
    assert list(range(12)[block_range(12, "last")]) == [8, 9, 10, 11]


def test_skewness_is_that_of_the_library_and_finds_the_head_that_marks_few_borders():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 8))
    values[[9, 19, 29, 39], 3] += 4.0
    values[:, 6] = -values[:, 3]
    found = skewness(standardised(values))
    np.testing.assert_allclose(found, stats.skew(values, axis=0), rtol=1e-9)
    assert int(np.argmax(found)) == 3


def test_attention_that_marks_the_borders_is_chosen_among_heads_that_do_not():
    rng = np.random.default_rng(1)
    received = np.exp(rng.normal(size=(51, 2, 4)))
    received[[9, 19, 29, 39], 1, :2] *= 60  # two heads of eight: a quarter
    attention = SeparatorAttention(
        received.astype(np.float32), np.ones((2, 4), dtype=np.float32), tokens=0
    )
    strength = border_attention(attention)
    assert sorted(np.argsort(-strength)[:4].tolist()) == [9, 19, 29, 39]
