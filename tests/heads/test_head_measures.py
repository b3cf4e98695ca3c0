"""Every head statistic equals its slow reference, and a known encoder gives its known answers."""

from typing import Any

import numpy as np
import pytest
import torch
from reference import (
    anchors,
    attention_to,
    chosen_pairs,
    context_by_chance,
    count_kinds,
    shifted_share,
    similarity,
)

from blocklens.encoder.attention import Heads, Workspace
from blocklens.heads.distance import Distance
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.measurement import measure
from blocklens.heads.measures import HeadMeasures
from blocklens.heads.pairs import random_pairs
from blocklens.heads.ratios import reduced
from blocklens.heads.streaming import Shape
from blocklens.inputs.texts import Text
from blocklens.inputs.windows import KINDS, OTHER
from helpers import known_encoder, random_texts, small_encoder

BLOCKS, HEADS = 2, 4


def random_measurement(seed: int):
    """Random maps and vectors of one text through the measures, and what went in."""
    encoder = small_encoder(num_hidden_layers=BLOCKS)
    tokens = encoder.windows()(Text("text", random_texts(1, seed, longest=4)[0]))[0]
    n = len(tokens)
    torch.manual_seed(seed)
    options = HeadOptions(shifts=5)
    sums = HeadMeasures(Shape(BLOCKS, HEADS, 64, encoder.config.vocab_size), options)
    workspace = Workspace()
    kept = []
    for block in range(1, BLOCKS + 1):
        attention = torch.rand(HEADS, n, n, dtype=torch.float64)
        attention /= attention.sum(-1, keepdim=True)
        outputs = torch.randn(HEADS, n, 8, dtype=torch.float64)
        kept.append((attention.numpy(), outputs.numpy()))
        sums.update(Heads(block, 0, attention, outputs), tokens, workspace)
    return tokens, options, sums, kept


def cell(table, statistic, block, head, cut=None, measure=None) -> Any:
    rows = table[(table["statistic"] == statistic) & (table["block"] == block)]
    rows = rows[rows["head"].isna() if head is None else rows["head"] == head]
    if cut is not None:
        rows = rows[rows["cut"] == cut]
    if measure is not None:
        rows = rows[rows["measure"] == measure]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_every_statistic_equals_its_slow_reference(seed):
    tokens, options, sums, kept = random_measurement(seed)
    table = sums.table()
    content = tokens.content
    ids, sentences = tokens.ids[content].tolist(), tokens.sentences[content].tolist()
    n = len(ids)
    every = [(i, j) for i in range(n) for j in range(i + 1, n)]
    random = random_pairs(tokens, options, HEADS)
    for cut_number, cut in enumerate(options.cuts):
        drawn = [
            [
                (int(random.table.first[p]), int(random.table.second[p]))
                for h, p, c in zip(random.head, random.pair, random.cut, strict=True)
                if h == head and c <= cut_number
            ]
            for head in range(HEADS)
        ]
        random_counts = [count_kinds(pairs, ids, sentences) for pairs in drawn]
        null: dict[str, Any] = {
            name: sum(c[name] for c in random_counts) / sum(map(len, drawn))
            for name in ("anchor", "noise")
        }
        null["repetition"] = np.mean([ids[i] == ids[j] for i, j in every])
        null["local"] = np.mean([j - i <= 5 for i, j in every])
        null["same sentence"] = np.mean([sentences[i] == sentences[j] for i, j in every])
        for block in range(1, BLOCKS + 1):
            chosen = [
                chosen_pairs(similarity(kept[block - 1][1][head, content], "raw"), cut)
                for head in range(HEADS)
            ]
            for head, pairs in enumerate(chosen):
                counts = count_kinds(pairs, ids, sentences)
                without, null["anchor context"] = context_by_chance(pairs, ids, sentences)
                for name, count in counts.items():
                    row = cell(table, name, block, head, cut, "specialisation")
                    number = without if name == "anchor context" else len(pairs)
                    assert row["n"] == number
                    if number:
                        assert row["value"] == pytest.approx(count / number)
                        assert row["null"] == pytest.approx(null[name])
                row = cell(table, "mean distance", block, head, cut)
                assert row["value"] == pytest.approx(np.mean([j - i for i, j in pairs]))
                assert row["null"] == pytest.approx((n + 1) / 3)
                row = cell(table, "share within 5", block, head, cut)
                assert row["value"] == pytest.approx(np.mean([j - i <= 5 for i, j in pairs]))
                if len(set(sentences)) > 1:
                    row = cell(table, "same sentence, distance matched", block, head, cut)
                    assert row["value"] == pytest.approx(counts["same sentence"] / len(pairs))
                    expected = shifted_share(pairs, sentences) / len(pairs)
                    assert row["null"] == pytest.approx(expected)
            for name, normalised in (
                ("uniqueness", False),
                ("uniqueness, frequency-normalised", True),
            ):
                row = cell(table, name, block, None, cut)
                for column, lists in (("value", chosen), ("null", drawn)):
                    union = set().union(*(anchors(p, ids, normalised) for p in lists))
                    assert row[column] == pytest.approx(min(len(union), HEADS) / HEADS)


