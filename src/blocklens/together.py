"""Several processes of one command on this machine, started without loading PyTorch."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from blocklens.launched import TOGETHER
from blocklens.stopping import Stopped


def run_together(processes: int, arguments: Sequence[str]) -> int:
    """Run the command `blocklens` in several processes of this machine that share the work.

    As `torchrun --nproc_per_node` does, but PyTorch need not be loaded to start them. Each has its
    part of the processor's threads, unless `OMP_NUM_THREADS` says how many. Where one fails, or a
    signal stops this process, the others are stopped too.

    Args:
        processes: how many.
        arguments: of the command.

    Returns:
        The exit code of the first that failed, or 0.

    """
    threads = max(1, (os.cpu_count() or 1) // processes)
    shared = {
        "OMP_NUM_THREADS": str(threads),
        **os.environ,
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        TOGETHER: "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
    }
    command = [sys.executable, "-P", "-m", "blocklens", *arguments]
    started = [
        subprocess.Popen(command, env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(processes)
    ]
    try:
        while any(one.poll() is None for one in started) and not any(one.poll() for one in started):
            time.sleep(0.05)
    except Stopped:  # the first of them says how to go on
        pass
    code = next((one.returncode for one in started if one.poll()), 0)
    for one in started:
        if one.poll() is None:
            one.terminate()
    codes = [one.wait() for one in started]
    return code or next((one for one in codes if one), 0)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
