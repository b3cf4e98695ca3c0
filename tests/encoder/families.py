"""Random small encoders of every family of docs/families.md, and slow references of their heads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers as hf
from torch import Tensor, nn

from helpers import FAMILIES, SMALL, VOCABULARY

TEXT = {**SMALL, "num_hidden_layers": 3}
SHORT = {"vocab_size": len(VOCABULARY), "pad_token_id": 0}
IMAGE = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "image_size": 16,
    "patch_size": 4,
}


@dataclass(frozen=True)
class Family:
    """`values`: the module whose output is the values, by the end of its name, or a function of a
    block's attention module and its input; `encoder`: the encoder in the model."""

    model: type
    config: type
    options: dict[str, Any] = field(default_factory=lambda: TEXT)
    values: str = "value"
    reference: Callable[[Any], Any] | None = None


def full_attention(model: Any) -> Any:
    """A BigBird of the same weights that was told to compute whole maps."""
    config = hf.BigBirdConfig(**{**model.config.to_dict(), "attention_type": "original_full"})
    other = hf.BigBirdModel(config).eval()
    other.load_state_dict(model.state_dict())
    return other


OWN = {
    "MPNet": Family(
        hf.MPNetModel,
        hf.MPNetConfig,
        {**TEXT, "max_position_embeddings": 66, "pad_token_id": 1},
        values=".v",
    ),
    "DeBERTa": Family(
        hf.DebertaModel,
        hf.DebertaConfig,
        {**TEXT, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
        values="",
    ),
    "DeBERTa v2, v3": Family(
        hf.DebertaV2Model,
        hf.DebertaV2Config,
        {
            **TEXT,
            "relative_attention": True,
            "pos_att_type": ["c2p", "p2c"],
            "position_buckets": 8,
            "share_att_key": True,
            "norm_rel_ebd": "layer_norm",
            "position_biased_input": False,
        },
        values="value_proj",
    ),
    "Longformer": Family(
        hf.LongformerModel,
        hf.LongformerConfig,
        {**TEXT, "max_position_embeddings": 66, "pad_token_id": 1, "attention_window": 8},
        values=".value",
    ),
    "BigBird": Family(
        hf.BigBirdModel,
        hf.BigBirdConfig,
        {
            **TEXT,
            "attention_type": "block_sparse",
            "block_size": 8,
            "num_random_blocks": 1,
            "sep_token_id": 3,
        },
        reference=full_attention,
    ),
    "RoFormer": Family(hf.RoFormerModel, hf.RoFormerConfig, {**TEXT, "embedding_size": 32}),
    "XLNet": Family(
        hf.XLNetModel,
        hf.XLNetConfig,
        {**SHORT, "d_model": 32, "n_layer": 3, "n_head": 4, "d_inner": 64},
        values="",
    ),
    "RemBERT": Family(
        hf.RemBertModel,
        hf.RemBertConfig,
        {**TEXT, "input_embedding_size": 16, "bos_token_id": 2, "eos_token_id": 3},
    ),
    "Megatron-BERT": Family(hf.MegatronBertModel, hf.MegatronBertConfig),
}
"""Families that compute attention in code of their own."""

THROUGH_INTERFACE = {
    **{
        name: Family(model, config, {**TEXT, **differs})
        for name, (model, config, differs) in FAMILIES.items()
    },
    "EuroBERT": Family(
        hf.EuroBertModel,
        hf.EuroBertConfig,
        {
            **TEXT,
            "num_key_value_heads": 2,
            "bos_token_id": 2,
            "eos_token_id": 3,
            "mask_token_id": 4,
        },
    ),
    "ESM": Family(hf.EsmModel, hf.EsmConfig, {**TEXT, "mask_token_id": 4}),
    "T5 (encoder)": Family(
        hf.T5Model,
        hf.T5Config,
        {**SHORT, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 3, "num_heads": 4},
    ),
    "BART (encoder)": Family(
        hf.BartModel,
        hf.BartConfig,
        {
            **SHORT,
            "d_model": 32,
            "encoder_layers": 3,
            "decoder_layers": 1,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 64,
            "decoder_ffn_dim": 64,
            "max_position_embeddings": 64,
        },
    ),
}
"""Families that hand queries, keys and values to transformers' attention interface."""

IMAGES = {
    "ViT": Family(hf.ViTModel, hf.ViTConfig, IMAGE),
    "DeiT": Family(hf.DeiTModel, hf.DeiTConfig, IMAGE),
    "DINOv2": Family(hf.Dinov2Model, hf.Dinov2Config, {**IMAGE, "mlp_ratio": 2}),
    "BEiT": Family(
        hf.BeitModel,
        hf.BeitConfig,
        {**IMAGE, "use_relative_position_bias": True, "vocab_size": 20},
    ),
    "CLIP (vision)": Family(hf.CLIPVisionModel, hf.CLIPVisionConfig, IMAGE),
    "SigLIP (vision)": Family(hf.SiglipVisionModel, hf.SiglipVisionConfig, IMAGE),
}


def random_model(family: Family) -> Any:
    """A random model, its weights spread wide so that heads differ visibly."""
    torch.manual_seed(0)
    model = family.model(family.config(**family.options)).eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim > 1 and "position" not in name:
                weights.normal_(0, 0.15)
    return model


def encoder_of(model: Any) -> Any:
    """The encoder of an encoder-decoder, or the model."""
    return model.get_encoder() if getattr(model.config, "is_encoder_decoder", False) else model


def dense_longformer(module: Any, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Longformer's local attention as a masked softmax over all tokens: maps and head vectors."""
    texts, tokens, _ = states.shape

    def heads(layer: nn.Module) -> Tensor:
        return layer(states).view(texts, tokens, module.num_heads, -1).transpose(1, 2).double()

    scores = heads(module.query) @ heads(module.key).mT / module.head_dim**0.5
    place = torch.arange(tokens)
    near = (place[:, None] - place).abs() <= module.one_sided_attn_window_size
    seen = near & mask[:, None, None, :].bool()
    maps = scores.masked_fill(~seen, float("-inf")).softmax(-1).nan_to_num()
    return maps, maps @ heads(module.value)