@pytest.mark.parametrize("seed", [1, 2])
def test_attention_to_each_class_equals_its_slow_reference(seed):
    tokens, _, sums, kept = random_measurement(seed)
    table = sums.table()
    queries = [i for i in range(len(tokens)) if tokens.kinds[i] == OTHER and not tokens.special[i]]
    for block in range(1, BLOCKS + 1):
        for head in range(HEADS):
            for number, kind in enumerate(KINDS):
                members = [i for i in range(len(tokens)) if tokens.kinds[i] == number]
                row = cell(table, f"attention to {kind}", block, head)
                if not members:
                    assert row["n"] == 0
                    assert np.isnan(row["effect"])
                    continue
                sent = attention_to(kept[block - 1][0][head], queries, members) / len(queries)
                assert row["value"] == pytest.approx(sent)
                assert row["null"] == pytest.approx(len(members) / len(tokens))
                assert row["effect"] == pytest.approx(sent * len(tokens) / len(members))


def test_the_histogram_holds_every_high_pair_at_its_distance():
    tokens, options, sums, kept = random_measurement(4)
    frame = sums.of(Distance).distances()
    content = tokens.content
    for block in range(1, BLOCKS + 1):
        for head in range(HEADS):
            matrix = similarity(kept[block - 1][1][head, content], "raw")
            pairs = chosen_pairs(matrix, options.cut)
            rows = frame.loc[(frame["block"] == block) & (frame["head"] == head)]
            found = dict(zip(rows["distance"], rows["pairs"], strict=True))
            for delta in range(1, len(content)):
                assert found[delta] == sum(j - i == delta for i, j in pairs)
            assert rows["expected"].sum() == pytest.approx(len(pairs), rel=1e-6)
            median = cell(sums.table(), "median distance", block, head)["value"]
            distances = sorted(j - i for i, j in pairs)
            assert median == distances[(len(distances) - 1) // 2]


def test_drawn_shifts_lie_around_the_exact_mean():
    encoder = small_encoder()
    found = measure(random_texts(30, 1), encoder, options=HeadOptions(shifts=200))
    rows = found.table.loc[found.table["statistic"] == "same sentence, distance matched"]
    rows = rows.loc[rows["head"].notna() & (rows["cut"] == 0.01)]
    assert len(rows) == 16
    assert (rows["null_low"] < rows["null"]).all()
    assert (rows["null"] < rows["null_high"]).all()


# Two sentences of six tokens with the start token before and the separator behind them.
LAYOUT = [0] * 7 + [1] * 7
KNOWN_TEXT = "a b c d e .\na b c d e ."


def test_a_known_encoder_gives_its_known_answers():
    encoder = known_encoder(LAYOUT)
    found = measure([KNOWN_TEXT], encoder, unit="text", options=HeadOptions(cut=0.05, sweep=()))
    table = found.table
    # Head 0 is about repetition: six pairs are wanted, and the six that repeat are the most alike.
    repetition = cell(table, "repetition", 1, 0)
    assert repetition["value"] == 1
    assert repetition["effect"] == pytest.approx(66 / 6)
    # Head 1 sends all attention to [SEP], one of fourteen tokens; its vectors are all equal.
    assert cell(table, "attention to separator", 1, 1)["effect"] == pytest.approx(14, rel=1e-5)
    assert cell(table, "attention to start token", 1, 1)["value"] == pytest.approx(0, abs=1e-6)
    assert cell(table, "mean distance", 1, 1)["effect"] == pytest.approx(1)
    # Head 2 finds the sentence: every high pair lies within one.
    matched = cell(table, "same sentence, distance matched", 1, 2)
    assert matched["value"] == 1
    assert matched["effect"] > 1
    assert cell(table, "noise", 1, 2)["value"] == 0


def test_a_head_that_repeats_is_labelled_so():
    # Every letter stands twice: ten repeated pairs, and ten are wanted.
    encoder = known_encoder([0] * 11 + [1] * 11)
    letters = "a b c d e f g h i j"
    found = measure(
        [f"{letters}\n{letters}"], encoder, unit="text", options=HeadOptions(cut=0.01, sweep=())
    )
    assert cell(found.table, "repetition", 1, 0)["value"] == 1
    assert cell(found.table, "mean distance", 1, 0)["value"] == 10
    label = found.labels.set_index("head").loc[0]
    assert label["label"] == "repetition"
    assert label["ratio"] == pytest.approx(190 / 10)
    assert found.anchors.query("head == 0")["texts"].tolist() == [1] * 10


def test_a_twin_on_the_first_groups_alone_has_the_interval_of_as_many_groups():
    """Its texts are those of eight groups of twenty; the others hold nothing and say nothing."""
    rng = np.random.default_rng(2)
    expected = rng.lognormal(3, 0.5, (8, 1))
    observed, weight = expected * rng.lognormal(0, 0.3, (8, 1)), np.ones((8, 1))
    of_eight = reduced(observed, expected, weight)
    of_twenty = reduced(*(np.pad(sums, ((0, 12), (0, 0))) for sums in (observed, expected, weight)))
    for name, value in of_eight.items():
        assert of_twenty[name] == pytest.approx(value, rel=1e-12)
