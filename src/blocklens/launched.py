"""What a launcher such as `torchrun` says of this process, without loading PyTorch."""

from __future__ import annotations

import os

from blocklens.errors import UserError

TOGETHER = "BLOCKLENS_TOGETHER"
"""In the environment of the processes that one command started with `--processes`."""


def launched() -> bool:
    """Whether this is one of several processes that were started together."""
    return os.environ.get("WORLD_SIZE", "1") != "1"


def launcher() -> list[str]:
    """The words before a command's arguments, as this process was started with its others."""
    here, world = (os.environ.get(name, "1") for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"))
    if world == "1" or TOGETHER in os.environ:
        return ["blocklens"]
    machines = [] if here == world else ["--nnodes", str(int(world) // int(here)), "..."]
    return ["torchrun", *machines, "--nproc_per_node", here, "-m", "blocklens"]


def refuse_torchrun(what: str, why: str) -> None:
    """Refuse to do the same thing several times at once, which is all that `torchrun` would do.

    Raises:
        UserError: other processes were started beside this one.

    """
    world = os.environ.get("WORLD_SIZE", "1")
    if world != "1":
        raise UserError(
            f"{what}: {why}, and {world} processes were started: run it once, without torchrun"
        )
