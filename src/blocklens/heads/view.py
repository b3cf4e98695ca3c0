"""What a measure sees: one block's heads on one window, with its high pairs found once for all."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from blocklens.encoder.attention import Heads, Workspace
from blocklens.encoder.sending import to_processor
from blocklens.heads.anchors import Anchors
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.high_pairs import high_pairs
from blocklens.heads.kinds_of_pairs import KindCounts
from blocklens.heads.pairs import Pairs, PairTable, random_pairs, random_pairs_like
from blocklens.heads.sent_pairs import SentPairs
from blocklens.inputs.windows import OTHER, Tokens


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
        self._sent: SentPairs | None = None

    @cached_property
    def table(self) -> PairTable:
        """What every pair of the window is."""
        return PairTable.of(self.tokens)

    def send(self) -> None:
        """Begin to bring to the processor what measures read of the heads, and wait for nothing."""
        self._sent = SentPairs(self.heads.outputs, self.tokens, self.options, self._workspace)
        _ = self._received

    @cached_property
    def _received(self) -> Tensor:
        attention = self.heads.attention
        queries = torch.from_numpy(queries_of(self.tokens))
        weights = queries.to(attention.device, attention.dtype, non_blocking=attention.is_cuda)
        return to_processor(torch.matmul(weights, attention))

    @cached_property
    def pairs(self) -> Pairs:
        """The high pairs of every head."""
        if self._sent is not None:
            return self._sent.arrived()
        return high_pairs(self.heads.outputs, self.tokens, self.options, self._workspace)

    @property
    def received(self) -> Float64[np.ndarray, "heads tokens"]:
        """Attention that every token receives from the queries, summed over them."""
        return self._received.double().numpy()

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


def queries_of(tokens: Tokens) -> Bool[np.ndarray, " tokens"]:
    """The tokens whose attention is asked for: neither separators nor special tokens."""
    return (tokens.kinds == OTHER) & ~tokens.special
