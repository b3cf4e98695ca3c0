"""C99, the segmentation algorithm of Choi (2000), as a plain baseline without an encoder.

Sentences are bags of stems; their cosine matrix is replaced by local ranks (the share of the
neighbours in an 11 x 11 square that are smaller); divisive clustering then parts where the density
of the squares along the diagonal grows most. It stops where that growth, smoothed, falls below its
mean plus 1.2 standard deviations.

Time and memory grow with the square of the number of sentences: a baseline for scoring, no more.
The stop words are scikit-learn's: Choi's list is not known here. `benchmarks/c99.py` compares the
figures with the author's own logs.
"""

from __future__ import annotations

import itertools
import re
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from nltk.stem import PorterStemmer
from numpy.typing import NDArray
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer
from sklearn.metrics.pairwise import cosine_similarity


@cache
def _stem(word: str) -> str:
    """Porter stem of a lower-case word."""
    return PorterStemmer().stem(word)


def stems(sentence: str) -> list[str]:
    """Stems of a sentence's words, without stop words."""
    words = re.findall(r"\w+", sentence.lower())
    return [_stem(word) for word in words if word not in ENGLISH_STOP_WORDS]


def similarities(sentences: list[str]) -> Float64[np.ndarray, "sentences sentences"]:
    """Cosine of every pair of sentences as bags of stems, [sentences, sentences].

    A sentence of stop words alone is like no other: 0.
    """
    try:
        counts = CountVectorizer(
            analyzer=stems,  # type: ignore[arg-type]
        ).fit_transform(sentences)
    except ValueError:  # scikit-learn's answer where no sentence has a word that counts
        return np.zeros((len(sentences), len(sentences)))
    return cosine_similarity(counts)


def local_ranks(
    matrix: Float64[np.ndarray, "sentences sentences"], mask: int = 11
) -> Float64[np.ndarray, "sentences sentences"]:
    """Share of the neighbours in a mask x mask square that are smaller, for every element.

    At the edges the share is of the neighbours that exist (Choi 2000, section 3.2).
    """
    n, reach = len(matrix), mask // 2
    padded = np.pad(matrix, reach, constant_values=np.nan)
    smaller, present = np.zeros((n, n)), np.zeros((n, n))
    for row in range(mask):
        for column in range(mask):
            if row == column == reach:
                continue
            other = padded[row : row + n, column : column + n]
            smaller += other < matrix
            present += ~np.isnan(other)
    return np.divide(smaller, present, out=np.zeros((n, n)), where=present > 0)


def _divide(ranks: NDArray[np.float64], most: int) -> tuple[list[int], list[float]]:
    """Cuts in the order in which divisive clustering makes them, and the density after each."""
    n = len(ranks)
    total = np.zeros((n + 1, n + 1))
    total[1:, 1:] = ranks.cumsum(0).cumsum(1)
    diagonal = np.diagonal(total)

    def inside(a: Any, b: Any) -> Any:  # of one square, or of arrays of them
        return diagonal[b] - total[a, b] - total[b, a] + diagonal[a]

    edges, starts = [0, n], []
    sums, area = float(inside(0, n)), float(n * n)
    densities = [sums / area]
    while len(starts) < most - 1:
        best = (-np.inf, 0, 0.0, 0.0)
        for a, b in itertools.pairwise(edges):
            if b - a < 2:
                continue
            c = np.arange(a + 1, b)
            new_sums = sums - inside(a, b) + inside(a, c) + inside(c, b)
            new_area = area - (b - a) ** 2 + (c - a) ** 2 + (b - c) ** 2
            density = new_sums / new_area
            i = int(np.argmax(density))
            if density[i] > best[0]:
                best = (float(density[i]), int(c[i]), float(new_sums[i]), float(new_area[i]))
        density, start, sums, area = best
        starts.append(start)
        edges = sorted([*edges, start])
        densities.append(density)
    return starts, densities


def c99(sentences: list[str], segments: int | None = None) -> Int64[np.ndarray, " starts"]:
    """The first sentence of every segment but the first, rising, as C99 finds them.

    `segments`: how many, or None to find the number by the threshold of Choi (2000), c = 1.2.
    """
    n = len(sentences)
    if n < 2:
        return np.zeros(0, dtype=np.int64)
    ranks = local_ranks(similarities(sentences))
    starts, densities = _divide(ranks, n if segments is None else min(segments, n))
    if segments is None:
        growth = np.diff(densities)
        weights = np.array([1, 2, 4, 8, 4, 2, 1.0])
        smooth = (
            np.convolve(growth, weights, "same")
            / np.convolve(np.ones_like(growth), weights, "same")
            if len(growth) >= len(weights)
            else growth
        )
        threshold = smooth.mean() + 1.2 * smooth.std()
        below = np.flatnonzero(smooth < threshold)
        starts = starts[: int(below[0]) if len(below) else len(starts)]
    return np.sort(np.asarray(starts, dtype=np.int64))
