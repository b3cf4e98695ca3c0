"""A text of a hundred pages: memory grows with the text and not with its square."""

import tracemalloc

import numpy as np
import pytest

from blocklens.segmentation.border_strength import contrast
from blocklens.segmentation.methods import context_vectors
from blocklens.segmentation.metrics import pk
from blocklens.segmentation.segment import segment
from blocklens.segmentation.segment_count import find_starts
from blocklens.segmentation.sentence_ends import separator_attention
from blocklens.segmentation.whitening import whiten
from helpers import WORDS, small_encoder

PAGES = 100
SENTENCES_A_PAGE = 25


@pytest.fixture(scope="module")
def encoder():
    return small_encoder(num_hidden_layers=2, num_attention_heads=2)


def long_text(sentences: int) -> str:
    """Sentences of a few letters, the letters changing every ten sentences."""
    rng = np.random.default_rng(0)
    lines = []
    for number in range(sentences):
        some = WORDS[number // 10 % 5 * 5 :][:5]
        lines.append(" ".join(rng.choice(some, size=3)).capitalize() + ".")
    return "\n".join(lines)


def peak(work) -> int:
    """Bytes that the work held at most."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def scored(vectors):
    """All that happens after the encoder, the number of segments to be found."""
    rows = context_vectors(vectors)
    return contrast(rows), find_starts(rows)


def test_scoring_twice_the_text_takes_about_twice_the_memory():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(PAGES * SENTENCES_A_PAGE, 3, 4, 8)).astype(np.float32)
    small = peak(lambda: scored(vectors[::2]))
    large = peak(lambda: scored(vectors))
    assert large < 2.4 * small
    # One float64 for every pair of sentences would be 50 MB.
    assert large < 0.7 * (PAGES * SENTENCES_A_PAGE) ** 2 * 8


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"method": "both"}, {"method": "context", "segments": 40}])
def test_segmenting_twice_the_text_takes_at_most_about_twice_the_memory(encoder, options):
    half, whole = long_text(PAGES * SENTENCES_A_PAGE // 2), long_text(PAGES * SENTENCES_A_PAGE)
    segment(long_text(50), encoder)  # what is kept between calls is there before the first figure
    small = peak(lambda: segment(half, encoder, **options))
    large = peak(lambda: segment(whole, encoder, **options))
    assert large < 2.4 * small
    assert large < (PAGES * SENTENCES_A_PAGE) ** 2 * 8


def test_the_measure_of_memory_finds_what_grows_with_the_square():
    small, large = (peak(lambda n=n: np.zeros((n, n)).sum()) for n in (500, 1000))
    assert large > 3.5 * small


def test_windows_of_a_long_text_read_each_token_twice_at_most(encoder):
    sentences = long_text(400).split("\n")
    tokens = sum(
        len(ids) for ids in encoder.tokenizer(sentences, add_special_tokens=False)["input_ids"]
    )
    found = separator_attention(encoder, sentences)
    assert len(found.received) == 400
    assert (found.received > 0).any(axis=(1, 2)).all()  # every sentence was in some window
    assert found.tokens < 2.3 * tokens  # overlapping windows, and their special tokens


def test_a_hundred_pages_are_cut_where_their_topics_change():
    sizes = [25] * PAGES
    rng = np.random.default_rng(0)
    rows = np.concatenate([np.tile(rng.normal(size=(1, 200)), (n, 1)) for n in sizes])
    rows = whiten(rows + 0.4 * rng.normal(size=rows.shape), 0.3)
    found = np.diff([0, *find_starts(rows), sum(sizes)]).tolist()
    assert pk(sizes, found) < 0.02
    given = np.diff([0, *find_starts(rows, segments=PAGES), sum(sizes)]).tolist()
    assert pk(sizes, given) < 0.02
