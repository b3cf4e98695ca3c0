"""A function of a benchmark in a fresh process, with the memory settings of the command line.

`blocklens` starts itself once more with glibc told to keep freed memory, since mapping it anew
costs more than the arithmetic in it. What is compared with it gets the same settings: every
process here, whichever side it runs, has them.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

THREADS = 2

SETTINGS = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "67108864",
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""What the command `blocklens` sets (`blocklens.__main__`)."""


def in_fresh_process(module: str, function: str, **arguments: Any) -> dict[str, Any]:
    """The JSON-able result of `module.function(**arguments)`, called in a new Python.

    Raises:
        RuntimeError: the process failed; the message ends with what it wrote.

    """
    environment = {
        **os.environ,
        **SETTINGS,
        "OMP_NUM_THREADS": str(THREADS),
        "OPENBLAS_NUM_THREADS": str(THREADS),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.fresh", module, function, json.dumps(arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module}.{function}({arguments}) failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Call the function and print its result as the last line."""
    import torch

    torch.set_num_threads(THREADS)
    module, function, arguments = sys.argv[1:]
    found = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
