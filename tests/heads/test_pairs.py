"""High-similarity pairs are those a slow sort would take, for every similarity and cut."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import chosen_pairs, sentence_share, similarity

from blocklens.encoder.attention import Workspace
from blocklens.heads.anchors import Anchors
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.high_pairs import context_similarity, high_pairs
from blocklens.heads.kinds_of_pairs import KindCounts
from blocklens.heads.largest import largest
from blocklens.heads.pairs import PairTable, pairs_wanted, random_pairs, random_pairs_like
from blocklens.inputs.texts import Text
from helpers import random_texts, small_encoder


def window(text="a b c d e . f g a b , c . h i j k"):
    return small_encoder().windows()(Text("text", text))[0]


def as_sets(pairs, cut):
    table = pairs.table
    found = [set() for _ in range(pairs.heads)]
    for head, pair, tightest in zip(pairs.head, pairs.pair, pairs.cut, strict=True):
        if tightest <= cut:
            found[head].add((int(table.first[pair]), int(table.second[pair])))
    return found


@pytest.mark.parametrize("in_cache", [1, 2**18], ids=["one head at a time", "all heads at once"])
@pytest.mark.parametrize("kind", ["raw", "cosine", "centered", "max"])
@pytest.mark.parametrize("seed", range(3))
def test_high_pairs_equal_a_slow_sort_at_every_cut(kind, seed, in_cache, monkeypatch):
    monkeypatch.setattr("blocklens.encoder.attention.IN_CACHE", in_cache)
    tokens = window()
    torch.manual_seed(seed)
    outputs = torch.randn(3, len(tokens), 8, dtype=torch.float64)
    options = HeadOptions(similarity=kind, cut=0.1, sweep=(0.02, 0.2, 0.5))
    found = high_pairs(outputs, tokens, options, Workspace())
    for number, fraction in enumerate(options.cuts):
        sets = as_sets(found, number)
        for head in range(3):
            matrix = similarity(outputs[head, tokens.content].numpy(), kind)
            assert sets[head] == set(chosen_pairs(matrix, fraction))
    assert (found.number[:, -1] == [len(s) for s in as_sets(found, 3)]).all()


def test_a_relative_cut_takes_what_lies_above_that_share_of_the_largest():
    tokens = window()
    outputs = torch.randn(2, len(tokens), 8, dtype=torch.float64)
    options = HeadOptions(rule="relative")
    assert options.cuts == (0.9, 0.7, 0.5, 0.3)
    found = high_pairs(outputs, tokens, options, Workspace())
    for number, share in enumerate(options.cuts):
        for head, pairs in enumerate(as_sets(found, number)):
            matrix = similarity(outputs[head, tokens.content].numpy(), "raw")
            n = len(matrix)
            largest_value = max(matrix[i, j] for i in range(n) for j in range(i + 1, n))
            above = {
                (i, j)
                for i in range(n)
                for j in range(i + 1, n)
                if matrix[i, j] > share * largest_value
            }
            assert pairs == above


def test_ties_at_the_cut_are_all_in():
    tokens = window()
    found = high_pairs(torch.ones(1, len(tokens), 4), tokens, HeadOptions(), Workspace())
    assert found.number[0, 0] == found.table.pairs


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([100, 9_000, 20_000]), st.booleans())
def test_the_sampled_bound_changes_nothing(seed, columns, sorted_values):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(2, columns)).astype(np.float32).round(2)
    if sorted_values:  # the sample's worst case: all large values side by side
        values.sort(axis=1)
    counts = [columns // 100, columns // 20]
    row, column, found, thresholds = largest(values, counts)
    for r in range(2):
        expected = np.sort(values[r])[::-1]
        assert (thresholds[r] == expected[np.array(counts) - 1]).all()
        taken = values[r] >= thresholds[r, -1]
        assert (column[row == r] == np.flatnonzero(taken)).all()
        assert (found[row == r] == values[r][taken]).all()


def test_the_number_of_pairs_is_the_fraction_but_at_least_half_the_tokens():
    assert pairs_wanted(200, 0.01) == 199
    assert pairs_wanted(20, 0.01) == 10
    assert pairs_wanted(21, 0.01) == 11
    assert pairs_wanted(2, 0.01) == 1


def test_shares_of_the_distance_matched_null_equal_those_counted_one_by_one():
    tokens = window()
    table = PairTable.of(tokens)
    sentences = table.sentences.tolist()
    for delta in range(1, len(sentences)):
        assert table.sentence_shares[delta] == pytest.approx(sentence_share(sentences, delta))
    assert table.distance_shares.sum() == pytest.approx(1)
    distances = np.arange(table.tokens)
    assert (table.distance_shares * distances).sum() == pytest.approx(table.mean_distance)
    assert (table.second - table.first).mean() == pytest.approx(table.mean_distance)


def test_a_relative_cut_has_as_many_random_pairs_as_each_head_has_high_ones():
    tokens = window()
    torch.manual_seed(0)
    outputs = torch.randn(4, len(tokens), 8, dtype=torch.float64)
    options = HeadOptions.model_validate({"rule": "relative"})
    high = high_pairs(outputs, tokens, options, Workspace())
    random = random_pairs_like(high, tokens.rng(purpose=1))
    assert (random.number == high.number).all()
    assert (random.pair != high.pair).any()


def test_max_keeps_the_order_where_no_product_is_positive():
    outputs = torch.tensor([[[1.0, 0.0], [-1.0, 0.2], [-0.2, -3.0]]])
    raw, by_max = (context_similarity(outputs, kind, Workspace())[0] for kind in ("raw", "max"))
    above = torch.triu_indices(3, 3, offset=1)
    raw, by_max = raw[above[0], above[1]], by_max[above[0], above[1]]
    assert (raw < 0).all()
    assert (raw.argsort() == by_max.argsort()).all()


def test_random_pairs_depend_on_the_text_alone():
    first, second = (random_pairs(window(), HeadOptions(), 4) for _ in range(2))
    assert (first.pair == second.pair).all()
    other = random_pairs(window("a b c d e f g h i j ."), HeadOptions(), 4)
    assert len(other.pair) != len(first.pair) or (other.pair != first.pair).any()
    assert (first.number[:, -1] == pairs_wanted(first.table.tokens, 0.05)).all()


def test_random_pairs_prefer_no_anchors_surroundings():
    """The bound of the score is what no preference gives: a head's own anchor does not move it."""
    found, expected = 0.0, 0.0
    options = HeadOptions(cut=0.05, sweep=())
    windows = small_encoder().windows()
    for text in random_texts(200, 5, longest=8):
        tokens = windows(Text("text", text))[0]
        if len(tokens.content) < 12:
            continue
        kinds = KindCounts(Anchors(random_pairs(tokens, options, 4)))
        without = kinds.anchors.pairs.number - kinds.of("anchor")
        found += kinds.of("anchor context").sum()
        expected += (kinds.near_anchor * without).sum()
    assert found > 2000
    assert found / expected == pytest.approx(1, abs=0.03)
