"""Ways to segment a text without an encoder, to be beaten: none, random, even, TextTiling, C99.

Each takes the sentences and the number of segments, or None where it is unknown, and gives starts
as in `blocklens.segmentation.best_starts`. C99, the strongest of them, has a file of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from jaxtyping import Int64
from nltk.tokenize.texttiling import TextTilingTokenizer
from numpy.typing import NDArray
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from blocklens.segmentation.c99 import c99

SENTENCES_A_SEGMENT = 10
"""Where the number of segments is unknown, random and even assume one for ten sentences."""


def _segments(units: int, segments: int | None) -> int:
    if segments is None:
        segments = max(1, round(units / SENTENCES_A_SEGMENT))
    return min(segments, units)


def one_segment(sentences: list[str], segments: int | None = None) -> Int64[np.ndarray, " starts"]:
    """One segment, whatever the text. ``segments`` is disregarded."""
    del sentences, segments
    return np.zeros(0, dtype=np.int64)


def random_starts(
    sentences: list[str], segments: int | None = None, *, seed: int = 0
) -> Int64[np.ndarray, " starts"]:
    """Starts drawn uniformly, without repetition; the text and the seed decide which."""
    units = len(sentences)
    digest = hashlib.sha256("\n".join(sentences).encode()).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest[:8])])
    places = rng.permutation(np.arange(1, units))[: _segments(units, segments) - 1]
    return np.sort(places).astype(np.int64)


def even_starts(sentences: list[str], segments: int | None = None) -> Int64[np.ndarray, " starts"]:
    """Starts of segments of equal length, to within a sentence."""
    count = _segments(len(sentences), segments)
    return np.asarray([round(i * len(sentences) / count) for i in range(1, count)], dtype=np.int64)


def texttiling_starts(
    sentences: list[str], segments: int | None = None
) -> Int64[np.ndarray, " starts"]:
    """Starts by NLTK's TextTiling (Hearst 1997), which finds the number of segments itself.

    TextTiling moves its boundaries to paragraph breaks, so every sentence is given as a paragraph
    (NLTK disregards breaks less than 100 characters apart). A text too short for it is one segment.
    ``segments`` is disregarded: the algorithm has no such setting. The rest is NLTK's default.
    """
    del segments
    cleaned = [" ".join(s.split()) for s in sentences]
    text = "\n\n".join(cleaned) + "\n\n"
    try:
        tiles = TextTilingTokenizer(stopwords=sorted(ENGLISH_STOP_WORDS)).tokenize(text)
    except (ValueError, IndexError):  # NLTK's answer to a text without enough words or breaks
        return np.zeros(0, dtype=np.int64)
    ends = np.cumsum([len("".join(str(tile).split())) for tile in tiles])[:-1]
    starts = np.cumsum([0] + [len("".join(s.split())) for s in cleaned])[:-1]
    starts = np.unique(np.searchsorted(starts, ends))
    return starts[(starts > 0) & (starts < len(sentences))]


BASELINES: dict[str, Callable[[list[str], int | None], NDArray[np.int64]]] = {
    "no-cut": one_segment,
    "texttiling": texttiling_starts,
    "c99": c99,
    "random": random_starts,
    "even": even_starts,
}
FINDS_ALONE = {"no-cut", "texttiling"}
"""Baselines that cannot be told the number of segments."""
