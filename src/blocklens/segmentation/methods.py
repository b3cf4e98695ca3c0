"""The ways to segment with an encoder, behind one interface.

A method looks at a text through a `Reading`, which runs the encoder once for whoever asks, and
gives `Evidence`: unit vectors of the sentences whose segments are summed up, the worth of a cut at
each border, or both; and the strength of each border, to be shown. `cuts` then segments. To add a
method, decorate a function with `@method("its-name")`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from blocklens.encoder.trunk import Encoder
from blocklens.segmentation.head_choice import (
    Which,
    best,
    block_range,
    neighbour_contrast,
    skewness,
)
from blocklens.segmentation.segment_count import find_cuts
from blocklens.segmentation.sentence_ends import SeparatorAttention, separator_attention
from blocklens.segmentation.sentence_vectors import SentenceVectors, sentence_vectors
from blocklens.segmentation.whitening import centred_rows, unit_rows, whiten

POWER = 0.8
"""Of the whitening; chosen on Choi's set 4."""
BORDER_WEIGHT = 0.01
"""Worth of one standard deviation of separator attention in `both`; chosen on Choi's set 4."""
NEAR = 3
"""Sentences on each side of a border that its strength is taken from."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a method found in a text of n sentences.

    Attributes:
        strength: how strong each border is, [n - 1]; comparable within one text only.
        vectors: unit rows, [n, width], or None where borders alone decide.
        border: worth of a cut at each border, [n - 1], or None.

    """

    strength: NDArray[np.float64]
    vectors: NDArray[np.floating] | None = None
    border: NDArray[np.float64] | None = None


class Reading:
    """A text's sentences and what an encoder makes of them, each computed when first asked for.

    Args:
        encoder: any text encoder.
        sentences: the text's sentences, at least one.
        blocks: whether the blocks' outputs will be asked for as well: one pass then gives both.
        progress: called with the pass ("sentences" or "separators"), sentences read, of how many.

    """

    def __init__(
        self,
        encoder: Encoder,
        sentences: list[str],
        *,
        blocks: bool = False,
        progress: Callable[[str, int, int], None] = lambda run, done, count: None,
    ) -> None:
        self.encoder = encoder
        self.sentences = sentences
        self.blocks = blocks
        self.progress = progress

    @cached_property
    def vectors(self) -> SentenceVectors:
        """Mean vectors of the heads' outputs and of the last block's."""
        return sentence_vectors(
            self.encoder,
            self.sentences,
            blocks=self.blocks,
            progress=partial(self.progress, "sentences"),
        )

    @cached_property
    def block_vectors(self) -> NDArray[np.float32]:
        """Mean vectors of every block's outputs, [sentences, L + 1, width]."""
        self.blocks = True
        if self.vectors.blocks is None:
            del self.vectors
        found = self.vectors.blocks
        assert found is not None
        return found

    @cached_property
    def separators(self) -> SeparatorAttention:
        """What the separator at the end of each sentence receives."""
        progress = partial(self.progress, "separators")
        return separator_attention(self.encoder, self.sentences, progress=progress)


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


def cuts(evidence: Evidence, segments: int | None = None) -> NDArray[np.int64]:
    """Cuts from a method's evidence: the first sentence of every segment but the first.

    With vectors, the exact optimum of the segments' scores, see `find_cuts`. Without, the strongest
    borders: as many as asked for, or those more than one standard deviation above the mean.
    """
    if evidence.vectors is not None:
        return find_cuts(evidence.vectors, evidence.border, segments=segments)
    strength = evidence.strength
    if len(strength) == 0:
        return np.zeros(0, dtype=np.int64)
    if segments is None:
        return np.flatnonzero(strength > strength.mean() + strength.std()) + 1
    order = np.argsort(-strength, kind="stable")[: segments - 1]
    return np.sort(order) + 1


@method("context")
def context(reading: Reading, which: Which = "chosen") -> Evidence:
    """Similarity of the sentences' head output vectors (docs/definitions.md)."""
    vectors = context_vectors(reading.vectors.heads, which)
    return Evidence(contrast(vectors), vectors)


@method("attention")
def attention(reading: Reading, which: Which = "chosen") -> Evidence:
    """Attention that the separator at each border receives."""
    return Evidence(border_attention(reading.separators, which))


