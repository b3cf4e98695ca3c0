"""How many segments a text has, found without labels.

The best sum of segment scores F(K) grows with the number of segments K in any text, since small
segments fit better. What structure adds is the excess over the same sentences in random order: the
number taken is the K at which F(K) less its mean over shuffled texts is largest (the idea of the
gap statistic of Tibshirani, Walther and Hastie 2001, with shuffling as the reference).

A long text is examined in stretches; each gives the price of a segment at which its own best number
comes out, and the whole text is then cut once, at their median price.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from blocklens.segmentation.cuts import Score, best_cuts, best_sums, inside_sums

LONGEST = 400
"""Longest segment in sentences where the number of segments is to be found."""
STRETCH = 300
"""Sentences of a stretch at most."""
SHUFFLES = 4
"""Random orders that a text is compared with."""


def segment_score(
    vectors: NDArray[np.floating], border: NDArray[np.float64] | None, cap: int
) -> Score:
    """Length of a segment's summed vector, plus what the border before it is worth.

    Args:
        vectors: unit rows, [sentences, width].
        border: worth of a cut before each sentence but the first, [sentences - 1], or None.
        cap: longest segment in sentences.

    """
    inside = inside_sums(vectors, cap)
    before = None if border is None else np.concatenate(([0.0], border))

    def score(j: int) -> NDArray[np.float64]:
        scores = np.sqrt(np.maximum(inside(j), 0.0))
        return scores if before is None else scores + before[j - len(scores) : j][::-1]

    return score


def cut_with_price(score: Callable[[], Score], units: int, price: float) -> NDArray[np.int64]:
    """Cuts of the segmentation with the largest sum of scores less a price for each segment."""
    fresh = score()
    return best_cuts(lambda j: fresh(j) - price, units)


def find_cuts(
    vectors: NDArray[np.floating],
    border: NDArray[np.float64] | None = None,
    *,
    segments: int | None = None,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Cut a text where the segments' scores add up to the most.

    Args:
        vectors: unit rows, [sentences, width].
        border: worth of a cut before each sentence but the first, [sentences - 1], or None.
        segments: how many segments, or None to find the number.
        seed: of the random orders.

    Returns:
        The first sentence of every segment but the first, rising.

    """
    units = len(vectors)
    if units < 2 or segments == 1:
        return np.zeros(0, dtype=np.int64)
    if segments is not None:
        cap = max(LONGEST, -(-4 * units // segments))
        return best_cuts(segment_score(vectors, border, cap), units, segments=segments)
    if units <= STRETCH:
        count, _ = number_and_price(vectors, border, seed)
        return best_cuts(segment_score(vectors, border, units), units, segments=count)
    edges = np.linspace(0, units, -(-units // STRETCH) + 1).round().astype(int)
    prices = [
        number_and_price(vectors[a:b], None if border is None else border[a : b - 1], seed)[1]
        for a, b in itertools.pairwise(edges)
    ]
    return cut_with_price(
        lambda: segment_score(vectors, border, LONGEST), units, float(np.median(prices))
    )


def number_and_price(
    vectors: NDArray[np.floating], border: NDArray[np.float64] | None, seed: int
) -> tuple[int, float]:
    """The number of segments with the largest excess, and the price at which it comes out.

    The price lies halfway between what the last segment added and what the next one would.
    """
    units = len(vectors)
    most = max(1, units // 2)
    real = best_sums(segment_score(vectors, border, units), units, most + 1)
    rng = np.random.default_rng(seed)
    shuffled = np.zeros(most)
    for _ in range(SHUFFLES):
        order = rng.permutation(units)
        moved = None if border is None else rng.permutation(border)
        shuffled += best_sums(segment_score(vectors[order], moved, units), units, most) / SHUFFLES
    count = int(np.argmax(np.round(real[:most] - shuffled, 9))) + 1
    steps = np.diff(real, prepend=real[0])  # steps[k]: what the segment after k segments adds
    return count, float(steps[1] if count == 1 else (steps[count - 1] + steps[count]) / 2)
