"""Initial weights: transformers' own, or ones that make neighbours easy to find.

Learned absolute positions say nothing about neighbourhood at first, and a small encoder spends
millions of tokens on the plateau of token frequencies before its attention finds the tokens next to
the one in question (docs/pretraining.md: what was tried). "neighbours" shortens that:

- position embeddings start as sinusoids of the size of the word embeddings, and stay trainable;
- in block 1, `NEIGHBOUR_OFFSETS` names the offset that a head starts with, for the first heads: the
  query reads the position's sinusoids, the key the same sinusoids turned by the offset, so that
  their product is largest at that offset. The other heads and all other blocks start as usual;
- the output projections of all blocks start at zero, so that every block starts as the identity
  (up to its layer norm);
- the vocabulary bias starts at the log frequencies of the tokens in the training texts.

The result is an ordinary BertForMaskedLM. That some heads of block 1 start local must be borne in
mind where the distances of block 1 are read; measure with "standard" weights where that matters.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor
from transformers import BertForMaskedLM

NEIGHBOUR_OFFSETS = (-1, 1, -2, 2)
HIGHEST, LOWEST = 2.5, 0.01  # radians per position
SHARPNESS = 1.8
READ_SHARE = 0.21  # share of the sinusoids, fastest first, that the neighbour heads read


@torch.no_grad()
def make_neighbours_easy(model: BertForMaskedLM, counts: Int64[np.ndarray, " vocabulary"]) -> None:
    """Turn fresh weights into the "neighbours" start; `counts`: how often each token occurs."""
    config: Any = model.config
    trunk: Any = model.bert
    width, heads = config.hidden_size, config.num_attention_heads
    frequencies = HIGHEST * (LOWEST / HIGHEST) ** torch.linspace(0, 1, width // 2)
    positions = torch.arange(config.max_position_embeddings)[:, None] * frequencies
    waves = torch.stack([positions.sin(), positions.cos()], -1).flatten(1)  # (positions, width)
    size = config.initializer_range * math.sqrt(2)
    trunk.embeddings.position_embeddings.weight.copy_(size * waves)
    for block in trunk.encoder.layer:
        block.attention.output.dense.weight.zero_()
        block.output.dense.weight.zero_()
    attention = trunk.encoder.layer[0].attention.self
    room = width // heads
    for head, offset in enumerate(NEIGHBOUR_OFFSETS[: max(1, 2 * heads // 3)]):
        query, key = _pair(frequencies, room, offset)
        attention.query.weight[head * room : (head + 1) * room] = query
        attention.key.weight[head * room : (head + 1) * room] = key
    share = (counts + 1.0) / (counts + 1.0).sum()
    predictions: Any = model.cls.predictions
    predictions.bias.copy_(torch.from_numpy(np.log(share)))


def _pair(frequencies: Tensor, room: int, offset: int) -> tuple[Tensor, Tensor]:
    """Query and key weights [room, width] whose product peaks where key - query = `offset`."""
    query = torch.zeros(room, 2 * len(frequencies))
    key = torch.zeros_like(query)
    last = max(room // 2 - 1, READ_SHARE * len(frequencies) - 1)
    chosen = torch.linspace(0, min(last, len(frequencies) - 1), room // 2).long()
    for line, wave in enumerate(chosen.tolist()):
        sine, cosine = 2 * wave, 2 * wave + 1
        angle = float(frequencies[wave]) * offset
        rows = slice(2 * line, 2 * line + 2)
        query[rows, sine : cosine + 1] = SHARPNESS * torch.eye(2)
        turn = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        key[rows, sine : cosine + 1] = SHARPNESS * torch.tensor(turn)
    return query, key
