"""Where a text is divided, and into how many segments, found without labels.

A segment of n sentences whose unit vectors sum to S is worth |S| (|S| / n)^c. |S| / n, between 0
and 1, says how much its sentences have in common. With c = 0 the best segments tend to equal
lengths; c near 1 lets a short one stand beside long ones.

The best sum F(K) with c = 0 grows with the number of segments K in any text, since small segments
fit better. What order adds is the excess over the same sentences in random order: the number
taken is the K at which F(K) less its mean over shuffled texts is largest (the idea of the gap
statistic of Tibshirani, Walther and Hastie 2001, with shuffling as the reference). The starts are
then the best ones for that number with c = `COHERENCE`.

A text is divided at all only if its order matters: its largest excess, in standard deviations over
the orders, must exceed that of the shuffled texts by some of their own standard deviations. A text
whose sentences could stand in any order is one segment. So is a text of one subject, though its
neighbouring sentences are alike: that shows the more plainly, the longer the text is, and more is
asked of a longer text.

A long text is examined in stretches; each gives the price of a segment at which its own best number
comes out, and the whole text is then divided once, at their median price. Where most stretches are
one segment each, the text is looked at from further off: sentences in a row are taken together.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64
from numpy.typing import NDArray

from blocklens.segmentation.best_starts import Score, best_starts, best_sums, inside_sums
from blocklens.segmentation.whitening import one_thread, unit_rows

COHERENCE = 0.6
"""Power c of what a segment's sentences have in common; chosen on Choi's set 4."""
LONGEST = 400
"""Longest segment in sentences where the number of segments is to be found."""
STRETCH = 200
"""Sentences of a stretch at most."""
SHUFFLES = 39
"""Random orders that a text is compared with."""
EVIDENCE = 1.1
MOST_EVIDENCE = 4.3
"""How far a text's own order must stand out among random ones: `EVIDENCE` times the square root of
the number of sentences, at most `MOST_EVIDENCE`; chosen on documents for choosing (MiniLM-L6,
`joint`): it divides 25 of 569 texts of one subject and none of 110 articles in random order, and
costs nothing in Pk (docs/segmentation.md)."""


class Lengths(NamedTuple):
    """Sentences of a segment at least and at most; None: `LONGEST`."""

    shortest: int = 1
    longest: int | None = None


ANY = Lengths()


def segment_score(
    vectors: Float[np.ndarray, "*rows sentences width"],
    border: Float64[np.ndarray, "*rows borders"] | None,
    cap: int,
    coherence: float = COHERENCE,
) -> Score:
    """Length of a segment's summed vector times its coherence, plus what its border is worth.

    Args:
        vectors: unit rows, [..., sentences, width]; leading axes stay those of the scores.
        border: worth of a start at each sentence but the first, [..., sentences - 1], or None.
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


@one_thread
def find_starts(
    vectors: Float[np.ndarray, "sentences width"],
    border: Float64[np.ndarray, " borders"] | None = None,
    *,
    segments: int | None = None,
    lengths: Lengths = ANY,
    price: float | None = None,
    coherence: float = COHERENCE,
    seed: int = 0,
) -> Int64[np.ndarray, " starts"]:
    """Divide a text where the segments' scores add up to the most.

    Args:
        vectors: unit rows, [sentences, width].
        border: worth of a start at each sentence but the first, [sentences - 1], or None.
        segments: how many segments, or None to find the number.
        lengths: sentences of a segment at least and at most.
        price: what a segment costs where the number is to be found; None finds that too.
        coherence: how much it counts what a segment's sentences have in common.
        seed: of the random orders.

    Returns:
        The first sentence of every segment but the first, rising.

    Raises:
        UserError: the lengths leave no such segmentation.

    """
    units = len(vectors)
    shortest, longest = lengths
    if segments is None and price is None:
        if units <= STRETCH and lengths == ANY:
            segments = count_of_segments(vectors, border, seed)
        else:
            price, whole = price_of_segment(vectors, border, coherence, seed)
            if whole and units > STRETCH and longest is None:
                step = -(-units // STRETCH)
                merged = unit_rows(np.add.reduceat(vectors, np.arange(0, units, step)))
                inside = None if border is None else border[step - 1 :: step]
                bounds = Lengths(-(-shortest // step))
                return step * find_starts(merged, inside, lengths=bounds, seed=seed)
    cap = longest or max(LONGEST, -(-4 * units // segments) if segments else 0)
    score = segment_score(vectors, border, cap, coherence)
    if segments is not None:
        return best_starts(score, units, segments=segments, shortest=shortest)
    each = price or 0.0
    return best_starts(lambda j: score(j) - each, units, shortest=shortest)


def price_of_segment(
    vectors: Float[np.ndarray, "sentences width"],
    border: Float64[np.ndarray, " borders"] | None,
    coherence: float,
    seed: int,
) -> tuple[float, bool]:
    """The median price of a segment in the stretches of a text, each with its own best number.

    And whether most stretches are one segment each.
    """
    units = len(vectors)
    edges = np.linspace(0, units, -(-units // STRETCH) + 1).round().astype(int).tolist()
    prices, whole = [], 0
    for a, b in itertools.pairwise(edges):
        inside = None if border is None else border[a : b - 1]
        count = count_of_segments(vectors[a:b], inside, seed)
        prices.append(_price(segment_score(vectors[a:b], inside, b - a, coherence), b - a, count))
        whole += count == 1
    return float(np.median(prices)), 2 * whole > len(prices)


def count_of_segments(
    vectors: Float[np.ndarray, "sentences width"],
    border: Float64[np.ndarray, " borders"] | None,
    seed: int,
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
    needed = min(EVIDENCE * units**0.5, MOST_EVIDENCE)
    if own <= np.mean(shuffled) + needed * np.std(shuffled):
        return 1
    return int(np.argmax(sums[0] - sums[1:].mean(axis=0))) + 1


def _price(score: Score, units: int, count: int) -> float:
    """What a segment must cost for this number of segments to be the best.

    Halfway between what the last segment added to the best sum and what the next one would add;
    for one segment a little more than any number of segments would bring.
    """
    if count == 1:
        sums = best_sums(score, units, units // 2 or 1)
        return float(max((sums[1:] - sums[0]) / np.arange(1, len(sums)), default=0.0)) + 1e-6
    sums = best_sums(score, units, count + 1)
    steps = np.diff(sums)  # steps[k]: what the segment after k + 1 segments adds
    return float(steps[count - 2] + steps[count - 1]) / 2
