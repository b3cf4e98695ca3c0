"""The command `blocklens`, also as `python -m blocklens`."""

from __future__ import annotations

import os
import sys

MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "67108864",
}
"""Let the C library keep freed memory: mapping it anew costs more than the arithmetic in it."""


def main() -> None:
    """Run the command line, with memory settings that glibc reads when a process starts.

    So the command starts itself once more, before anything is imported. Threads of PyTorch that
    have nothing to do sleep: spinning, they take the processor from whoever else computes here.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if sys.platform == "linux" and not MEMORY.keys() & os.environ.keys():
        os.environ.update(MEMORY)
        # -P: a folder named blocklens where the user stands must not be taken for the package.
        os.execv(sys.executable, [sys.executable, "-P", "-m", "blocklens", *sys.argv[1:]])
    from blocklens import cli

    cli.main()


if __name__ == "__main__":
    main()
