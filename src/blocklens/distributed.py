"""The same run on several processes: each takes its share of the work, and the sums are added.

    torchrun --nproc_per_node 4 -m blocklens study texts/ --encoder ...

Start with `torchrun`. (`accelerate launch --cpu` was seen to start processes that each believe to
be alone; here the world size that the launcher names must be the one that PyTorch sees.)
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from jaxtyping import Num
from torch import Tensor

T = TypeVar("T")

LONGEST_WAIT = timedelta(days=7)
"""Of a process for the others: one may train read-outs for hours meanwhile. A process that fails
does not keep them waiting: `torchrun` ends them all."""


@dataclass(frozen=True)
class Share:
    """Which of a number of processes this is."""

    rank: int = 0
    world: int = 1
    store: Any = field(default=None, compare=False, repr=False)

    def takes(self, number: int) -> bool:
        """Whether this process takes number `number` of something: every world-th is its own.

        Batches are shared, not texts: they are put together as one process would, so that what is
        computed of them is the same to the last digit.
        """
        return number % self.world == self.rank

    def claims(self, name: str) -> bool:
        """Whether this process is the first to ask for `name`: work for whoever is free."""
        return self.world == 1 or self.store.add(name, 1) == 1

    def gather(self, value: T) -> list[T] | None:
        """Every process's value in the order of ranks on the first process, None on the others."""
        if self.world == 1:
            return [value]
        gathered: list[Any] | None = [None] * self.world if self.rank == 0 else None
        dist.gather_object(value, gathered)
        return gathered

    def same(self, value: T) -> T:
        """The first process's value, on all of them."""
        if self.world == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values)
        return values[0]

    def total(self, tensor: Num[Tensor, "*shape"]) -> Num[Tensor, "*shape"]:
        """The sum of every process's tensor, in place and on all of them."""
        if self.world > 1:
            dist.all_reduce(tensor)
        return tensor

    def wait(self) -> None:
        """Until every process is here."""
        if self.world > 1:
            dist.barrier()


ALONE = Share()
joined: Share | None = None
"""This process's share, once it has joined others."""


def join() -> Share:
    """Join the other processes that `torchrun` started; alone, a share of everything.

    Raises:
        RuntimeError: the launcher names another world size than PyTorch sees.

    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Share()
    global joined
    if joined is None:
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        c10d: Any = dist  # PyTorch's type hints leave these out
        store, rank, seen = next(c10d.rendezvous("env://", timeout=LONGEST_WAIT))
        if seen != world:
            raise RuntimeError(f"WORLD_SIZE is {world}, but {seen} processes joined")
        dist.init_process_group(
            backend, store=c10d.PrefixStore("group", store), rank=rank, world_size=world,
            timeout=LONGEST_WAIT,
        )  # fmt: skip
        joined = Share(rank, world, c10d.PrefixStore("claims", store))
    return joined
