"""What of a loaded model can be measured, and whether its tokenizer fits it: asked once, by all.

Each question is answered in a line that says what to do: no half-loaded model gives figures.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from blocklens.errors import UserError

TRIED = 7
"""Tokens that a model is tried on: a text of six, and one to change it by."""
NOISE = 1e-6
"""Of the largest output: rounding, not a token's change."""


def kind_of_input(model: Any) -> str:
    """What a trunk reads: "texts", "images" or "sounds"."""
    name = getattr(model, "main_input_name", "input_ids")
    return {"input_ids": "texts", "pixel_values": "images"}.get(name, "sounds")


def encoder_alone(model: Any, name: str) -> Any:
    """The bare encoder of a model, without head and decoder; of CLIP's two, that of images.

    Raises:
        UserError: a decoder: its tokens see only what stands before them.

    """
    config = model.config
    prefix = getattr(model, "base_model_prefix", "")
    if prefix and isinstance(getattr(model, prefix, None), nn.Module):
        model = getattr(model, prefix)
    if getattr(config, "is_encoder_decoder", False) and hasattr(model, "decoder"):
        return model.get_encoder()
    if hasattr(model, "text_model") and hasattr(model, "vision_model"):  # CLIP, SigLIP
        return model.vision_model
    says = getattr(config, "is_decoder", False) or getattr(config, "causal", False)
    if says or any(getattr(module, "is_causal", False) for module in model.modules()):
        raise UserError(
            f"{name}: {config.model_type} is a decoder; blocklens measures encoders, such as BERT, "
            "RoBERTa or ModernBERT"
        )
    return model


def check_sees_both_ways(model: Any, tokenizer: Any, name: str) -> None:
    """Refuse a decoder that does not say so: whose tokens see what stands before them alone.

    A token's change is tried, since not every family's configuration tells. Where no token moves
    any other, as in a network of zeros, nothing is known.

    Raises:
        UserError: the first token moves the outputs of others, the last one does not.

    """
    special = set(tokenizer.all_special_ids)
    ids = [number for number in sorted(tokenizer.get_vocab().values()) if number not in special]
    if len(ids) < TRIED:
        return
    text, other = ids[: TRIED - 1], ids[TRIED - 1]

    def outputs(tokens: list[int]) -> torch.Tensor:
        given = torch.tensor([tokens], device=next(model.parameters()).device)
        with torch.inference_mode():
            return model(input_ids=given, attention_mask=torch.ones_like(given))[0][0].float()

    try:
        plain = outputs(text)
        first = (outputs([other, *text[1:]]) - plain)[1:].abs().max()
        last = (outputs([*text[:-1], other]) - plain)[:-1].abs().max()
    except Exception:  # what it wants beside tokens is asked for where it is measured
        return
    noise = NOISE * plain.abs().max()
    if first > noise >= last:
        raise UserError(
            f"{name}: {model.config.model_type} is a decoder: its tokens do not see what follows "
            "them; blocklens measures encoders, such as BERT, RoBERTa or ModernBERT"
        )


def own_copy(model: Any) -> Any:
    """The same model with modules of its own; the weights are shared and ask for no gradient.

    What is changed for measuring (the attention function, the linear layers' products, evaluation
    mode) is changed in the copy: the caller's model stays as it was.
    """
    shared: dict[int, Any] = {}
    for weight in model.parameters():
        shared[id(weight)] = nn.Parameter(weight.detach(), requires_grad=False)
    for values in model.buffers():
        shared[id(values)] = values
    return copy.deepcopy(model, shared)


def check_weights(model: nn.Module, name: str) -> None:
    """Refuse damaged weights.

    Raises:
        UserError: a weight is no finite number.

    """
    for of, weight in model.named_parameters():
        # A sum is not finite where a part is not; large weights are looked at one by one.
        if not (torch.isfinite(weight.sum()) or torch.isfinite(weight).all()):
            raise UserError(f"{name}: {of} is not of finite numbers: the weights are damaged")


def check_reads_texts(model: Any, tokenizer: Any, name: str) -> None:
    """Refuse an encoder of anything else.

    Raises:
        UserError: a model that reads images or sounds, or one without a tokenizer.

    """
    reads = kind_of_input(model)
    if reads != "texts":
        advice = "; measure it with blocklens images" if reads == "images" else ""
        raise UserError(f"{name} reads {reads}, not texts{advice}")
    if tokenizer is None:
        raise UserError(f"{name} has no tokenizer; texts need an encoder that has one")


def check_tokenizer(tokenizer: Any, model: Any, name: str) -> None:
    """Whether a tokenizer fits a model.

    Raises:
        UserError: a tokenizer without entries, as transformers makes it where there is no file; or
            one with ids that the model has no embedding for.

    """
    entries = tokenizer.get_vocab()
    if set(entries) <= set(tokenizer.all_special_tokens):
        raise UserError(
            f"{name}: no tokenizer: there are no tokenizer files, or they hold no entry beside "
            "special tokens: save the tokenizer beside the model"
        )
    embedding = model.get_input_embeddings()
    known = getattr(embedding, "num_embeddings", None) or int(model.config.vocab_size)
    highest = max(entries.values())
    if highest >= known:
        raise UserError(
            f"{name}: tokenizer and model do not fit: the tokenizer has ids up to {highest}, the "
            f"model has embeddings for {known} tokens: give the model's own tokenizer, or resize "
            "the embedding and train it (resize_token_embeddings)"
        )


def number_of_blocks(config: Any, name: str) -> int:
    """Blocks of a trunk, or the stages of one that is built of stages.

    Raises:
        UserError: the configuration tells neither.

    """
    blocks = getattr(config, "num_hidden_layers", None)
    if isinstance(blocks, int):
        return blocks
    if getattr(config, "depths", None):
        return len(config.depths)
    raise UserError(
        f"{name}: {config.model_type} does not say how many blocks it has; give a transformer "
        "encoder, such as BERT or ViT"
    )


def width_of_heads(config: Any, heads: int) -> int:
    """Length of a head output vector."""
    named = (getattr(config, name, None) for name in ("head_dim", "d_kv", "d_head"))
    return next((int(width) for width in named if width), int(config.hidden_size) // heads)


def longest_input(model: Any, tokenizer: Any) -> int:
    """The longest input in tokens that the position embeddings and the tokenizer allow."""
    config = model.config
    positions = getattr(config, "max_position_embeddings", None) or 0
    positions = positions if positions > 0 else 512  # XLNet says -1: as many as one likes
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # RoBERTa counts positions from the padding index on.
            offset = 0 if module.padding_idx is None else module.padding_idx + 1
            positions = min(positions, module.num_embeddings - offset)
    if config.model_type == "big_bird":  # beyond, its attention is sparse and no map of all tokens
        positions = min(positions, (5 + 2 * config.num_random_blocks) * config.block_size)
    return int(min(positions, getattr(tokenizer, "model_max_length", None) or positions))
