"""The forward pass of BertForMaskedLM for training, computing only what the loss needs.

The weights are those of an ordinary `BertForMaskedLM`, the arithmetic is written out here because
four things are not to be had from its own forward pass: the vocabulary layer and the last block's
feed-forward layer at modified positions only, one matrix product for queries, keys and values,
bfloat16 products with float32 weights without autocast's cost per operation, and float32 products
at the processor's speed (`encoder/matmul.py`). `tests/pretraining/test_bert.py` holds it against
transformers' own loss and gradients.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertForMaskedLM

from blocklens.encoder import matmul
from blocklens.encoder.cross_entropy import cross_entropy
from blocklens.pretraining.packing import Batch

MAP_BYTES = 8 * 2**20
"""Attention maps computed at once."""


def new_model(config: BertConfig, *, seed: int) -> BertForMaskedLM:
    """A BertForMaskedLM with fresh weights that `seed` decides, in float32."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BertForMaskedLM(config).float()


def loss_and_hits(
    model: BertForMaskedLM, batch: Batch, *, precision: torch.dtype = torch.float32
) -> tuple[Float[Tensor, ""], Int64[Tensor, ""]]:
    """Mean cross-entropy at the modified positions, and how many predictions are right."""
    decoder: Any = model.cls.predictions.decoder
    features = features_at_modified(model, batch, precision=precision)
    return cross_entropy(features, decoder.weight, decoder.bias, batch.labels, precision)


def features_at_modified(
    model: BertForMaskedLM, batch: Batch, *, precision: torch.dtype = torch.float32
) -> Float32[Tensor, "asked width"]:
    """What the vocabulary layer reads at the modified positions.

    Dropout follows the model's config when the model is in training mode. A row's texts do not see
    each other, and padding is seen by none.
    """
    bert: Any = model.bert
    config: Any = model.config
    rows, width = batch.ids.shape
    heads, size = config.num_attention_heads, config.hidden_size
    drop = config.hidden_dropout_prob if model.training else 0.0
    drop_attention = config.attention_probs_dropout_prob if model.training else 0.0

    def linear(x: Tensor, layer: nn.Linear) -> Tensor:
        bias = None if layer.bias is None else layer.bias.to(precision)
        return matmul.linear(x, layer.weight.to(precision), bias)

    def norm(x: Tensor, layer: nn.LayerNorm) -> Tensor:
        return functional.layer_norm(x, (size,), layer.weight, layer.bias, layer.eps)

    mask = None
    if not batch.alone:
        same = batch.texts[:, :, None] == batch.texts[:, None, :]  # (rows, width, width)
        mask = torch.zeros(same.shape, dtype=precision, device=same.device)
        mask = mask.masked_fill_(~same, float("-inf"))
        mask = mask[:, None]  # (rows, 1, width, width)

    layer = bert.embeddings
    x = functional.embedding(batch.ids.view(-1), layer.word_embeddings.weight)
    x = x + functional.embedding(batch.positions.view(-1), layer.position_embeddings.weight)
    x = x + layer.token_type_embeddings.weight[0]
    x = functional.dropout(norm(x, layer.LayerNorm), drop, model.training).to(
        precision
    )  # (rows*width, size)

    last = len(bert.encoder.layer) - 1
    for number, block in enumerate(bert.encoder.layer):
        attention = block.attention.self
        layers = (attention.query, attention.key, attention.value)
        weight = torch.cat([part.weight for part in layers]).to(precision)
        bias = torch.cat([part.bias for part in layers]).to(precision)
        qkv = matmul.linear(x, weight, bias).view(rows, width, 3, heads, size // heads)
        qkv = qkv.permute(2, 0, 3, 1, 4)  # (3, rows, heads, width, head width)
        out = _attention(qkv, mask, drop_attention).view(rows * width, size)
        if number == last:  # what follows acts on single positions, and only these are asked for
            out, x = out[batch.chosen], x[batch.chosen]
        out = functional.dropout(linear(out, block.attention.output.dense), drop, model.training)
        x = norm(x + out, block.attention.output.LayerNorm)
        out = functional.gelu(linear(x, block.intermediate.dense))
        out = functional.dropout(linear(out, block.output.dense), drop, model.training)
        x = norm(x + out, block.output.LayerNorm)

    head: Any = model.cls.predictions
    return norm(functional.gelu(linear(x, head.transform.dense)), head.transform.LayerNorm).float()


def _attention(qkv: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
    """Attention of [3, rows, heads, width, head width]; [rows, width, heads, head width].

    Plain products, in slices of rows whose maps stay in the processor's cache: PyTorch's fused
    kernel is slower on a CPU for rows this short (docs/pretraining.md).
    """
    _, rows, heads, width, _ = qkv.shape
    at_once = max(1, MAP_BYTES // (heads * width * width * qkv.element_size()))
    outputs = []
    for start in range(0, rows, at_once):
        query, key, value = qkv[:, start : start + at_once].contiguous()
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        if mask is not None:
            scores += mask[start : start + at_once]
        output = functional.dropout(torch.softmax(scores, -1), dropout) @ value
        outputs.append(output.transpose(1, 2))
    return torch.cat(outputs)
