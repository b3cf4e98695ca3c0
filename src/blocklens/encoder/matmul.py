"""Matrix products at the speed that the processor has.

PyTorch leaves float32 products on x86 to MKL, which takes the 512-bit instructions of Intel's
processors only: on an AMD processor that has them it reaches less than half of what oneDNN, which
PyTorch brings along, reaches in the same float32 arithmetic (docs/pretraining.md has the figures).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal, TypeVar

import torch
from jaxtyping import BFloat16, Float
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.weak import WeakTensorKeyDictionary

Made = TypeVar("Made")

LARGE = 256
"""Rows from which on a batch of products is taken apart: at 128 both ways take the same time."""


def fastest_precision() -> Literal["float32", "bfloat16"]:
    """bfloat16 where this processor multiplies it by instructions of its own, float32 elsewhere.

    Training runs on the processor. Without such instructions bfloat16 is computed by way of float32
    and is slower than it. Those of ARM processors are not taken: nobody measured them here.
    """
    return "bfloat16" if _has("avx512_bf16") or _has("amx_bf16") else "float32"


def linear(
    x: Float[Tensor, "rows features"],
    weight: Float[Tensor, "outputs features"],
    bias: Float[Tensor, " outputs"] | None,
) -> Float[Tensor, "rows outputs"]:
    """`functional.linear`, differentiable once.

    float32 products go through oneDNN where the processor has 512-bit instructions and this PyTorch
    the operation (it is the one that compiled models use); everything else is PyTorch's own choice.
    """
    if len(x) and _by_onednn(x):
        return _Linear.apply(x, weight, bias)  # type: ignore[no-any-return]
    return functional.linear(x, weight, bias)


def batched(
    a: Float[Tensor, "batch rows inner"],
    b: Float[Tensor, "batch inner columns"],
    out: Float[Tensor, "batch rows columns"],
) -> Float[Tensor, "batch rows columns"]:
    """`a` times `b`, in `out` or, if large, beside it.

    As `linear`, for products of `LARGE` rows, which oneDNN takes one by one; smaller ones take
    longer to begin than they save. A single large one comes in memory of its own: writing it to
    `out` as well would cost a third of the product.
    """
    if a.shape[1] < LARGE or not _by_onednn(a):
        return torch.bmm(a, b, out=out)
    if len(a) == 1:
        return _product(a[0], b[0].mT)[None]
    for rows, columns, place in zip(a, b, out, strict=True):
        place.copy_(_product(rows, columns.mT))
    return out


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            _product(gradient, weight.t()) if of_x else None,
            _product(gradient.t(), x.t()) if of_weight else None,
            gradient.sum(0) if of_bias else None,
        )


class Linear(nn.Linear):
    """`nn.Linear` by way of `linear`."""

    narrow = False
    """Whether products are taken in bfloat16 where no gradient is asked for."""

    def forward(self, input: Float[Tensor, "*rows features"]) -> Float[Tensor, "*rows outputs"]:
        """The layer's output of its input."""
        x = input.reshape(-1, self.in_features)
        if self.narrow and not torch.is_grad_enabled():
            bias = None if self.bias is None else rounded(self.bias)
            rows = functional.linear(x.bfloat16(), rounded(self.weight), bias).to(x.dtype)
        else:
            rows = linear(x, self.weight, self.bias)
        return rows.view(*input.shape[:-1], self.out_features)


def with_fast_products(model: nn.Module, *, narrow: bool = False) -> None:
    """Let the linear layers of a model compute by `linear`; weights and their names stay.

    Args:
        model: the model, which is changed.
        narrow: take products in bfloat16; weights, sums and all else keep their type.

    """
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = Linear
        if narrow and isinstance(module, Linear):
            module.narrow = True


_made: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def made_of(weight: Float[Tensor, " ..."], make: Callable[[Tensor], Made]) -> Made:
    """`make(weight)`, kept as long as the weight is, and made anew when it was changed."""
    made: dict[Any, tuple[int, Any]] = _made.get(weight) or {}
    if make not in made or made[make][0] != weight._version:
        made[make] = (weight._version, make(weight.detach()))
        _made[weight] = made
    return made[make][1]


def rounded(weight: Float[Tensor, "*shape"]) -> BFloat16[Tensor, "*shape"]:
    """A weight in bfloat16, see `made_of`."""
    return made_of(weight, Tensor.bfloat16)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(_dense(x), _dense(weight), bias, "none", [], "")


def operations() -> dict[Any, Callable[..., int]]:
    """What `torch.utils.flop_counter` has to know to count products that go through oneDNN."""
    if not _onednn():
        return {}

    def count(x: Sequence[int], weight: Sequence[int], *_: Any, **__: Any) -> int:
        return 2 * x[0] * x[1] * weight[0]

    return {torch.ops.mkldnn._linear_pointwise: count}


def _dense(matrix: Tensor) -> Tensor:
    """The matrix without gaps: on rows with gaps oneDNN is a thousand times slower."""
    if matrix.stride(0) < matrix.stride(1):
        return matrix.t().contiguous().t()  # copying it as it lies is faster than turning it
    return matrix.contiguous()


def _by_onednn(x: Tensor) -> bool:
    return x.dtype == torch.float32 and x.device.type == "cpu" and _onednn()


@cache
def _onednn() -> bool:
    return _has("avx512_f") and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _has(instructions: str) -> bool:
    """Whether the processor has them and oneDNN, which uses them, is there."""
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return torch.backends.mkldnn.is_available() and bool(capabilities.get(instructions))
