"""Kept block outputs: one vector an input and block, from one pass of a frozen trunk.

A class read-out sees an input as one vector: the output of block m at its first token ([CLS]), or
the mean over its tokens. These vectors of all blocks 0..L are computed in a single pass over the
inputs and kept in memory, so that any number of heads trains on them without the trunk. Nothing
here knows whether an input is a text or an image:

    batches = id_batches(encoder.tokenizer, tokenised(encoder, texts))
    outputs = kept_outputs(encoder, batches, len(texts))
    outputs[m, i]       # block m of input i, float32 [width]

For 10,000 inputs of BERT-base they take 400 MB, for the small encoder that comes along 54 MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, Shaped
from torch import Tensor

from blocklens.encoder.batching import Ids, of_like_lengths, padded, padding_id
from blocklens.encoder.fitting import kind_of_input
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.tokenising import token_ids
from blocklens.progress import SILENT, Progress

Pooling = Literal["first", "mean"]


@dataclass(frozen=True)
class InputBatch:
    """A batch of inputs.

    `given`: the trunk's keyword arguments, such as `input_ids` and `attention_mask` int64 [inputs,
    tokens], or `pixel_values` [inputs, channels, height, width]. `rows` [inputs]: their numbers
    among all inputs, so that batches may come in any order.
    """

    given: dict[str, Shaped[Tensor, "inputs ..."]]
    rows: Int64[np.ndarray, " inputs"]


@torch.inference_mode()
def kept_outputs(
    encoder: Encoder,
    batches: Iterable[InputBatch],
    count: int,
    *,
    pooling: Pooling = "first",
    progress: Progress = SILENT,
) -> Float32[np.ndarray, "blocks inputs width"]:
    """Pooled outputs of blocks 0..L of `count` inputs.

    Args:
        encoder: the trunk, text or image, in evaluation mode; it is not changed.
        batches: every input once.
        count: number of inputs.
        pooling: "first", the output at the first token ([CLS]), or "mean", over the tokens of the
            attention mask (over all of them where there is none).
        progress: told how many inputs are done.

    Raises:
        UserError: the batches do not hold every input exactly once, or an output is not finite.

    The output of a pre-norm trunk's (ModernBERT, ViT) inner block goes through the final norm, as
    its last block's does.

    """
    device = encoder.model.device
    outputs = np.empty((encoder.blocks + 1, count, 0), np.float32)
    times = np.zeros(count, dtype=np.int64)
    with progress.stage("blocks", count, kind_of_input(encoder.model)) as stage:
        for batch in batches:
            given = {name: tensor.to(device) for name, tensor in batch.given.items()}
            of_blocks = encoder.final_norm.on_every_block(encoder.outputs(**given))
            if not outputs.size:
                # Stages of a convolutional trunk differ in width: what a stage lacks stays zero.
                widest = max(output.shape[-1] for output in of_blocks)
                outputs = np.zeros((encoder.blocks + 1, count, widest), np.float32)
            for block, output in enumerate(of_blocks):
                pooled = pool(output, given.get("attention_mask"), pooling).float().cpu().numpy()
                outputs[block, batch.rows, : pooled.shape[1]] = pooled
            times[batch.rows] += 1
            stage.advance(len(batch.rows))
    if not (times == 1).all():
        raise UserError(
            f"{encoder.name}: {int((times != 1).sum())} of {count} inputs were not given exactly "
            "once to keep their block outputs"
        )
    if not np.isfinite(outputs).all():
        raise UserError(
            f"{encoder.name}: outputs of its blocks are not finite: its weights are damaged, or it "
            "needs another --dtype"
        )
    return outputs


def pool(
    output: Float[Tensor, "texts longest width"], mask: Ids | None, pooling: Pooling
) -> Float[Tensor, "texts width"]:
    """One vector an input; mask 1 = token, 0 = padding; without one every token counts."""
    if pooling == "first":
        return output[:, 0]
    if mask is None:
        return output.mean(dim=1)
    weights = mask[..., None].to(output.dtype)
    return (output * weights).sum(dim=1) / weights.sum(dim=1)


def id_batches(tokenizer: Any, ids: Sequence[Sequence[int]]) -> Iterator[InputBatch]:
    """Batches of like lengths of texts that are token ids already, every text once."""
    for rows in of_like_lengths(range(len(ids)), lambda row: len(ids[row])):
        yield id_batch(tokenizer, ids, np.asarray(rows))


def id_batch(
    tokenizer: Any, ids: Sequence[Sequence[int]], rows: Int64[np.ndarray, " texts"]
) -> InputBatch:
    """The texts `rows` as one batch."""
    filled, mask = padded([ids[row] for row in rows], padding_id(tokenizer))
    return InputBatch({"input_ids": filled, "attention_mask": mask}, rows)


def tokenised(encoder: Encoder, texts: Sequence[str], *, tokens: int = 128) -> list[list[int]]:
    """Token ids of every text, special tokens included, at most `tokens` of them."""
    if encoder.tokenizer is None:
        raise UserError(f"{encoder.name}: no tokenizer; texts need an encoder that has one")
    return token_ids(encoder.tokenizer, texts, tokens=min(tokens, encoder.max_tokens))
