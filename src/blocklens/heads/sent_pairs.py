"""High pairs that another device finds and sends, while it goes on with its pass.

Only the high ones are fetched, a tenth of the bytes that all similarities are, and the processor
sees to their ties alone. How many pairs are above a share of the largest is not known beforehand
(`--rule relative`): there all similarities are fetched.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from blocklens.encoder.attention import Workspace
from blocklens.encoder.sending import to_processor
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.high_pairs import by_cut, high_pairs, highest_of, similarities
from blocklens.heads.pairs import Pairs, PairTable, numbers_wanted
from blocklens.inputs.windows import Tokens

SPARE = 64
"""Pairs sent beyond those wanted. Where a head's ties at the cut go on beyond them, the block's
similarities are all fetched, so that no tie is lost."""


class SentPairs:
    """The high pairs of every head of one block on one window, on their way to the processor.

    Args:
        outputs: head output vectors of the whole window, where the model is; a buffer.
        tokens: the window.
        options: similarity, cuts and the rule that makes them.
        workspace: buffers.

    """

    def __init__(
        self,
        outputs: Float[Tensor, "heads tokens width"],
        tokens: Tokens,
        options: HeadOptions,
        workspace: Workspace,
    ) -> None:
        self._asked = tokens, options, workspace
        similar = similarities(outputs, tokens, options, workspace)
        self._all = options.rule != "top"
        if self._all:
            self._sent = [to_processor(similar)]
            return
        number = min(numbers_wanted(tokens, options)[-1] + SPARE, similar.shape[1])
        values, places = similar.topk(number, dim=1)
        self._sent = [to_processor(values), to_processor(places.to(torch.int32))]
        self._outputs = outputs.clone()

    def arrived(self) -> Pairs:
        """The pairs, once everything that was sent is here; equal to those of `high_pairs`."""
        tokens, options, workspace = self._asked
        sent = [tensor.numpy() for tensor in self._sent]
        if self._all:
            return highest_of(sent[0], tokens, options)
        values, places = sent
        table = PairTable.of(tokens)
        thresholds = values[:, np.array(numbers_wanted(tokens, options)) - 1]
        taken = values >= thresholds[:, -1:]
        if taken.shape[1] < table.pairs and taken[:, -1].any():
            return high_pairs(self._outputs, tokens, options, workspace)
        order = np.where(taken, places, table.pairs).argsort(axis=1)
        values, places, taken = (
            np.take_along_axis(array, order, axis=1) for array in (values, places, taken)
        )
        head, _ = taken.nonzero()
        return by_cut(
            table, head, places[taken].astype(np.int64), values[taken], thresholds, options
        )
