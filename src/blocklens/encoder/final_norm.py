"""The norm that a pre-norm trunk ends with, found by what it does.

The output of the last block of ModernBERT, ESM, EuroBERT, Megatron-BERT or a ViT comes with that
norm, those of the other blocks come without: what reads them all needs it first, as in the logit
lens. Post-norm trunks such as BERT have none. Its name differs from family to family, and some
norms beside the blocks are no such norm: CLIP's is for the pooled vector, DeBERTa's for positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


class FinalNorm:
    """A trunk's final norm, looked for in its first pass."""

    def __init__(self) -> None:
        self.sought = False
        self.norm: nn.Module | None = None

    def watched(self, model: nn.Module, **given: Any) -> Any:
        """What the trunk answers; in its first pass the norm that gives its last hidden state.

        The last block of a post-norm trunk ends with a norm as well: it lies within a block, and is
        none.
        """
        if self.sought:
            return model(**given)
        last: dict[nn.Module, Tensor] = {}

        def keep(module: nn.Module, _: Any, output: Tensor) -> None:
            last[module] = output

        hooks = [norm.register_forward_hook(keep) for norm in _norms_beside_blocks(model)]
        try:
            answer = model(**given)
        finally:
            for hook in hooks:
                hook.remove()
        state = answer.last_hidden_state
        of_state = (
            norm
            for norm, output in last.items()
            if output.shape == state.shape and torch.equal(output, state)
        )
        self.norm, self.sought = next(of_state, None), True
        return answer

    @torch.inference_mode()
    def on_every_block(
        self, outputs: Sequence[Float[Tensor, "... _"]]
    ) -> list[Float[Tensor, "... _"]]:
        """Outputs [..., width] of blocks 0..L, or rows of them, with the norm that the last has.

        Stages of a convolutional trunk differ in width; one that does not fit stays as it is.
        """
        norm, weight = self.norm, getattr(self.norm, "weight", None)
        return [
            norm(output)
            if norm is not None
            and block < len(outputs) - 1
            and (weight is None or weight.shape == output.shape[-1:])
            else output
            for block, output in enumerate(outputs)
        ]


def _norms_beside_blocks(model: nn.Module) -> Iterator[nn.Module]:
    """Norms in no list of modules, as blocks and stages are."""
    for name, module in model.named_modules():
        listed = any(part.isdigit() for part in name.split("."))
        if not listed and "norm" in type(module).__name__.lower():
            yield module
