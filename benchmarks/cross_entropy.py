"""The loss of many labels, whose scores are never all held, beside PyTorch's own.

    python -m benchmarks.cross_entropy

Forward and backward of the mean cross-entropy of 1,430 rows of width 192 over 8,192 labels, whose
vectors are trained as well, in turn, on one thread: what a step of pre-training asks for.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.timing import paired
from blocklens.encoder import matmul
from blocklens.encoder.cross_entropy import cross_entropy

ROWS, WIDTH, LABELS = 1_430, 192, 8_192


def work(precision: torch.dtype) -> tuple[Callable[[], None], Callable[[], None]]:
    """Ours, and PyTorch's loss of the same products, with the right answers counted by both."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(ROWS, WIDTH, generator=generator).requires_grad_()
    weight = (0.1 * torch.randn(LABELS, WIDTH, generator=generator)).requires_grad_()
    bias = torch.zeros(LABELS, requires_grad=True)
    labels = torch.randint(LABELS, (ROWS,), generator=generator)

    def ours() -> tuple[Tensor, Tensor]:
        return cross_entropy(features, weight, bias, labels, precision)

    def stock() -> tuple[Tensor, Tensor]:
        given = (one.to(precision) for one in (features, weight, bias))
        scores = matmul.linear(*given).float()
        hits = (scores.detach().argmax(dim=1) == labels).sum()
        return functional.cross_entropy(scores, labels), hits

    def step(loss_of: Callable[[], tuple[Tensor, Tensor]]) -> None:
        loss, _ = loss_of()
        torch.autograd.grad(loss, (features, weight, bias))

    return lambda: step(ours), lambda: step(stock)


def main() -> None:
    """Print the medians of both precisions."""
    torch.set_num_threads(1)
    for precision in (torch.float32, torch.bfloat16):
        found = paired(*work(precision), pairs=20, warm_up=3)
        print(
            f"{precision}: ours {1000 * found['first_seconds']:.0f} ms, PyTorch's "
            f"{1000 * found['second_seconds']:.0f} ms, ratio {found['ratio']:.2f}"
        )


if __name__ == "__main__":
    main()
