"""Kinds of high pairs: repetition, anchor, its context, local, same sentence, and none of them.

    repetition      both tokens are the same type
    anchor          a member is the head's anchor
    anchor context  no member is an anchor, and one stands within 2 of one
    local           at most 5 tokens apart
    same sentence   both in one sentence
    noise           none of repetition, anchor, local and same sentence

(docs/definitions.md: head specialisation. A review of P1 speaks of noise; the formula is ours.)
"""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float, Int

from blocklens.heads.anchors import Anchors
from blocklens.heads.pairs import NEAR, REPEATED, SAME_SENTENCE

KINDS_OF_PAIRS = ("repetition", "anchor", "anchor context", "local", "same sentence", "noise")

HAS_ANCHOR, NEAR_ANCHOR = np.array([8, 16], dtype=np.uint8)
"""Bits beside those of `pairs`: a member is an anchor, or stands near one."""

BITS = {
    "repetition": REPEATED,
    "anchor": HAS_ANCHOR,
    "anchor context": NEAR_ANCHOR,
    "local": NEAR,
    "same sentence": SAME_SENTENCE,
}

SUMS_OF_BITS = 32


class KindCounts:
    """How many high pairs of each kind every head has.

    Attributes:
        anchors: the heads' anchors.
        counts: int [heads, cuts, kinds], kinds in the order of KINDS_OF_PAIRS.

    """

    def __init__(self, anchors: Anchors) -> None:
        pairs = anchors.pairs
        tokens = pairs.table.tokens
        self.anchors = anchors
        self.counts = np.empty((pairs.heads, pairs.cuts, len(KINDS_OF_PAIRS)), dtype=np.int64)
        own = pairs.table.kinds[pairs.pair]  # [selected], the bits that no anchor decides
        first, second = pairs.head * tokens + pairs.first, pairs.head * tokens + pairs.second
        for cut in range(pairs.cuts):  # each cut has anchors of its own
            inside = slice(None) if cut == pairs.cuts - 1 else np.flatnonzero(pairs.cut <= cut)
            near = anchors.in_context[:, cut] * NEAR_ANCHOR
            marks = (anchors.is_anchor[:, cut] * HAS_ANCHOR | near).ravel()  # [heads x tokens]
            bits = own[inside] | marks[first[inside]] | marks[second[inside]]
            of_bits = np.bincount(
                pairs.head[inside] * SUMS_OF_BITS + bits, minlength=pairs.heads * SUMS_OF_BITS
            ).reshape(pairs.heads, SUMS_OF_BITS)
            self.counts[:, cut] = of_bits @ kinds_of_bits()

    def of(self, kind: str) -> Int[np.ndarray, "heads cuts"]:
        """Pairs of one kind."""
        return self.counts[:, :, KINDS_OF_PAIRS.index(kind)]

    @property
    def near_anchor(self) -> Float[np.ndarray, "heads cuts"]:
        """Of all pairs of the text that hold no anchor, the share in an anchor's context."""
        others = self.anchors.pairs.table.tokens - self.anchors.is_anchor.sum(axis=2)
        far = others - self.anchors.in_context.sum(axis=2)
        return 1 - far * (far - 1) / np.maximum(others * (others - 1), 1)


@cache
def kinds_of_bits() -> Int[np.ndarray, "bits kinds"]:
    """Which sum of bits counts for which kind, 0 or 1."""
    bits = np.arange(SUMS_OF_BITS, dtype=np.uint8)
    named = {kind: bits & bit > 0 for kind, bit in BITS.items()}
    named["anchor context"] &= ~named["anchor"]
    named["noise"] = bits & (REPEATED | HAS_ANCHOR | NEAR | SAME_SENTENCE) == 0
    return np.stack([named[kind] for kind in KINDS_OF_PAIRS], axis=1).astype(np.int64)
