"""What a measure sees: one block's heads on one window, with its high pairs found once for all."""

from __future__ import annotations

from functools import cached_property

from blocklens.encoder.attention import Heads, Workspace
from blocklens.heads.anchors import Anchors
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.kinds_of_pairs import KindCounts
from blocklens.heads.pairs import Pairs, PairTable, high_pairs, random_pairs, random_pairs_like
from blocklens.inputs.windows import Tokens


class View:
    """One block's heads on one window; everything derived is computed when first asked for.

    Attributes:
        heads: attention maps and head output vectors.
        tokens: the window.
        block: 1..L.
        group: the window's group of texts.

    """

    def __init__(
        self, heads: Heads, tokens: Tokens, group: int, options: HeadOptions, workspace: Workspace
    ) -> None:
        self.heads = heads
        self.tokens = tokens
        self.block = heads.block
        self.group = group
        self.options = options
        self._workspace = workspace

    @cached_property
    def table(self) -> PairTable:
        """What every pair of the window is."""
        return PairTable.of(self.tokens)

    @cached_property
    def pairs(self) -> Pairs:
        """The high pairs of every head."""
        return high_pairs(self.heads.outputs, self.tokens, self.options, self._workspace)

    @cached_property
    def anchors(self) -> Anchors:
        """The anchors of every head."""
        return Anchors(self.pairs)

    @cached_property
    def kinds(self) -> KindCounts:
        """How many high pairs of each kind every head has."""
        return KindCounts(self.anchors)

    @cached_property
    def random_kinds(self) -> KindCounts:
        """The same of as many random pairs; of top fractions one draw for every block."""
        if self.options.rule == "relative":
            return KindCounts(Anchors(random_pairs_like(self.pairs, self.tokens.rng(purpose=1))))
        cache = self.tokens.cache
        if "random kinds" not in cache:
            heads = len(self.heads.outputs)
            drawn = random_pairs(self.tokens, self.options, heads)
            cache["random kinds"] = KindCounts(Anchors(drawn))
        return cache["random kinds"]
