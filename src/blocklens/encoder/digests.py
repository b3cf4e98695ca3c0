"""Hashes of encoders, their weights and tokenizers: of what is used, not of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor

from blocklens.encoder.loading import is_needed


def encoder_digest(model: Any, tokenizer: Any, processor: Any, precision: str) -> str:
    """A hash of a trunk, of what prepares its inputs, and of how its products are taken."""
    weights = {name: tensor for name, tensor in model.state_dict().items() if is_needed(name)}
    used = [repr(sorted(model.config.to_diff_dict().items())), tensors_digest(weights)]
    if precision != "float32":
        used.append(f"products in {precision}")
    if tokenizer is not None:
        used.append(tokenizer_digest(tokenizer))
    if processor is not None:
        used.append(processor.to_json_string())
    return hashlib.sha256("\n".join(used).encode()).hexdigest()


def tensors_digest(tensors: Mapping[str, Shaped[Tensor, " ..."]]) -> str:
    """A hash of tensors with their names, types and shapes."""
    sha = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        sha.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return sha.hexdigest()


def tokenizer_digest(tokenizer: Any) -> str:
    """A hash of all that a tokenizer does, and of its special tokens and longest input.

    How it was last asked to cut or pad is left out: it is said with every call.
    """
    if tokenizer.is_fast:
        backend = json.loads(tokenizer.backend_tokenizer.to_str())
    else:  # in Python: what is known of it is its class and its entries
        backend = {type(tokenizer).__name__: sorted(tokenizer.get_vocab().items())}
    said = {
        "backend": {k: v for k, v in backend.items() if k not in ("truncation", "padding")},
        "special": {k: str(v) for k, v in tokenizer.special_tokens_map.items()},
        "ids": sorted(tokenizer.all_special_ids),
        "longest": tokenizer.model_max_length,
        "inputs": list(tokenizer.model_input_names),
        "sides": [tokenizer.padding_side, tokenizer.truncation_side],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
