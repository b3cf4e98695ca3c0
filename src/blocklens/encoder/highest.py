"""The label of the highest score among many, at the speed of bfloat16 and as float32 has it.

Products in bfloat16 are several times as fast, and their error has a bound. So they only say which
labels can be the highest; float32 decides among those, about two a row.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from blocklens.encoder import matmul
from blocklens.encoder.cross_entropy import rows_at_once

ROUNDING = 2.0**-8
"""Largest relative error of a number that is rounded to bfloat16."""

TOGETHER = 64
"""Labels of which the largest score is looked at first."""

MOST_CANDIDATES = 64
"""With more candidates a row than this, float32 computes all scores."""


@torch.inference_mode()
def highest(
    x: Float[Tensor, "rows features"],
    weight: Float[Tensor, "labels features"],
    bias: Float[Tensor, " labels"],
) -> Int64[Tensor, " rows"]:
    """The label of the highest of `x @ weight.T + bias` for each row, the first of equals.

    `x`, `weight` and `bias` are float32. Scores are computed a few rows at a time.
    """
    highest = torch.empty(len(x), dtype=torch.int64)
    step = 2 * rows_at_once(len(weight))  # those in bfloat16 are half as large
    narrow = x.device.type == "cpu" and matmul.fastest_precision() == "bfloat16"
    for start in range(0, len(x), step):
        some = x[start : start + step]
        best = _screened(some, weight, bias) if narrow else None
        highest[start : start + step] = _all_scores(some, weight, bias) if best is None else best
    return highest


def _all_scores(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    scores = matmul.linear(x, weight, bias)
    if scores.device.type == "cpu":  # NumPy's is several times as fast as PyTorch's
        return torch.from_numpy(scores.numpy().argmax(axis=1))
    return scores.argmax(dim=1)


def _screened(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor | None:
    """The same by way of bfloat16; None where it leaves too many candidates, or a row none.

    A product of two rounded vectors is off by at most 2 u |x| |w|; its bias and its own rounding
    add u |b| and u |score|. A label can be the highest if it lies within two such errors of it.
    """
    decoder, length = matmul.made_of(weight, _narrow)
    rows, padding = len(x), len(decoder) - len(weight)
    shift = torch.nn.functional.pad(bias, (0, padding), value=-torch.inf).to(torch.bfloat16)
    groups = torch.nn.functional.linear(x.to(torch.bfloat16), decoder, shift)
    groups = groups.view(rows, -1, TOGETHER)
    of_groups = groups.amax(dim=2).float()
    most = of_groups.amax(dim=1, keepdim=True)
    error = 2.1 * length * x.norm(dim=1, keepdim=True) + 2.1 * most.abs() + 1.1 * bias.abs().max()
    limit = most - 2 * ROUNDING * error
    row, group = (of_groups >= limit).nonzero(as_tuple=True)
    if len(row) > MOST_CANDIDATES * rows:
        return None
    which, label = (groups[row, group].float() >= limit[row]).nonzero(as_tuple=True)
    row, label = row[which], label + TOGETHER * group[which]
    if len(row) > MOST_CANDIDATES * rows or len(row.unique_consecutive()) < rows:
        return None
    exact = torch.linalg.vecdot(x[row], weight[label]) + bias[label]
    order = np.lexsort((label.numpy(), -exact.numpy(), row.numpy()))
    _, first = np.unique(row.numpy()[order], return_index=True)
    return label[torch.from_numpy(order[first])]


def _narrow(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A decoder in bfloat16, filled up to whole groups by zeros; length of its longest row."""
    padding = -len(weight) % TOGETHER
    rounded = torch.nn.functional.pad(weight.to(torch.bfloat16), (0, 0, 0, padding))
    return rounded, weight.norm(dim=1).max()
