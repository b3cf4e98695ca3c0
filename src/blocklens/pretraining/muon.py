"""AdamW, and Muon for the matrices of the blocks.

Muon (Jordan et al. 2024) replaces a matrix's momentum by the nearest matrix with equal singular
values, which five Newton-Schulz steps approximate. PyTorch's own Muon always computes these steps
in bfloat16, which most processors emulate slowly, and one matrix at a time; here equal shapes go
through one batched product, in the precision of the run. Embeddings, biases, layer norms and the
vocabulary bias are AdamW's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum over two-dimensional parameters of equal treatment.

    The update of an (out, in) matrix is scaled by `0.2 * sqrt(max(out, in))`, so that its entries
    have about the size of AdamW's and one learning rate and weight decay serve both (Liu et al.
    2025, "Muon is scalable for LLM training").
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        precision: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.precision = precision

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step for every parameter that has a gradient."""
        for group in self.param_groups:
            shapes: dict[tuple[int, ...], list[Tensor]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    shapes.setdefault(tuple(weight.shape), []).append(weight)
            for weights in shapes.values():
                self._step_equal_shapes(weights, group)

    def _step_equal_shapes(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        gradients = torch.stack([weight.grad for weight in weights if weight.grad is not None])
        for weight in weights:
            if not self.state[weight]:
                self.state[weight]["momentum"] = torch.zeros_like(weight)
        momenta = torch.stack([self.state[weight]["momentum"] for weight in weights])
        momenta.lerp_(gradients, 1 - group["momentum"])
        ahead = gradients.lerp_(momenta, group["momentum"])
        updates = orthogonalise(ahead.to(self.precision)).float()
        size = 0.2 * max(weights[0].shape) ** 0.5
        for weight, momentum, update in zip(weights, momenta, updates, strict=True):
            self.state[weight]["momentum"].copy_(momentum)
            weight.mul_(1 - group["lr"] * group["weight_decay"])
            weight.add_(update, alpha=-group["lr"] * size)


def orthogonalise(
    matrices: Float[Tensor, "matrices rows columns"],
) -> Float[Tensor, "matrices rows columns"]:
    """Newton-Schulz iteration: singular values become about 1."""
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.transpose(-1, -2) if tall else matrices
    x = x / (x.float().norm(dim=(-2, -1), keepdim=True).to(x.dtype) + 1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.transpose(-1, -2)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.transpose(-1, -2) if tall else x
