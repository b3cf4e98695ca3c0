"""C99, the segmentation algorithm of Choi (2000), as a plain baseline without an encoder.

Sentences are bags of stems; their cosine matrix is replaced by local ranks (the share of the
neighbours in an 11 x 11 square that are smaller); divisive clustering then cuts where the density
of the squares along the diagonal grows most. It stops where that growth, smoothed, falls below its
mean plus 1.2 standard deviations.

Time and memory grow with the square of the number of sentences: a baseline for scoring, no more.
The stop words are ours: Choi's list is not known here. `benchmarks/c99.py` compares the figures
with the author's own logs.
"""

from __future__ import annotations

import itertools
import re
from functools import cache

import numpy as np
from nltk.stem import PorterStemmer
from numpy.typing import NDArray

STOP_WORDS = frozenset(
    """
    a about above across after afterwards again against all almost alone along already also
    although always am among an and another any anybody anyhow anyone anything anywhere are
    around as at away back be became because become becomes been before behind being below
    between beyond both but by came can cannot come could did do does doing done down during
    each either else enough even ever every everybody everyone everything everywhere except far
    few first for from further gave get gets give given go goes going gone got had has have
    having he hence her here hers herself him himself his how however i if in indeed instead
    into is it its itself just keep kept last least less let like made make makes making many
    may me might mine more moreover most mostly much must my myself neither never nevertheless
    next no nobody none nor not nothing now nowhere of off often on once one only onto or other
    others otherwise our ours ourselves out over own per perhaps put quite rather really s said
    same say says see seem seemed seems several shall she should since so some somebody someone
    something sometimes somewhere still such t take taken than that the their theirs them
    themselves then there therefore these they this those though three through throughout thus
    to together too toward towards two under until unto up upon us used very via was way we
    well went were what whatever when whenever where wherever whether which while who whoever
    whole whom whose why will with within without would yet you your yours yourself yourselves
    """.split()  # noqa: SIM905 (a list of 200 strings is no easier to read)
)


@cache
def _stem(word: str) -> str:
    """Porter stem of a lower-case word."""
    return PorterStemmer().stem(word)


def stem_counts(sentences: list[str]) -> NDArray[np.float64]:
    """How often each stem occurs in each sentence, [sentences, stems], without stop words."""
    stems = [
        [_stem(w) for w in re.findall(r"\w+", s.lower()) if w not in STOP_WORDS] for s in sentences
    ]
    index = {stem: i for i, stem in enumerate(sorted({stem for row in stems for stem in row}))}
    counts = np.zeros((len(sentences), len(index)))
    for row, words in enumerate(stems):
        for stem in words:
            counts[row, index[stem]] += 1
    return counts


def cosine_matrix(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosine of every pair of rows, [rows, rows]; 0 for an empty row."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    return unit @ unit.T


def local_ranks(matrix: NDArray[np.float64], mask: int = 11) -> NDArray[np.float64]:
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

    def inside(a: NDArray[np.int64] | int, b: NDArray[np.int64] | int) -> NDArray[np.float64]:
        return diagonal[b] - total[a, b] - total[b, a] + diagonal[a]

    edges, cuts = [0, n], []
    sums, area = float(inside(0, n)), float(n * n)
    densities = [sums / area]
    while len(cuts) < most - 1:
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
        density, cut, sums, area = best
        cuts.append(cut)
        edges = sorted([*edges, cut])
        densities.append(density)
    return cuts, densities


def c99(sentences: list[str], segments: int | None = None, *, mask: int = 11) -> NDArray[np.int64]:
    """Cuts that C99 makes: the first sentence of every segment but the first, rising.

    Args:
        sentences: the text's sentences.
        segments: number of segments, or None to find it by the threshold of Choi (2000), c = 1.2.
        mask: side of the square of the local ranking, odd.

    """
    n = len(sentences)
    if n < 2:
        return np.zeros(0, dtype=np.int64)
    ranks = local_ranks(cosine_matrix(stem_counts(sentences)), mask)
    cuts, densities = _divide(ranks, n if segments is None else min(segments, n))
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
        cuts = cuts[: int(below[0]) if len(below) else len(cuts)]
    return np.sort(np.asarray(cuts, dtype=np.int64))
