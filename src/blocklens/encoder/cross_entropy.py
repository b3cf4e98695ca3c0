"""Mean cross-entropy over many labels whose scores are never all held.

The gradients are computed in the forward pass, where the scores are at hand: each score is written
once and overwritten by its gradient. PyTorch's own way writes them four times, at the full size
[rows, labels], and takes about twice as long (docs/pretraining.md).
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from blocklens.encoder import matmul

SCORES_AT_ONCE = 1 << 22
"""Scores (rows x labels) held at once, 16 MB: enough rows for full speed of the matrix product."""

FEWEST_ROWS = 128
"""Rows at once of however many labels: with fewer, reading the weights takes longer than the
arithmetic. Of 250,000 labels they are 128 MB."""


def rows_at_once(labels: int) -> int:
    """Rows whose scores of so many labels are held at once."""
    return max(FEWEST_ROWS, SCORES_AT_ONCE // labels)


def cross_entropy(
    features: Float[Tensor, "rows features"],
    weight: Float[Tensor, "labels features"],
    bias: Float[Tensor, " labels"],
    labels: Int64[Tensor, " rows"],
    precision: torch.dtype | None = None,
) -> tuple[Float[Tensor, ""], Int64[Tensor, ""]]:
    """Mean cross-entropy of `features @ weight.T + bias`, and how many highest scores are right.

    Rows with a negative label do not count. `precision` of the products: by default that of
    `features`, which all else has.
    """
    return _CrossEntropy.apply(  # type: ignore[no-any-return]
        features, weight, bias, labels, precision or features.dtype, torch.is_grad_enabled()
    )


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        labels: Tensor,
        precision: torch.dtype,
        gradients: bool,
    ) -> tuple[Tensor, Tensor]:
        counted = labels >= 0
        rows, all_count = int(counted.sum()), bool(counted.all())
        given, decoder, shift = (one.to(precision) for one in (features, weight, bias))
        if precision == torch.bfloat16 != weight.dtype and not weight.requires_grad:
            decoder = matmul.rounded(weight)
        to_features = torch.empty_like(features)
        to_weight = torch.zeros_like(weight) if gradients and weight.requires_grad else None
        to_bias = torch.zeros_like(bias)
        loss = features.new_zeros((), dtype=torch.float64)
        hits = labels.new_zeros(())
        step = rows_at_once(len(weight))
        for start in range(0, len(labels), step):
            here = slice(start, start + step)
            wanted = labels[here].clamp_min(0)[:, None]
            scores = matmul.linear(given[here], decoder, shift).to(features.dtype)
            torch.softmax(scores, dim=1, out=scores)
            at_label = scores.gather(1, wanted)
            hits += ((at_label >= scores.amax(dim=1, keepdim=True))[:, 0] & counted[here]).sum()
            logs = at_label.clamp_min(torch.finfo(scores.dtype).tiny).log()[:, 0]
            loss -= (logs * counted[here]).sum()
            if not gradients:
                continue
            scores.scatter_add_(1, wanted, -torch.ones_like(at_label))
            if not all_count:
                scores *= counted[here, None]
            to_bias += scores.sum(dim=0)
            scores = scores.to(precision)
            to_features[here] = matmul.linear(scores, decoder.T, None)
            if to_weight is not None:
                to_weight += matmul.linear(scores.T, given[here].T, None)
        kept = [to_features, to_bias] if to_weight is None else [to_features, to_bias, to_weight]
        if gradients:
            ctx.save_for_backward(*(gradient.div_(max(1, rows)) for gradient in kept))
        ctx.mark_non_differentiable(hits)
        return (loss / max(1, rows)).to(features.dtype), hits

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        to_features, to_bias, *rest = ctx.saved_tensors
        scale = outer[0]
        to_weight = rest[0] * scale if rest else None
        return to_features * scale, to_weight, to_bias * scale, None, None, None
