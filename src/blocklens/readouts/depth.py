"""Where an encoder may be cut: what each block's read-out loses, and what stopping there saves.

A practitioner's question (ours, no paper's): the earliest block whose accuracy is within a margin
of the last one's, and the share of the encoder's parameters and arithmetic that is not needed then.
Labels may be of texts or images.

Arithmetic is counted, not timed, so that the same encoder always gets the same figure: the
floating-point operations of matrix products, attention's among them, for one input. The time of a
pass follows it where nothing else is slow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from blocklens.encoder.loading import OPTIONAL_WEIGHTS
from blocklens.encoder.matmul import operations
from blocklens.encoder.trunk import Encoder
from blocklens.statistics.intervals import jackknife

Integers = NDArray[np.integer]
Floats = NDArray[np.float64]

MARGIN = 0.01
"""Accuracy that may be lost: one point."""


def loss_rows(
    labels: Integers, predicted: Integers, test: Integers, keys: Integers, groups: int = 20
) -> pd.DataFrame:
    """How much less accurate every block's read-outs are than the last block's.

    Args:
        labels: class number of every input, [n].
        predicted: predicted class of each seed's test inputs, [blocks, seeds, tests].
        test: each seed's test inputs, numbers into 0..n-1, [seeds, tests].
        keys: a hash of every input, [n]; an input's group is its key modulo the groups.
        groups: groups of inputs for the intervals.

    Returns:
        Columns block, accuracy, loss (accuracy of the last block less this one's), low, high: the
        95 % interval of the loss over inputs and seeds, by leaving out each group and each seed.

    """
    right = predicted == labels[test]  # [blocks, seeds, tests]
    group = keys[test] % groups
    everywhere = np.ones(test.shape, dtype=bool)
    seeds = [everywhere & (np.arange(len(test)) != seed)[:, None] for seed in range(len(test))]
    inputs = [group != number for number in np.unique(group)]
    loss = _losses(right, everywhere)
    factors = [
        np.array([_losses(right, kept) for kept in factor if kept.any()]).reshape(-1, len(loss))
        for factor in (seeds, inputs)
    ]
    low, high = jackknife(loss, *factors)
    return pd.DataFrame(
        {
            "block": np.arange(len(right)),
            "accuracy": right.mean(axis=(1, 2)),
            "loss": loss,
            "low": low,
            "high": high,
        }
    )


def _losses(right: NDArray[np.bool_], kept: NDArray[np.bool_]) -> Floats:
    """Last block's accuracy less each block's over the kept predictions [seeds, tests]."""
    accuracy = right[:, kept].mean(axis=1)
    return accuracy[-1] - accuracy


def earliest_block(losses: pd.DataFrame, margin: float = MARGIN) -> int:
    """The first block that is at most `margin` less accurate than the last, by `loss_rows`."""
    within = losses.loc[losses["loss"] <= margin + 1e-12, "block"]
    return int(within.min())


def advice_line(advice: pd.DataFrame, margin: float = MARGIN) -> str:
    """The advice in a few sentences, from the rows of `loss_rows` joined with `cost_rows`."""
    last = advice.iloc[-1]
    row = advice.loc[advice["block"] == earliest_block(advice, margin)].iloc[0]
    points = f"{100 * margin:g} point{'' if margin == MARGIN else 's'}"
    if row["block"] == last["block"]:
        return f"No block before the last, {last['block']:.0f}, is within {points} of its accuracy."
    said = [
        f"Block {row['block']:.0f} is the earliest within {points} of the last, "
        f"{last['block']:.0f}: {row['accuracy']:.3f} against {last['accuracy']:.3f}, "
        f"a loss of {row['loss']:.3f} [{row['low']:.3f}, {row['high']:.3f}]."
    ]
    if "parameters" in row:
        said.append(
            f"Stopping there saves {100 * (1 - row['parameters']):.0f} % of the encoder's "
            f"parameters and {100 * (1 - row['arithmetic']):.0f} % of its arithmetic."
        )
    best = advice.loc[advice["loss"].idxmin()]
    if best["high"] < 0:
        said.append(
            f"Block {best['block']:.0f} is better than the last: {best['accuracy']:.3f}, a gain of "
            f"{-best['loss']:.3f} [{-best['high']:.3f}, {-best['low']:.3f}]."
        )
    return " ".join(said)


@torch.inference_mode()
def cost_rows(encoder: Encoder, given: dict[str, Tensor]) -> pd.DataFrame | None:
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
        name: weight.numel()
        for name, weight in encoder.model.named_parameters()
        if not any(word in name for word in OPTIONAL_WEIGHTS)
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
