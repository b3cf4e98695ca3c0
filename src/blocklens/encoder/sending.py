"""Tensors that another device sends to the processor, while neither waits for the other."""

from __future__ import annotations

import torch
from torch import Tensor


def to_processor(tensor: Tensor) -> Tensor:
    """The tensor in the processor's memory; from another device it may still be on its way.

    Until `wait_for_all` it holds nothing to be read. The device itself goes on, and what it does
    next is done after the copy.
    """
    if is_here(tensor):
        return tensor
    pinned = torch.accelerator.is_available()  # a copy into other memory would be waited for
    kept = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=pinned)
    return kept.copy_(tensor, non_blocking=True)


def is_here(tensor: Tensor) -> bool:
    """Whether the tensor is in the processor's memory."""
    return tensor.device.type == "cpu"


def wait_for_all() -> None:
    """Until everything that was sent is here."""
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()
