"""A command killed at any moment, and given again, ends as if it had never been killed.

The moments are spread over each command's run, by its processor time. BLOCKLENS_KILLS is the number
of kills of each command, 12 without.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import time

import pytest
from commands import COMMANDS, Running
from outcomes import same_results

from conftest import COUNTED

pytestmark = [pytest.mark.slow, pytest.mark.torture]

KILLS = int(os.environ.get("BLOCKLENS_KILLS", "12"))
MOST_RUNS = 4
"""Kills of one folder, one after the other, before its command may end."""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_killed_command_loses_nothing(name, inputs, undisturbed, tmp_path):
    expected, seconds = undisturbed[name], undisturbed.seconds[name]
    out, killed, in_this_folder = tmp_path / "out", 0, 0
    for number in range(10 * KILLS):
        if killed >= KILLS and not in_this_folder:
            break
        resume = ["--resume"] if name == "pretrain" and (out / "options.json").exists() else []
        command = Running([*inputs.command(name, out), *resume], tmp_path / "log")
        if in_this_folder < MOST_RUNS and killed < KILLS:
            command.signal(signal.SIGKILL, after=seconds * ((0.07 + 0.618034 * number) % 1.0))
        ended = command.wait(600)
        if ended.code == -signal.SIGKILL:
            killed, in_this_folder = killed + 1, in_this_folder + 1
            COUNTED[f"SIGKILL of {name}", "went on"] += 1
            continue
        assert ended.code == 0, f"{number}: exit {ended.code}\n{ended.said[-3000:]}"
        same_results(expected, out)
        COUNTED[f"{name} after kills", "equal to one undisturbed"] += 1
        shutil.rmtree(out)
        in_this_folder = 0
    assert killed >= KILLS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_stopped_command_says_the_command_that_goes_on(
    name, number, inputs, undisturbed, tmp_path
):
    expected, seconds = undisturbed[name], undisturbed.seconds[name]
    out = tmp_path / "out"
    for share in (0.6, 0.3, 0.1, 0.02):  # it may end before that
        shutil.rmtree(out, ignore_errors=True)
        command = Running(inputs.command(name, out), tmp_path / "log")
        command.signal(number, after=seconds * share)
        ended = command.wait(600)
        if ended.code:
            break
    assert ended.code == 128 + number, ended.said[-2000:]
    last = ended.said.strip().splitlines()[-1]
    resume = " --resume" if name == "pretrain" else ""
    assert last.startswith("blocklens: stopped; to go on: blocklens ")
    assert last.endswith(shlex.join(inputs.command(name, out)) + resume)
    assert "Traceback" not in ended.said
    COUNTED[f"{signal.Signals(number).name}", f"exit {ended.code}"] += 1
    words = [*inputs.command(name, out)]
    if resume and (out / "options.json").exists():
        words.append("--resume")
    ended = Running(words, tmp_path / "log").wait(600)
    assert ended.code == 0, ended.said[-2000:]
    same_results(expected, out)


def test_two_commands_in_one_folder_are_one_and_a_refusal(inputs, undisturbed, tmp_path):
    out = tmp_path / "out"
    first = Running(inputs.command("study", out), tmp_path / "first")
    while not (out / ".running.json").exists():
        time.sleep(0.01)
    for name in COMMANDS:
        if name in ("segment", "scores", "predict"):  # they write in the end, or no folder
            continue
        second = Running(inputs.command(name, out), tmp_path / "second").wait(600)
        assert second.one_line, second
        COUNTED["two commands in one folder", "refused"] += 1
    assert first.wait(600).code == 0
    same_results(undisturbed["study"], out)
