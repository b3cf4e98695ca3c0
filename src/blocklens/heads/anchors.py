"""Anchor tokens: the token that a head builds its high pairs around, and how unique it is.

A head's anchor in a text is the token type most often a member of its high pairs (ties: all of
them); the frequency-normalised mode divides by the type's occurrences. Uniqueness of a block is the
number of distinct anchors of its heads divided by the number of heads; with ties it is at most 1.
(docs/definitions.md: anchor token and uniqueness; that each head has a token of its own is P1's
statement, the normalised mode and both nulls are ours.)

The bare figure proves nothing, so random pairs go through the same code as a null, and an untrained
encoder through the whole of it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from blocklens.heads.pairs import Pairs
from blocklens.heads.ratios import GROUPS, Ratios

if TYPE_CHECKING:
    from blocklens.heads.view import View

CONTEXT = 2
"""A pair is in an anchor's context if a member is this near to an occurrence of it."""


class Anchors:
    """Who is the anchor of each head, at every cut.

    Args:
        pairs: the high pairs of one block on one window.

    """

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs
        table = pairs.table
        self.types = len(table.type_ids)
        self.members = pairs.count(table.types[pairs.first], self.types)
        self.members += pairs.count(table.types[pairs.second], self.types)

    @cached_property
    def anchor(self) -> np.ndarray:
        """Which types are the head's anchor, bool [heads, cuts, types]."""
        most = self.members.max(axis=2, keepdims=True)
        return (self.members == most) & (most > 0)

    @cached_property
    def normalised_anchor(self) -> np.ndarray:
        """The same, with memberships divided by the type's occurrences."""
        occurrences = np.bincount(self.pairs.table.types, minlength=self.types)
        share = self.members / occurrences
        most = share.max(axis=2, keepdims=True)
        return (share == most) & (most > 0)

    def distinct(self, anchor: np.ndarray) -> np.ndarray:
        """Distinct anchors among the heads, at most their number, [cuts]."""
        return np.minimum(anchor.any(axis=0).sum(axis=1), self.pairs.heads)

    @cached_property
    def is_anchor(self) -> np.ndarray:
        """Which content tokens are occurrences of the anchor, bool [heads, cuts, tokens]."""
        return self.anchor[:, :, self.pairs.table.types]

    @cached_property
    def in_context(self) -> np.ndarray:
        """Which content tokens stand near an occurrence without being one, bool as `is_anchor`."""
        near = np.zeros_like(self.is_anchor)
        for step in range(1, CONTEXT + 1):
            near[:, :, step:] |= self.is_anchor[:, :, :-step]
            near[:, :, :-step] |= self.is_anchor[:, :, step:]
        return near & ~self.is_anchor


class AnchorTokens:
    """Streaming sums of uniqueness, and how often each token is a head's anchor.

    Args:
        blocks: number of blocks.
        heads: number of heads.
        vocabulary: number of token ids.
        cuts: all cuts.
        default_cut: index of the cut at which tokens are counted.
        groups: number of groups of texts.

    """

    name = "anchors"

    def __init__(
        self,
        *,
        blocks: int,
        heads: int,
        vocabulary: int,
        cuts: tuple[float, ...],
        default_cut: int,
        groups: int = GROUPS,
    ) -> None:
        self.ratios = Ratios(
            self.name,
            ("uniqueness", "uniqueness, frequency-normalised"),
            blocks=blocks,
            heads=heads,
            cuts=cuts,
            groups=groups,
            whole_blocks=True,
        )
        self.default_cut = default_cut
        self.heads = heads
        # Dense: constant in the number of texts, and untouched pages cost nothing.
        self.texts = np.zeros((blocks, heads, vocabulary), dtype=np.int32)

    def update(self, view: View) -> None:
        """Add one block of one window."""
        found, null = view.anchors, view.random_anchors
        observed = np.stack(
            [found.distinct(found.anchor), found.distinct(found.normalised_anchor)], axis=-1
        )
        expected = np.stack(
            [null.distinct(null.anchor), null.distinct(null.normalised_anchor)], axis=-1
        )
        self.ratios.add(view.group, view.block, observed, expected, np.asarray(self.heads))
        head, kind = np.nonzero(found.anchor[:, self.default_cut])
        self.texts[view.block - 1, head, view.table.type_ids[kind]] += 1

    def merge(self, other: AnchorTokens) -> None:
        """Add the sums of other texts."""
        self.ratios.merge(other.ratios)
        self.texts += other.texts

    def table(self) -> pd.DataFrame:
        """Uniqueness per block, see `Ratios.table`."""
        return self.ratios.table()

    def tokens(self, most: int = 10) -> pd.DataFrame:
        """Every head's most frequent anchors: block, head, token_id, texts, share.

        `texts` is in how many windows the token is the head's anchor, `share` that number over all
        anchors of the head.
        """
        rows = []
        for block, head in np.ndindex(*self.texts.shape[:2]):
            counts = self.texts[block, head]
            used = np.flatnonzero(counts)
            used = used[np.lexsort((used, -counts[used]))][:most]
            total = counts.sum()
            rows += [(block + 1, head, int(t), int(counts[t]), counts[t] / total) for t in used]
        return pd.DataFrame(rows, columns=["block", "head", "token_id", "texts", "share"])