@method("both")
def both(reading: Reading, which: Which = "chosen") -> Evidence:
    """Context similarity, with a bonus for a cut where the separator receives much attention."""
    near = context(reading, which)
    border = BORDER_WEIGHT * border_attention(reading.separators, which)
    return Evidence(standardised(near.strength) + border, near.vectors, border)


@method("blocks")
def blocks(reading: Reading, which: Which = "chosen") -> Evidence:
    """As `context`, with the outputs of blocks 0..L in place of the heads' output vectors."""
    parts = np.moveaxis(reading.block_vectors, 1, 0)
    if which == "chosen":
        parts = parts[best(neighbour_contrast(parts))]
    vectors = joined(parts[block_range(len(parts), which)])
    return Evidence(contrast(vectors), vectors)


@method("cosine-drop")
def cosine_drop(reading: Reading, which: Which = "chosen") -> Evidence:
    """The plain way, to be beaten: cosine of neighbouring sentences' mean last-block vectors."""
    del which
    rows = unit_rows(reading.vectors.last)
    return Evidence(-np.einsum("nw,nw->n", rows[:-1], rows[1:]).astype(np.float64))


def context_vectors(
    heads: NDArray[np.floating], which: Which = "chosen", power: float = POWER
) -> NDArray[np.floating]:
    """Whitened unit rows [sentences, directions] from the mean head output vectors of sentences.

    Args:
        heads: [sentences, blocks, heads, head width].
        which: "chosen" takes heads one by one, wherever they are; otherwise each block's heads are
            one part, so that all blocks have the same weight.
        power: of the whitening.

    """
    if which == "chosen":
        parts = np.moveaxis(heads.reshape(len(heads), -1, heads.shape[-1]), 1, 0)
        return joined(parts[best(neighbour_contrast(parts))], power)
    some = heads[:, block_range(heads.shape[1], which)]
    return joined(np.moveaxis(some.reshape(*some.shape[:2], -1), 1, 0), power)


def joined(parts: NDArray[np.floating], power: float = POWER) -> NDArray[np.floating]:
    """Parts [parts, sentences, width], each centred and at unit length, side by side, whitened."""
    rows = np.concatenate([centred_rows(part) for part in parts], axis=1)
    return whiten(rows, power)


def contrast(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """How much more alike sentences are on each side of a border than across it, [n - 1].

    Mean inner product of the pairs on one side, less that of the pairs across, with `NEAR`
    sentences a side (fewer at the ends).
    """
    if len(vectors) < 2:
        return np.zeros(0)
    around = np.pad(vectors, ((NEAR - 1, NEAR - 1), (0, 0)))  # sentences that are not there: zeros
    there = np.pad(np.ones(len(vectors), dtype=bool), NEAR - 1)
    near = sliding_window_view(around, 2 * NEAR, axis=0)  # [n - 1, width, left and right sentences]
    is_near = sliding_window_view(there, 2 * NEAR)
    alike = np.einsum("nwi,nwj->nij", near, near)
    is_pair = is_near[:, :, None] & is_near[:, None, :]
    left = np.arange(2 * NEAR) < NEAR
    across = is_pair & left[:, None] & ~left
    within = is_pair & np.triu(left[:, None] == left, 1)
    return mean_of(alike, within) - mean_of(alike, across)


def mean_of(values: NDArray[np.floating], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean of the chosen values [n, i, j] over i and j, [n]; 0 where none is chosen."""
    sums = np.where(chosen, values, 0.0).sum(axis=(1, 2), dtype=np.float64)
    return sums / np.maximum(chosen.sum(axis=(1, 2)), 1)


def standardised(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Values less their mean, over their standard deviation, along the first axis."""
    values = np.asarray(values, dtype=np.float64)
    if len(values) == 0:
        return values
    return (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-9)


def border_attention(found: SeparatorAttention, which: Which = "chosen") -> NDArray[np.float64]:
    """Standardised log attention of the separator before each border, mean over heads, [n - 1].

    ``chosen`` takes the quarter of the heads by `skewness`.
    """
    received = np.log(np.maximum(found.received[:-1], 1e-6))  # the last sentence has no border
    each = standardised(received)
    if which == "chosen":
        each = each.reshape(len(each), -1)
        return standardised(each[:, best(skewness(each))].mean(axis=1))
    return standardised(each[:, block_range(each.shape[1], which)].mean(axis=(1, 2)))
