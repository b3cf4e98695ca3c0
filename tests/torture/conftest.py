"""What the torture counts, as one table at its end; small inputs, and each command undisturbed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from commands import COMMANDS, Inputs, Running

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


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return Inputs.make(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="session")
def undisturbed(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The folder that every command writes when nothing goes wrong; each is made once.

    "seconds of": how long each took.
    """
    base = tmp_path_factory.mktemp("undisturbed")
    seconds = {}
    for name in COMMANDS:
        ended = Running(inputs.command(name, base / name), base / f"{name}.log").wait(900)
        assert ended.code == 0, ended
        seconds[name] = ended.seconds
    return {**{name: base / name for name in COMMANDS}, "seconds of": seconds}
