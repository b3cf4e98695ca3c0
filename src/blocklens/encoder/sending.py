"""Tensors that another device sends to the processor, while neither waits for the other."""

from __future__ import annotations

import torch
from jaxtyping import Shaped
from torch import Tensor


def to_processor(tensor: Shaped[Tensor, "*shape"]) -> Shaped[Tensor, "*shape"]:
    """The tensor in the processor's memory; from a CUDA device it may still be on its way.

    Until `wait_for_all` it holds nothing to be read. The device itself goes on, and what it does
    next is done after the copy. Other devices are waited for here: which of their copies may be
    left to themselves is not the same for all, and a wrong figure would be silent.
    """
    if not tensor.is_cuda:
        return tensor.cpu()
    kept = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return kept.copy_(tensor, non_blocking=True)


def is_here(tensor: Shaped[Tensor, " ..."]) -> bool:
    """Whether the tensor is in the processor's memory."""
    return tensor.device.type == "cpu"


def wait_for_all() -> None:
    """Until everything that was sent is here."""
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()
