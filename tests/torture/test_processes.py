"""Commands under `torchrun` give the results of one process, and a killed process is one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import Inputs
from outcomes import same_results
from pandas.testing import assert_frame_equal

pytestmark = pytest.mark.slow

SHARED = ("finetune", "images", "scores", "sizes")
"""Commands of which every process's work is that of one process, batch by batch."""


class Job:
    """A command that `torchrun` starts twice."""

    def __init__(self, arguments: list[str], log: Path) -> None:
        self.log = log
        command = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, *command, "-m", "blocklens", *arguments],
                env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=file, stderr=file,
            )  # fmt: skip

    def workers(self) -> list[int]:
        """The processes of the command, the first one first."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        ranked = {}
        for word in children.read_text().split():
            said = Path(f"/proc/{word}/environ").read_bytes().split(b"\0")
            rank = [one.removeprefix(b"RANK=") for one in said if one.startswith(b"RANK=")]
            if rank:
                ranked[int(rank[0])] = int(word)
        return [ranked[rank] for rank in sorted(ranked)]

    def wait(self) -> tuple[int, list[str]]:
        """Its exit code, and what blocklens said of its end."""
        code = self.process.wait(900)
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return code, [line for line in lines if line.startswith("blocklens: ")]


def tables_in(folder: Path) -> dict[str, pd.DataFrame]:
    return {file.stem: pd.read_parquet(file) for file in (folder / "tables").glob("*.parquet")}


@pytest.mark.parametrize("name", SHARED)
def test_two_processes_write_the_bytes_of_one(name, inputs: Inputs, undisturbed, tmp_path):
    code, said = Job(inputs.command(name, tmp_path / "out"), tmp_path / "log").wait()
    assert (code, said) == (0, [])
    if name == "sizes":  # gradients are added in another order: equal within rounding
        one, two = (tables_in(folder) for folder in (undisturbed[name], tmp_path / "out"))
        numbers = one["training_runs"].select_dtypes("number")
        np.testing.assert_allclose(two["training_runs"][numbers.columns], numbers, rtol=1e-2)
    else:
        same_results(undisturbed[name], tmp_path / "out")


def test_two_processes_of_a_study_count_as_one_and_add_up_alike(inputs, undisturbed, tmp_path):
    code, said = Job(inputs.command("study", tmp_path / "out"), tmp_path / "log").wait()
    assert (code, said) == (0, [])
    one, two = tables_in(undisturbed["study"]), tables_in(tmp_path / "out")
    assert one.keys() == two.keys()
    for name, expected in one.items():
        exact = name in ("learning", "per_label", "clusters", "baseline", "anchors")
        whole = expected.select_dtypes("integer").columns
        assert_frame_equal(two[name][whole], expected[whole], obj=name)
        assert_frame_equal(
            two[name], expected, rtol=1e-6, atol=1e-9, check_exact=exact or None, obj=name
        )


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_ends_the_job_in_one_line_and_the_command_goes_on(
    victim, inputs, undisturbed, tmp_path
):
    out = tmp_path / "out"
    arguments = inputs.command("finetune", out)
    job = Job(arguments, tmp_path / "log")
    while not list((out / "runs").rglob("result.json")):
        assert job.process.poll() is None
        time.sleep(0.01)
    os.kill(job.workers()[victim], signal.SIGKILL)
    code, said = job.wait()
    assert code
    assert len(said) == 1
    assert "to go on: torchrun --nproc_per_node 2 -m blocklens finetune" in said[0]
    assert "Traceback" not in "".join(said)
    assert Job(arguments, tmp_path / "log").wait() == (0, [])
    same_results(undisturbed["finetune"], out)


@pytest.mark.parametrize(
    "command", ["claims", "compare", "explore", "figures", "predict", "segment"]
)
def test_a_command_that_cannot_gain_refuses_in_one_line(command, inputs, tmp_path):
    given = {
        "compare": [str(tmp_path), str(tmp_path)], "figures": [str(tmp_path)],
        "predict": [str(tmp_path), str(inputs.texts)], "segment": [str(inputs.notes)],
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "blocklens", command, *given.get(command, [])],
        env={**os.environ, "WORLD_SIZE": "2", "RANK": "0"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "and 2 processes were started: run it once, without torchrun" in done.stderr
    assert len(done.stderr.splitlines()) == 1
