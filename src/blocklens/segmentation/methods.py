"""The ways to segment with an encoder, behind one interface.

A method looks at a text through a `Reading`, which runs the encoder once for whoever asks, and
gives `Evidence`: the strength of each border, to be shown, and starts for any number of segments.
To add a method, decorate a function with `@method("its-name")`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64
from numpy.typing import NDArray

from blocklens.errors import UserError
from blocklens.segmentation.border_strength import (
    border_attention,
    contrast,
    neighbour_distance,
    standardised,
    strongest,
)
from blocklens.segmentation.head_choice import Which, best, block_range, neighbour_contrast
from blocklens.segmentation.reading import Reading
from blocklens.segmentation.segment_count import ANY, COHERENCE, Lengths, find_starts
from blocklens.segmentation.whitening import centred_rows, unit_rows, whiten

POWER = 0.4
"""Of the whitening; chosen on Choi's set 4 and half of the articles, with two encoders."""
BORDER_WEIGHT = 0.01
"""Worth of one standard deviation of separator attention in `both`; chosen on Choi's set 4."""
PENALTY = 0.1
"""Of `change-points`; the best of 0.06, 0.1 and 0.14 on the documents set apart for choosing."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a method found in a text of n sentences.

    Attributes:
        strength: how strong each border is; comparable within one text only.
        starts: the first sentence of every segment but the first, rising, for a number of segments,
            or None to find it, and, if wanted, for `Lengths` of a segment, and inside some of the
            sentences alone, a slice.

    """

    strength: Float64[np.ndarray, " borders"]
    starts: Callable[..., Int64[np.ndarray, " starts"]]


Method = Callable[[Reading, Which], Evidence]
METHODS: dict[str, Method] = {}


def method(name: str) -> Callable[[Method], Method]:
    """Register a method under its name.

    Raises:
        ValueError: a name that is taken.

    """

    def register(function: Method) -> Method:
        if name in METHODS:
            raise ValueError(f"method {name} is registered twice")
        METHODS[name] = function
        return function

    return register


def of_vectors(
    vectors: Float[np.ndarray, "sentences width"],
    border: Float64[np.ndarray, " borders"] | None = None,
) -> Evidence:
    """Unit rows [n, width], in the segments whose scores add up to the most, see `find_starts`."""
    strength = contrast(vectors)
    if border is not None:
        strength = standardised(strength) + border
    return Evidence(strength, segments_of(vectors, border))


def segments_of(
    vectors: Float[np.ndarray, "sentences width"],
    border: Float64[np.ndarray, " borders"] | None = None,
    *,
    penalty: float | None = None,
    coherence: float = COHERENCE,
) -> Callable[..., Int64[np.ndarray, " starts"]]:
    """How unit rows [n, width] are divided, see `Evidence`.

    ``penalty``, times sqrt(n log n), is the price of a segment; None finds the price.
    """

    def starts(
        segments: int | None, lengths: Lengths = ANY, inside: slice | None = None
    ) -> NDArray[np.int64]:
        rows, worth = vectors, border
        if inside is not None:
            rows = centred_rows(vectors[inside])
            worth = None if border is None else border[inside.start : inside.stop - 1]
        price = None if penalty is None else penalty * float(np.sqrt(len(rows) * np.log(len(rows))))
        return find_starts(
            rows, worth, segments=segments, lengths=lengths, price=price, coherence=coherence
        )

    return starts


def of_borders(strength: Float64[np.ndarray, " borders"]) -> Evidence:
    """Borders [n - 1] by themselves: segments start where they are strongest."""

    def starts(
        segments: int | None, lengths: Lengths = ANY, inside: slice | None = None
    ) -> NDArray[np.int64]:
        if lengths != ANY or inside is not None:
            raise UserError(
                "--min, --max, --levels: this method knows borders and no segments; leave them "
                "out, or take joint, context, blocks, both or change-points"
            )
        return strongest(strength, segments)

    return Evidence(strength, starts)


@method("context")
def context(reading: Reading, which: Which = "chosen") -> Evidence:
    """Similarity of the sentences' head output vectors (docs/definitions.md)."""
    return of_vectors(context_vectors(reading.vectors.heads, which))


@method("joint")
def joint(reading: Reading, which: Which = "chosen") -> Evidence:
    """The heads' vectors of `context` and the last block's means, each with half a say."""
    heads = context_vectors(reading.vectors.heads, which)
    return of_vectors(unit_rows(np.hstack([heads, centred_rows(reading.vectors.last)])))


@method("attention")
def attention(reading: Reading, which: Which = "chosen") -> Evidence:
    """Attention that the separator at each border receives."""
    return of_borders(border_attention(reading.separators, which))


@method("both")
def both(reading: Reading, which: Which = "chosen") -> Evidence:
    """Context similarity, with a bonus for a border where the separator receives much attention."""
    border = BORDER_WEIGHT * border_attention(reading.separators, which)
    return of_vectors(context_vectors(reading.vectors.heads, which), border)


@method("blocks")
def blocks(reading: Reading, which: Which = "chosen") -> Evidence:
    """As `context`, with the outputs of blocks 0..L in place of the heads' output vectors."""
    each = np.moveaxis(reading.block_vectors, 1, 0)
    if which == "chosen":
        each = each[best(neighbour_contrast(each))]
    return of_vectors(joined(each[block_range(len(each), which)]))


@method("change-points")
def change_points(reading: Reading, which: Which = "chosen") -> Evidence:
    """Kernel change points of the sentences' last-block means (Embed-KCPD), to be beaten.

    The segmentation with the smallest sum of squared distances from the segments' means, in the
    space of the cosine kernel: of unit vectors that sum to S, n - |S|^2 / n. A segment more costs
    `PENALTY` x sqrt(n log n) where the number is to be found (Jia and Diaz-Rodriguez 2026).
    """
    del which
    rows = unit_rows(reading.vectors.last.astype(np.float64))
    starts = segments_of(rows, penalty=PENALTY, coherence=1.0)
    return Evidence(neighbour_distance(rows), starts)


@method("cosine-drop")
def cosine_drop(reading: Reading, which: Which = "chosen") -> Evidence:
    """The plain way, to be beaten: cosine of neighbouring sentences' mean last-block vectors."""
    del which
    return of_borders(neighbour_distance(reading.vectors.last))


def context_vectors(
    heads: Float[np.ndarray, "sentences blocks heads width"],
    which: Which = "chosen",
    power: float = POWER,
) -> Float[np.ndarray, "sentences directions"]:
    """Whitened unit rows [sentences, directions] from the mean head output vectors of sentences.

    Args:
        heads: [sentences, blocks, heads, head width].
        which: "chosen" takes heads one by one, wherever they are; otherwise each block's heads are
            one part, so that all blocks have the same weight.
        power: of the whitening.

    """
    if which == "chosen":
        each = np.moveaxis(heads.reshape(len(heads), -1, heads.shape[-1]), 1, 0)
        return joined(each[best(neighbour_contrast(each))], power)
    some = heads[:, block_range(heads.shape[1], which)]
    return joined(np.moveaxis(some.reshape(*some.shape[:2], -1), 1, 0), power)


def joined(
    parts: Float[np.ndarray, "parts sentences width"], power: float = POWER
) -> Float[np.ndarray, "sentences directions"]:
    """Parts [parts, sentences, width], each centred and at unit length, side by side, whitened."""
    rows = np.concatenate([centred_rows(part) for part in parts], axis=1)
    return whiten(rows, power)
