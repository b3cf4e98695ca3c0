"""Hashes of weights and tokenizers: what is used, not the files that it came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
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
