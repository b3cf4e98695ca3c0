"""Vectors, whitening, the number of segments, methods and the whole, with small encoders."""

import itertools
import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import helpers
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.progress import Progress, Stage
from blocklens.report import charts
from blocklens.segmentation.baselines import BASELINES, FINDS_ALONE
from blocklens.segmentation.best_starts import best_starts
from blocklens.segmentation.border_strength import NEAR, contrast
from blocklens.segmentation.documents import Document
from blocklens.segmentation.evaluate import evaluate
from blocklens.segmentation.methods import METHODS
from blocklens.segmentation.metrics import masses_from_starts, pk
from blocklens.segmentation.reading import Reading
from blocklens.segmentation.segment import segment
from blocklens.segmentation.segment_count import find_starts, segment_score
from blocklens.segmentation.sentence_ends import separator_attention, windows_of_sentences
from blocklens.segmentation.sentence_vectors import sentence_ids, sentence_vectors, token_weights
from blocklens.segmentation.summary import summarise
from blocklens.segmentation.whitening import unit_rows, whiten

SENTENCES = ["a b c .", "b c a , a .", "c a b", "x y z .", "y z x ! .", "z x"]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return helpers.small_encoder()


def blocky(sizes, width=24, noise=0.5, seed=0):
    """Rows that lie around one random direction for each segment."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([np.tile(rng.normal(size=width), (n, 1)) for n in sizes])
    return rows + noise * rng.normal(size=rows.shape)


def test_sentence_vectors_equal_a_weighted_mean_over_the_model_s_own_attention(encoder):
    found: Any = sentence_vectors(encoder, SENTENCES, blocks=True)
    ids = sentence_ids(encoder, SENTENCES)
    weights = token_weights(ids)
    for s, sentence in enumerate(SENTENCES):
        inputs = encoder.tokenizer(sentence, return_tensors="pt")
        taken = []
        from blocklens.encoder.attention import HeadTap

        output: Any = None
        with (
            torch.inference_mode(),
            HeadTap([inputs["input_ids"].shape[1]], lambda h, t=taken: t.append(h.outputs.clone())),
        ):
            output = encoder.model(**inputs, output_hidden_states=True)
        w = weights[s].astype(np.float64)
        for block, outputs in enumerate(taken):
            each = outputs.numpy().astype(np.float64)[:, 1:-1]
            expected = (each * w[None, :, None]).sum(1)
            np.testing.assert_allclose(found.heads[s, block], expected, rtol=1e-4, atol=1e-5)
        for block, states in enumerate(output.hidden_states):
            expected = (states[0, 1:-1].numpy() * w[:, None]).sum(0)
            np.testing.assert_allclose(found.blocks[s, block], expected, rtol=1e-4, atol=1e-5)
        plain = output[0][0, 1:-1].numpy().sum(0)
        np.testing.assert_allclose(found.last[s], plain, rtol=1e-4, atol=1e-5)


def test_sentences_longer_than_the_encoder_go_through_in_pieces(encoder):
    long = " ".join("abcde"[i % 5] for i in range(150))
    found = sentence_vectors(encoder, [long, "x y ."])
    assert np.isfinite(found.heads).all()
    assert found.tokens == 150 + 3 * 2 + 3 + 2  # 62 + 62 + 26, and special tokens for each piece


def test_tokens_of_every_sentence_weigh_less_than_rare_ones():
    weights = token_weights([np.array([5, 6]), np.array([5, 7]), np.array([5, 5])])
    assert weights[0][0] == pytest.approx(np.log(4 / 3.5))
    assert weights[0][1] == pytest.approx(np.log(4 / 1.5))
    assert min(w.min() for w in weights) > 0


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.5, 0.8]))
def test_whitening_equals_the_singular_value_formula(seed, power):
    rows = np.random.default_rng(seed).normal(size=(9, 5)) @ np.diag([9, 4, 2, 1, 0.5])
    u, s, _ = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    expected = u * s ** (1 - power)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = whiten(rows, power)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-6)


def test_landmarks_that_span_the_rows_change_nothing_but_the_scale_of_directions():
    rows = blocky([200, 200], width=6, noise=0.3)
    few, all_rows = whiten(rows, 0.5, landmarks=100), whiten(rows, 0.5)
    assert np.mean(np.abs(few @ few.T - all_rows @ all_rows.T)) < 0.05


def test_equal_sentences_are_one_segment():
    assert find_starts(whiten(np.ones((12, 4)), 0.8)).tolist() == []


@pytest.mark.parametrize("sizes", [[9, 12, 7], [20, 20], [8, 8, 8, 8, 8], [30]])
def test_the_number_of_segments_is_found_without_labels(sizes):
    rows = whiten(blocky(sizes), 0.5) if len(sizes) > 1 else whiten(blocky([1] * 30), 0.5)
    found = masses_from_starts(find_starts(rows), sum(sizes))
    if len(sizes) > 1:
        assert found == sizes
        assert masses_from_starts(find_starts(rows, segments=len(sizes)), sum(sizes)) == sizes


def test_sentences_in_random_order_are_one_segment():
    """By design at most about one in twenty is cut; 2 of 110 real texts were."""
    rng = np.random.default_rng(5)
    cut = 0
    for seed in range(40):
        rows = blocky([10, 6, 14, 10], noise=1.0, seed=seed)[rng.permutation(40)]
        cut += len(find_starts(whiten(rows, 0.4))) > 0
    assert cut <= 5


def test_a_long_text_is_cut_at_a_price_learned_from_its_stretches():
    sizes = [10] * 70
    rows = whiten(blocky(sizes, width=80), 0.3)
    found = masses_from_starts(find_starts(rows), 700)
    assert pk(sizes, found) < 0.05


@pytest.mark.parametrize("coherence", [0.0, 0.6, 1.0])
def test_a_segment_is_worth_its_summed_length_times_its_coherence(coherence):
    rows = unit_rows(np.random.default_rng(0).normal(size=(9, 4)))
    border = np.arange(8) / 10
    score = segment_score(rows, border, 5, coherence)
    for j in range(1, 10):
        found = score(j)
        for i in range(max(0, j - 5), j):
            length = np.linalg.norm(rows[i:j].sum(axis=0))
            expected = length * (length / (j - i)) ** coherence + (border[i - 1] if i else 0.0)
            assert found[j - i - 1] == pytest.approx(expected)


def test_coherence_lets_a_short_segment_stand_beside_a_long_one():
    """Sentences of one topic have the product 0.05, others 0: three of one, then 27 of another."""
    topics = np.repeat(np.eye(2), [3, 27], axis=0)
    rows = np.hstack([np.sqrt(0.05) * topics, np.sqrt(0.95) * np.eye(30)])
    even = best_starts(segment_score(rows, None, 30, 0.0), 30, segments=2)
    assert even.item() >= 8  # without coherence the two come out more alike in length
    assert find_starts(rows, segments=2).tolist() == [3]


def test_a_bonus_moves_a_cut_to_the_favoured_border():
    rows = np.tile(np.eye(3)[0], (8, 1))
    border = np.zeros(7)
    border[4] = 1.0
    assert find_starts(rows, border, segments=2).tolist() == [5]


def test_strength_is_highest_where_two_topics_meet():
    rows = np.array([[1.0, 0]] * 5 + [[0, 1.0]] * 5)
    assert int(np.argmax(contrast(rows))) == 4


def test_windows_cover_all_sentences_and_overlap():
    lengths = [10] * 20
    found = list(windows_of_sentences(lengths, 62))
    assert found[0] == (0, 6)
    assert found[-1][1] == 20
    assert all(b[0] < a[1] for a, b in itertools.pairwise(found))
    assert list(windows_of_sentences([70, 70], 62)) == [(0, 1), (1, 2)]


def test_attention_of_separators_equals_the_mean_over_queries_of_the_model_s_map(encoder):
    found = separator_attention(encoder, SENTENCES)
    text = " ".join(SENTENCES)
    inputs = encoder.tokenizer(text, return_tensors="pt")
    maps = []
    from blocklens.encoder.attention import HeadTap

    with (
        torch.inference_mode(),
        HeadTap([inputs["input_ids"].shape[1]], lambda h: maps.append(h.attention.clone())),
    ):
        encoder.model(**inputs)
    tokens = encoder.tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
    queries = [i for i, t in enumerate(tokens) if t.isalnum()]
    at = [4, 10, 13, 17, 22, 24]  # the last punctuation of each sentence, or its last token
    for block, attention in enumerate(maps):
        for s, place in enumerate(at):
            expected = attention[:, queries, place].mean(1).numpy() * len(tokens)
            np.testing.assert_allclose(found.received[s, block], expected, rtol=1e-4)


def test_segments_of_arabic_lose_no_character(encoder):
    text = (
        "\u0647\u0630\u0627 \u0646\u0635. \u0647\u0644 \u0647\u0630\u0627 "
        "\u0633\u0624\u0627\u0644\u061f \u0646\u0639\u0645! "
        "\u0648\u0647\u0630\u0647 \u062c\u0645\u0644\u0629."
    )
    found = segment(text, encoder, segments=2, language="ar")
    assert found.spans == [(0, 7), (8, 20), (21, 25), (26, 36)]
    assert " ".join(found.segments) == text


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("heads", ["chosen", "all", "middle", "last"])
def test_every_method_gives_the_number_of_segments_asked_for(encoder, method, heads):
    evidence = METHODS[method](Reading(encoder, SENTENCES), heads)
    assert len(evidence.strength) == 5
    assert np.isfinite(evidence.strength).all()
    for segments in (1, 3, 6):
        assert len(evidence.starts(segments)) == segments - 1
    assert len(evidence.starts(None)) <= 5


@pytest.mark.parametrize("family", sorted(helpers.FAMILIES))
def test_every_family_of_encoders_segments(family):
    encoder = helpers.small_encoder(family)
    text = "Abc abc.\nBca bca.\nXyz xyz.\nYzx yzx.\n"
    found = segment(text, encoder, segments=2, method="both")
    assert sum(found.masses) == len(found.spans)
    assert len(found.masses) == 2


def test_every_pass_counts_up_to_its_sentences(encoder):
    stages = []

    class Listening(Progress):
        def stage(self, name, total=None, unit="texts"):
            stages.append(Stage(name, total, unit))
            return stages[-1]

    text = "\n".join(f"Sentence {'a b c ' * 30}{i} here." for i in range(80))
    segment(text, encoder, method="both", progress=Listening())
    assert {stage.name for stage in stages} == {"sentences", "separators"}
    assert all(stage.done == stage.total > 80 // 2 for stage in stages)


def test_segments_together_are_the_text(encoder):
    text = "First one here.  Second one.\n\nThird, after a break. And a fourth."
    found = segment(text, encoder, segments=2)
    assert "".join("".join(found.segments).split()) == "".join(text.split())
    assert found.as_markdown().count("\n## ") == 2
    record = json.loads(found.as_json())
    assert [text[s["start"] : s["end"]] for s in record["segments"]] == found.segments
    table = found.sentences()
    assert table["content"].tolist() == [text[a:b] for a, b in found.spans]
    assert np.flatnonzero(table["cut"]).tolist() == (found.starts - 1).tolist()
    charts.boundaries(table).to_json()


@pytest.mark.parametrize(
    "text",
    ["One sentence only", "。" * 5 + "文本没有空格。第二句。", "a\tb\n1\t2\n3\t4",
     "x = {1: [2]}\n" * 9, "!!! ??? ...", "word " * 400],
)  # fmt: skip
@pytest.mark.parametrize("method", ["context", "both"])
def test_odd_texts_have_an_answer(encoder, text, method):
    found = segment(text, encoder, method=method)
    assert sum(found.masses) == len(found.spans)


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("", {}, "no sentence"),
        ("  \n ", {}, "no sentence"),
        ("One. Two.", {"segments": 9}, "9 segments asked of 2"),
        ("One. Two.", {"segments": 0}, "segments 0: expected 1 or more"),
        ("One. Two.", {"method": "magic"}, "expected one of"),
        ("One. Two.", {"heads": "some"}, "heads some: expected .chosen., .all."),
    ],
)
def test_what_cannot_be_segmented_is_refused_in_one_line(encoder, text, options, words):
    with pytest.raises(UserError, match=words) as error:
        segment(text, encoder, **options)
    assert "\n" not in str(error.value)


def test_evaluation_scores_every_method_known_and_found(encoder):
    documents = [
        Document(f"d{i}", [f"{w} b c ." for w in "abcdefgh"] + ["x y ."] * i, [4, 4 + i], {})
        for i in range(1, 4)
    ]
    scores = evaluate(documents, encoder)
    assert set(scores.method) == {*METHODS, *BASELINES}
    summary: Any = summarise(scores)
    assert len(summary) == 2 * (len(METHODS) + len(BASELINES)) - len(FINDS_ALONE)
    assert (summary.documents == 3).all()
    for measure in ("pk", "windowdiff", "boundary_similarity"):
        assert (summary[f"{measure}_low"] <= summary[measure]).all()
        assert (summary[measure] <= summary[f"{measure}_high"]).all()
    even = scores[(scores.method == "even") & scores.known & (scores.document == "d2")]
    assert even.pk.item() == pytest.approx(pk([4, 6], [5, 5]))


def test_scores_are_summarised_by_a_field_of_the_documents(encoder):
    documents = [Document(f"d{i}", list("abcdef"), [2, 4 - i % 2, i % 2][: 2 + i % 2], {"range": r})
                 for i, r in enumerate(["3-5", "3-5", "6-8"])]  # fmt: skip
    scores = evaluate(documents, baselines=["even", "texttiling"])
    found = summarise(scores, "range").set_index(["range", "method", "known"])
    assert found.loc[("3-5", "even", True), "documents"] == 2
    assert found.loc[("6-8", "even", True), "documents"] == 1
    assert ("3-5", "texttiling", True) not in found.index
    whole = scores[(scores["range"] == "3-5") & (scores["method"] == "even") & scores["known"]]
    assert found.loc[("3-5", "even", True), "pk"] == pytest.approx(whole["pk"].mean())
    with pytest.raises(UserError, match="expected one of range"):
        summarise(scores, "colour")


def test_one_pass_gives_the_blocks_outputs_beside_the_heads(encoder):
    at_once, later = Reading(encoder, SENTENCES, blocks=True), Reading(encoder, SENTENCES)
    assert later.vectors.blocks is None
    np.testing.assert_array_equal(at_once.block_vectors, later.block_vectors)
    np.testing.assert_array_equal(at_once.vectors.heads, later.vectors.heads)


def test_evaluation_of_nothing_is_refused(encoder):
    with pytest.raises(UserError, match="no document"):
        evaluate([], encoder)
    with pytest.raises(UserError, match="expected one of"):
        evaluate([], encoder, methods=["magic"])


@pytest.mark.parametrize("sentences", [1, 2, 3, 5, 12])
def test_the_strength_of_a_border_equals_its_definition_pair_by_pair(sentences):
    rows = np.random.default_rng(sentences).normal(size=(sentences, 4))
    expected = []
    for border in range(sentences - 1):
        left = range(max(0, border + 1 - NEAR), border + 1)
        right = range(border + 1, min(sentences, border + 1 + NEAR))
        across = [rows[i] @ rows[j] for i in left for j in right]
        within = [rows[i] @ rows[j] for side in (left, right) for i in side for j in side if i < j]
        expected.append((np.mean(within) if within else 0.0) - np.mean(across))
    np.testing.assert_allclose(contrast(rows), expected, atol=1e-12)
