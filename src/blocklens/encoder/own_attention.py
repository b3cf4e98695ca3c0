"""Heads of families that compute attention in code of their own, outside transformers' interface.

MPNet, DeBERTa, Longformer, BigBird, RoFormer, XLNet and a few more cannot be handed an attention
function. They are asked for their attention maps (`output_attentions`), and a forward hook on the
module that computes them sees a block's maps with its head output vectors. That is the model's own
plain arithmetic, with the maps of a whole batch in memory: slower than the tap (docs/families.md
has the figures), and exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from blocklens.encoder.attention import HeadTap

Maps = Float[Tensor, "texts heads longest longest"]
Vectors = Float[Tensor, "texts longest heads width"]
Reader = Callable[[Any, tuple[Any, ...], Any], tuple[Maps, Vectors]]
"""From a module, its arguments and its output to a block's maps and head output vectors."""


def concatenated(module: Any, given: tuple[Any, ...], output: Any) -> tuple[Maps, Vectors]:
    """The module's output is the heads' vectors side by side, and the maps."""
    vectors, maps = output[0], output[1]
    return maps, vectors.unflatten(-1, (maps.shape[1], -1))


def projected(module: Any, given: tuple[Any, ...], output: Any) -> tuple[Maps, Vectors]:
    """MPNet: the module's output is projected already, so the maps are applied to its values."""
    maps = output[1]
    values = module.v(given[0]).unflatten(-1, (maps.shape[1], -1))
    return maps, torch.einsum("bhij,bjhd->bihd", maps, values)


def tokens_first(module: Any, given: tuple[Any, ...], output: Any) -> tuple[Maps, Vectors]:
    """XLNet: tokens come before texts, and the values' weights are a tensor by head."""
    maps = output[2].permute(2, 3, 0, 1)
    values = torch.einsum("jbm,mhd->bjhd", given[0], module.v)
    return maps, torch.einsum("bhij,bjhd->bihd", maps, values)


def banded(module: Any, given: tuple[Any, ...], output: Any) -> tuple[Maps, Vectors]:
    """Longformer: a row holds the attention to the window around its token alone."""
    vectors, band = output[0], output[1]  # band [texts, tokens, heads, window + 1]
    texts, tokens, heads, width = band.shape
    reach = width // 2
    column = torch.arange(tokens)[:, None] + torch.arange(width) - reach  # [tokens, window + 1]
    # What lies beyond either end goes to columns that are cut off again.
    wide = band.new_zeros(texts, heads, tokens, tokens + 2 * reach)
    places = (column + reach).to(band.device).expand(texts, heads, tokens, width)
    wide.scatter_(3, places, band.transpose(1, 2))
    return wide[..., reach : reach + tokens], vectors.unflatten(-1, (heads, -1))


OWN_ATTENTION: dict[str, tuple[str, Reader]] = {
    "mpnet": ("MPNetSelfAttention", projected),
    "deberta": ("DisentangledSelfAttention", concatenated),
    "deberta-v2": ("DisentangledSelfAttention", concatenated),
    "longformer": ("LongformerSelfAttention", banded),
    "big_bird": ("BigBirdSelfAttention", concatenated),
    "roformer": ("RoFormerSelfAttention", concatenated),
    "xlnet": ("XLNetRelativeAttention", tokens_first),
    "rembert": ("RemBertSelfAttention", concatenated),
    "megatron-bert": ("MegatronBertSelfAttention", concatenated),
}
"""By `model_type`: the class of the module that computes attention, and how it is read."""


def prepare(model: Any) -> None:
    """Let a model of such a family compute whole maps, which it does but for BigBird's."""
    if model.config.model_type == "big_bird":
        model.set_attention_type("original_full")  # as it does itself with texts this short


@contextmanager
def watched(model: Any, tap: HeadTap) -> Iterator[None]:
    """While active, a pass of such a model hands its heads to the tap; others do so themselves."""
    if model.config.model_type not in OWN_ATTENTION:
        yield
        return
    kind, read = OWN_ATTENTION[model.config.model_type]

    def watch(module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        tap.take(*read(module, given, output))

    hooks = [
        module.register_forward_hook(watch)
        for module in model.modules()
        if type(module).__name__ == kind
    ]
    before = model.config.output_attentions
    model.config.output_attentions = True
    try:
        yield
    finally:
        model.config.output_attentions = before
        for hook in hooks:
            hook.remove()
