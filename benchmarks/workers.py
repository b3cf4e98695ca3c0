"""One side of a comparison in a process of its own, run pass by pass from outside.

So that two sides can be timed in turn although each has its own environment: `blocklens` with the
memory settings that its command gives itself, the other ways in the environment people have.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, Self

from benchmarks.fresh import ROOT, SETTINGS, THREADS
from benchmarks.timing import seconds
from benchmarks.workload import TOKENS_AT_ONCE, random_bert, random_windows

WINDOWS = {128: 16, 512: 8}
"""Windows of a pass by their tokens, and a batch of the other ways: everyday batch sizes."""


class Process:
    """A module of this folder in a process of its own, which answers line by line.

    Args:
        arguments: what comes after `python -m`.
        tuned: whether the process has the memory settings of the `blocklens` command.

    """

    def __init__(self, *arguments: str, tuned: bool) -> None:
        environment = {k: v for k, v in os.environ.items() if k not in SETTINGS}
        environment |= {"OMP_NUM_THREADS": str(THREADS), "HF_HUB_OFFLINE": "1"}
        if tuned:
            environment |= SETTINGS
        self._process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def ask(self, line: str = "") -> str:
        """The answer to a line."""
        assert self._process.stdin
        print(line, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith("> "):
                return line[2:]
        raise RuntimeError("a benchmark's process ended early")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._process.kill()
        self._process.wait()


class Worker(Process):
    """A process that holds one side and runs one pass over the windows when asked.

    Args:
        side: a name of `sides.SIDES`.
        shape: a name of `workload.SHAPES`.
        tokens: of every window.
        batch: windows at once; None for as many as blocklens takes.
        tuned: whether the process has the memory settings of the `blocklens` command.

    """

    def __init__(
        self, side: str, shape: str, tokens: int, *, batch: int | None, tuned: bool
    ) -> None:
        size = batch or max(1, TOKENS_AT_ONCE // tokens)
        super().__init__("benchmarks.workers", side, shape, str(tokens), str(size), tuned=tuned)

    def __call__(self) -> float:
        """Seconds of one pass."""
        return float(self.ask())


def main() -> None:
    """Hold one side; run a pass for each line on standard input and print its seconds."""
    import torch

    from benchmarks.sides import SIDES

    torch.set_num_threads(THREADS)
    name, shape, tokens, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    side = SIDES[name](random_bert(shape), tokens)
    windows = random_windows(WINDOWS[tokens], tokens)
    batches = [windows[start : start + size] for start in range(0, WINDOWS[tokens], size)]
    print("> ready", flush=True)
    for _ in sys.stdin:
        print(f"> {seconds(lambda: [side(batch) for batch in batches])}", flush=True)


if __name__ == "__main__":
    main()
