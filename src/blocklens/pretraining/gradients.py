"""One optimiser step by several processes, each with its share of the step's rows.

PyTorch's DistributedDataParallel averages over processes; here the mean is over modified positions,
of which every process has another number. So each adds up, and the sum is divided once by all.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from blocklens.distributed import Share
from blocklens.pretraining.packing import Batch


def gradients_of_all(
    share: Share, model: nn.Module, loss: Float[Tensor, ""], hits: Int64[Tensor, ""], batch: Batch
) -> tuple[Float[Tensor, ""], Int64[Tensor, ""], Batch]:
    """Leave in `model` the gradients of the mean loss over the rows of all processes.

    Args:
        share: which of the processes this is.
        model: the same on all of them.
        loss: mean over the modified positions of this process's rows.
        hits: of these.
        batch: this process's.

    Returns:
        Loss and hits of all processes; the batch with the numbers of all processes.

    """
    summed = loss * batch.modified
    summed.backward()
    here = [summed.item(), hits.item(), batch.modified, batch.tokens]
    total, right, modified, tokens = share.total(torch.tensor(here, dtype=torch.float64)).tolist()
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    flat = share.total(torch.cat([gradient.flatten() for gradient in gradients]))
    flat /= max(1.0, modified)
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
    batch = replace(batch, modified=int(modified), tokens=int(tokens))
    return loss.new_tensor(total / max(1.0, modified)), hits.new_tensor(int(right)), batch
