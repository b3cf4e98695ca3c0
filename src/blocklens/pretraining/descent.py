"""AdamW under a linear schedule: the one optimiser of heads, classifiers and image models.

The rate rises over a share of the steps and falls linearly to zero. Matrices have weight decay;
biases and norms have none. Pre-training itself goes by the clock and may use Muon: its schedule is
in `training`, but what is decayed is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn


def is_matrix(weight: Float[Tensor, " ..."]) -> bool:
    """Whether a parameter is no bias and no norm."""
    return weight.ndim > 1


def apart(
    parameters: Iterable[Float[Tensor, " ..."]], decays: Callable[[Tensor], bool] = is_matrix
) -> tuple[list[Float[Tensor, " ..."]], list[Float[Tensor, " ..."]]]:
    """The parameters that have weight decay, and the others."""
    parameters = list(parameters)
    return [w for w in parameters if decays(w)], [w for w in parameters if not decays(w)]


class Descent:
    """An optimiser with its schedule; `step` takes a loss.

    Args:
        parameters: what is trained; those that need no gradient are left out.
        decays: which of them have weight decay.
        rate: the highest learning rate.
        weight_decay: of the decayed.
        steps: how many there will be.
        warm_up: share of the steps over which the rate rises.
        clip: largest norm of a gradient; None for any.

    """

    def __init__(
        self,
        parameters: Iterable[Float[Tensor, " ..."]],
        *,
        decays: Callable[[Tensor], bool] = is_matrix,
        rate: float,
        weight_decay: float,
        steps: int,
        warm_up: float,
        clip: float | None = None,
    ) -> None:
        self.parameters = [weight for weight in parameters if weight.requires_grad]
        self.clip = clip
        decayed, others = apart(self.parameters, decays)
        self.optimiser = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=rate,
            fused=True,
        )
        factor = linear_decay(steps, warm_up)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, factor)

    def step(self, loss: Float[Tensor, ""]) -> None:
        """One step down the gradient of the loss."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimiser.step()
        self.schedule.step()


def linear_decay(steps: int, warm_up: float) -> Callable[[int], float]:
    """The rate's factor at each step: up over a share `warm_up` of the steps, then down to 0."""
    warm = max(1, int(steps * warm_up))
    return lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))
