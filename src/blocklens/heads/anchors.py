"""Anchor tokens: the token that a head builds its high pairs around.

A head's anchor in a text is the token type most often a member of its high pairs (ties: all of
them); the frequency-normalised mode divides by the type's occurrences (docs/definitions.md: anchor
token and uniqueness; that each head has a token of its own is P1's statement, the normalised mode
is ours).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from blocklens.heads.pairs import Pairs

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
        # Memberships of each type in the pairs of each head and cut, [heads, cuts, types].
        self.members = pairs.count(table.types[pairs.first], self.types)
        self.members += pairs.count(table.types[pairs.second], self.types)

    @cached_property
    def anchor(self) -> Bool[np.ndarray, "heads cuts types"]:
        """Which types are the head's anchor."""
        most = self.members.max(axis=2, keepdims=True)
        return (self.members == most) & (most > 0)

    @cached_property
    def normalised_anchor(self) -> Bool[np.ndarray, "heads cuts types"]:
        """The same, with memberships divided by the type's occurrences."""
        occurrences = np.bincount(self.pairs.table.types, minlength=self.types)
        share = self.members / occurrences
        most = share.max(axis=2, keepdims=True)
        return (share == most) & (most > 0)

    def distinct(self, anchor: Bool[np.ndarray, "heads cuts types"]) -> Int[np.ndarray, " cuts"]:
        """Distinct anchors among the heads, at most their number."""
        return np.minimum(anchor.any(axis=0).sum(axis=1), self.pairs.heads)

    @cached_property
    def is_anchor(self) -> Bool[np.ndarray, "heads cuts tokens"]:
        """Which content tokens are occurrences of the anchor."""
        return self.anchor[:, :, self.pairs.table.types]

    @cached_property
    def in_context(self) -> Bool[np.ndarray, "heads cuts tokens"]:
        """Which content tokens stand near an occurrence without being one."""
        near = np.zeros_like(self.is_anchor)
        for step in range(1, CONTEXT + 1):
            near[:, :, step:] |= self.is_anchor[:, :, :-step]
            near[:, :, :-step] |= self.is_anchor[:, :, step:]
        return near & ~self.is_anchor
