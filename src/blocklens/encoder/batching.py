"""Batches of like lengths, and their padding: the one way for windows, texts and places in a list.

Inputs are sorted by length and taken together as long as a batch with its padding stays below a
number of tokens; so little is padding, and memory is bounded whatever comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any, TypeVar

import torch
from jaxtyping import Int64
from torch import Tensor

T = TypeVar("T")
Ids = Int64[Tensor, "texts longest"]

TOKENS_AT_ONCE = 4096
"""Tokens of a batch, padding included."""


def of_like_lengths(
    items: Iterable[T],
    length: Callable[[T], int],
    *,
    tokens: int = TOKENS_AT_ONCE,
    look_ahead: int | None = None,
) -> Iterator[list[T]]:
    """Batches of items of like lengths, at most `tokens` with padding, or of one item.

    Args:
        items: windows, ids of texts, or numbers that stand for them.
        length: an item's tokens.
        tokens: most tokens of a batch.
        look_ahead: how many items are read and sorted at a time; default all. Items of one length
            keep their order.

    """
    items = iter(items)
    while ahead := list(islice(items, look_ahead)):
        ahead.sort(key=length)
        ahead.reverse()
        batch: list[T] = []
        while ahead:
            item = ahead.pop()  # so that what was derived from a window goes with its batch
            if batch and (len(batch) + 1) * length(item) > tokens:
                yield batch
                batch = []
            batch.append(item)
        yield batch


def padded(ids: Sequence[Sized], pad: int) -> tuple[Ids, Ids]:
    """Ids and mask of a batch, padded on the right to its longest text; mask 1 = token.

    Args:
        ids: token ids of each text, a list or an array.
        pad: the id that fills.

    """
    longest = max(len(one) for one in ids)
    filled = torch.full((len(ids), longest), pad, dtype=torch.int64)
    mask = torch.zeros_like(filled)
    for text, one in enumerate(ids):
        filled[text, : len(one)] = torch.as_tensor(one)
        mask[text, : len(one)] = 1
    return filled, mask


def padding_id(*owners: Any) -> int:
    """The padding token of the first of `owners` (a config, a tokenizer) that has one, else 0."""
    for owner in owners:
        pad = getattr(owner, "pad_token_id", None)
        if pad is not None:
            return int(pad)
    return 0
