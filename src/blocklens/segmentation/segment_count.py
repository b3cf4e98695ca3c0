"""Where a text is cut, and into how many segments, found without labels.

A segment of n sentences whose unit vectors sum to S is worth |S| (|S| / n)^c. |S| / n, between 0
and 1, says how much its sentences have in common. With c = 0 the best segments tend to equal
lengths; c near 1 lets a short one stand beside long ones.

The best sum F(K) with c = 0 grows with the number of segments K in any text, since small segments
fit better. What order adds is the excess over the same sentences in random order: the number
taken is the K at which F(K) less its mean over shuffled texts is largest (the idea of the gap
statistic of Tibshirani, Walther and Hastie 2001, with shuffling as the reference). The cuts are
then the best ones for that number with c = `COHERENCE`.

A text is cut at all only if its order matters: its largest excess, in standard deviations over the
orders, must exceed that of the shuffled texts by `EVIDENCE` of their own standard deviations. A
text whose sentences could stand in any order is one segment.

A long text is examined in stretches; each gives the price of a segment at which its own best number
comes out, and the whole text is then cut once, at their median price.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from blocklens.segmentation.best_cuts import Score, best_cuts, best_sums, inside_sums
from blocklens.segmentation.whitening import one_thread

COHERENCE = 0.6
"""Power c of what a segment's sentences have in common; chosen on Choi's set 4."""
LONGEST = 400
"""Longest segment in sentences where the number of segments is to be found."""
STRETCH = 200
"""Sentences of a stretch at most."""
SHUFFLES = 19
"""Random orders that a text is compared with."""
EVIDENCE = 2.5
"""How far a text's own order must stand out among random ones; chosen on the articles set apart for
choosing, where 2 of 110 shuffled ones are then cut."""


def segment_score(
    vectors: NDArray[np.floating],
    border: NDArray[np.float64] | None,
    cap: int,
    coherence: float = COHERENCE,
) -> Score:
    """Length of a segment's summed vector times its coherence, plus what its border is worth.

    Args:
        vectors: unit rows, [..., sentences, width]; leading axes stay those of the scores.
        border: worth of a cut before each sentence but the first, [..., sentences - 1], or None.
        cap: longest segment in sentences.
        coherence: power of the mean vector's length.

    """
    inside = inside_sums(vectors, cap)
    before = None
    if border is not None:
        before = np.concatenate((np.zeros((*border.shape[:-1], 1)), border), axis=-1)
    weights = np.arange(1, min(cap, vectors.shape[-2]) + 1) ** -coherence

    def score(j: int) -> NDArray[np.float64]:
        squares = np.maximum(inside(j), 0.0)
        length = squares.shape[-1]
        scores = squares ** ((1 + coherence) / 2) * weights[:length]
        return scores if before is None else scores + before[..., j - length : j][..., ::-1]

    return score


def cut_with_price(score: Callable[[], Score], units: int, price: float) -> NDArray[np.int64]:
    """Cuts of the segmentation with the largest sum of scores less a price for each segment."""
    fresh = score()
    return best_cuts(lambda j: fresh(j) - price, units)


@one_thread
def find_cuts(
    vectors: NDArray[np.floating],
    border: NDArray[np.float64] | None = None,
    *,
    segments: int | None = None,
    coherence: float = COHERENCE,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Cut a text where the segments' scores add up to the most.

    Args:
        vectors: unit rows, [sentences, width].
        border: worth of a cut before each sentence but the first, [sentences - 1], or None.
        segments: how many segments, or None to find the number.
        coherence: how much it counts what a segment's sentences have in common.
        seed: of the random orders.

    Returns:
        The first sentence of every segment but the first, rising.

    """
    units = len(vectors)
    if units < 2 or segments == 1:
        return np.zeros(0, dtype=np.int64)
    if segments is not None:
        cap = max(LONGEST, -(-4 * units // segments))
        return best_cuts(segment_score(vectors, border, cap, coherence), units, segments=segments)
    if units <= STRETCH:
        count = count_of_segments(vectors, border, seed)
        return best_cuts(segment_score(vectors, border, units, coherence), units, segments=count)
    edges = np.linspace(0, units, -(-units // STRETCH) + 1).round().astype(int)
    prices = []
    for a, b in itertools.pairwise(edges):
        inside = None if border is None else border[a : b - 1]
        count = count_of_segments(vectors[a:b], inside, seed)
        prices.append(price(segment_score(vectors[a:b], inside, b - a, coherence), b - a, count))
    return cut_with_price(
        lambda: segment_score(vectors, border, LONGEST, coherence), units, float(np.median(prices))
    )


def count_of_segments(
    vectors: NDArray[np.floating], border: NDArray[np.float64] | None, seed: int
) -> int:
    """The number of segments with the largest excess, half the number of sentences at most.

    1 where the text's own order does not stand out among random orders.
    """
    units = len(vectors)
    most = units // 2
    if most < 2:
        return 1
    rng = np.random.default_rng(seed)
    rows, borders = [vectors], [border]
    for _ in range(SHUFFLES):
        rows.append(vectors[rng.permutation(units)])
        borders.append(None if border is None else rng.permutation(border))
    worth = None if border is None else np.stack([one for one in borders if one is not None])
    score = segment_score(np.stack(rows), worth, units, coherence=0.0)
    sums = np.round(best_sums(score, units, most), 9)  # [orders, numbers of segments]
    excess = (sums - sums.mean(axis=0))[:, 1:] / np.maximum(sums.std(axis=0)[1:], 1e-9)
    own, *shuffled = excess.max(axis=1)
    if own <= np.mean(shuffled) + EVIDENCE * np.std(shuffled):
        return 1
    return int(np.argmax(sums[0] - sums[1:].mean(axis=0))) + 1


def price(score: Score, units: int, count: int) -> float:
    """What a segment must cost for this number of segments to be the best.

    Halfway between what the last segment added to the best sum and what the next one would add.
    """
    sums = best_sums(score, units, count + 1)
    steps = np.diff(sums, prepend=sums[0])  # steps[k]: what the segment after k segments adds
    return float(steps[1] if count == 1 else (steps[count - 1] + steps[count]) / 2)
