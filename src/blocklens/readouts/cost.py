"""What an encoder takes up to each of its blocks: its share of parameters and of arithmetic.

Arithmetic is counted, not timed, so that the same encoder always gets the same figure: the
floating-point operations of matrix products, attention's among them, for one input. The time of a
pass follows it where nothing else is slow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Shaped
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from blocklens.encoder.loading import is_needed
from blocklens.encoder.matmul import operations
from blocklens.encoder.trunk import Encoder


def with_cost(
    losses: pd.DataFrame, encoder: Encoder, given: dict[str, Shaped[Tensor, "1 ..."]]
) -> pd.DataFrame:
    """The rows of `labels.depth.loss_rows` with those of `cost_rows`, where they can be counted."""
    costs = cost_rows(encoder, given)
    return losses if costs is None else losses.merge(costs, on="block")


@torch.inference_mode()
def cost_rows(encoder: Encoder, given: dict[str, Shaped[Tensor, "1 ..."]]) -> pd.DataFrame | None:
    """What the encoder takes up to every block, as shares of the whole encoder.

    Columns block, parameters and arithmetic, each 1 at the last block. None where the blocks are
    not modules of their own, one after the other, as in ALBERT, whose blocks share their weights.

    Args:
        encoder: the encoder; its pooler is left out, as no read-out uses it.
        given: one input as the trunk takes it, such as `pixel_values` [1, channels, H, W].

    """
    blocks = block_modules(encoder)
    if blocks is None:
        return None
    weights = {
        name: weight.numel() for name, weight in encoder.model.named_parameters() if is_needed(name)
    }
    whole = sum(weights.values())
    own = [sum(weight.numel() for weight in block.parameters()) for block in blocks]
    parameters = np.array([whole - sum(own[block:]) for block in range(len(blocks) + 1)])
    counter = FlopCounterMode(display=False, custom_mapping=operations())
    reached: list[int] = []

    def count(*_: Any) -> None:
        reached.append(counter.get_total_flops())

    before = blocks[0].register_forward_pre_hook(count)
    after = [block.register_forward_hook(count) for block in blocks]
    try:
        # The fused attention of a CPU is one operation that the counter does not know.
        with sdpa_kernel(SDPBackend.MATH), counter:
            encoder.model(**given)
    finally:
        for hook in (before, *after):
            hook.remove()
    if len(reached) != len(blocks) + 1:
        return None
    arithmetic = np.array(reached, dtype=np.float64)
    return pd.DataFrame(
        {
            "block": np.arange(len(blocks) + 1),
            "parameters": parameters / whole,
            "arithmetic": arithmetic / max(arithmetic[-1], 1.0),
        }
    )


def block_modules(encoder: Encoder) -> list[nn.Module] | None:
    """The modules of blocks 1..L, or None where the trunk has no list of so many."""
    for module in encoder.model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == encoder.blocks:
            return list(module)
    return None
