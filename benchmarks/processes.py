"""What the split costs on one machine: two processes of one thread beside one process of two.

Whole commands, as `torchrun` starts them; the time is the one that the stages themselves report, so
that starting up (twice) is not in it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fresh import ROOT, SETTINGS
from benchmarks.timing import in_turn

PRETRAIN = ["--preset", "tiny", "--blocks", "6", "--heads", "6", "--width", "192", "--rows", "32",
            "--vocabulary", "4000", "--validation", "0.2", "--precision", "float32"]  # fmt: skip
STAGES = {
    "all head measures, embedded encoder": ("heads, encoder", ["study", "--parts", "heads",
        "--untrained", "0", "--no-shuffled", "--examples", "0"]),
    "read-outs, embedded encoder": ("learned, encoder", ["study", "--parts", "learned",
        "--untrained-read-outs", "0"]),
    "pre-training, BERT-6 of width 192": ("training", ["pretrain", *PRETRAIN]),
}  # fmt: skip
"""What is timed: the stages whose times are taken, and their command."""
SIZES = {"study": ["--texts", "150"], "pretrain": ["--steps", "40"]}
QUICK = {"study": ["--texts", "25"], "pretrain": ["--steps", "4"]}


def run(quick: bool = False) -> list[dict[str, Any]]:
    """A row a stage: the time of 2 x 1 over that of 1 x 2."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder) / "texts.jsonl"
        write_prose(texts)
        for name, (stage, command) in STAGES.items():
            sizes = (QUICK if quick else SIZES)[command[0]]
            given = [command[0], str(texts), *command[1:], *sizes]
            found = in_turn(
                partial(timed, 2, stage, given),
                partial(timed, 1, stage, given),
                pairs=1 if quick else 3,
                warm_up=0,
            )
            row = {"name": f"two processes of one thread / one of two: {name}", "limit": None}
            rows.append({**row, "value": found["ratio"], "holds": True, "unit": "times", **found})
    return rows


def write_prose(file: Path) -> None:
    """The prose that comes with Python, as records."""
    from blocklens.embedded.prose import texts

    file.write_text("".join(json.dumps({"text": one.text}) + "\n" for one in texts()), "utf-8")


def timed(processes: int, stage: str, command: list[str]) -> float:
    """Seconds that a stage of a command took with so many processes, two threads in all."""
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, *(several if processes == 2 else []), "-m", "blocklens", *command,
             "--out", f"{folder}/out"],
            cwd=ROOT, env={**os.environ, **SETTINGS, "OMP_NUM_THREADS": str(2 // processes)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    found = re.findall(rf" {stage}: .* in ([\d:.]+)(?: s)?(?:,|$)", done.stderr, re.MULTILINE)
    if not found:
        raise RuntimeError(f"{stage} was not told: {done.stderr[-500:]}")
    return sum(seconds_of(one) for one in found)


def seconds_of(duration: str) -> float:
    """Of "3.2" or "1:04:05"."""
    seconds = 0.0
    for part in duration.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds
