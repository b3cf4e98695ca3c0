"""What the torture counts, as one table at its end; small inputs, and each command undisturbed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from commands import Inputs, Running

COUNTED: Counter[tuple[str, str]] = Counter()
"""How often each thing was done, by (what, how it ended)."""


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One table of all that was done."""
    if not COUNTED:
        return
    terminalreporter.section("torture")
    for what in dict.fromkeys(what for what, _ in COUNTED):
        ways = {how: n for (one, how), n in COUNTED.items() if one == what}
        total = sum(ways.values())
        said = ", ".join(f"{n:,} {how}" for how, n in sorted(ways.items(), key=lambda x: -x[1]))
        terminalreporter.write_line(f"{what:<40}{total:>7,}   {said}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Of several workers (pytest-xdist) each hands over what it counted."""
    handed: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if handed is not None:
        handed["counted"] = [[*key, n] for key, n in COUNTED.items()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker counted."""
    for what, how, n in getattr(node, "workeroutput", {}).get("counted", []):
        COUNTED[what, how] += n


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return Inputs.make(tmp_path_factory.mktemp("inputs"))


class Undisturbed(dict[str, Path]):
    """The folder that each command writes when nothing goes wrong, made when it is asked for.

    `seconds`: of processor time that each took.
    """

    def __init__(self, inputs: Inputs, base: Path) -> None:
        self.inputs, self.base = inputs, base
        self.seconds: dict[str, float] = {}

    def __missing__(self, name: str) -> Path:
        folder, log = self.base / name, self.base / f"{name}.log"
        ended = Running(self.inputs.command(name, folder), log).wait(900)
        assert ended.code == 0, ended
        self[name], self.seconds[name] = folder, ended.processor
        return folder


@pytest.fixture(scope="session")
def undisturbed(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return Undisturbed(inputs, tmp_path_factory.mktemp("undisturbed"))
