"""Long jobs say how far they are to whoever watches, in the units that are counted."""

import io
import sys
from typing import Any

import pytest

from blocklens import progress
from blocklens.progress import NOTEBOOK, SILENT, shown


class Clock:
    """Seconds that pass only when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", clock)
    return clock


def lines(capsys):
    said = capsys.readouterr().err
    return [line.split(" ", 1)[1] for line in said.splitlines()]  # without the time of day


def test_a_log_file_gets_a_line_a_minute_with_rate_and_time_left_and_one_at_the_end(capsys, clock):
    with shown("my-bert") as seen, seen.stage("heads", 400, "rows") as stage:
        for second in range(1, 101):
            clock.now = second
            stage.advance(2)
        assert lines(capsys) == ["heads: 120 of 400 rows, 2 a second, 2:20 left"]
        stage.reach(400)
    assert lines(capsys) == ["heads: 400 rows in 1:40"]


def test_a_stage_counts_its_time_from_its_own_beginning(capsys, clock):
    with shown() as seen:
        clock.now = 1000
        with seen.stage("second", 10) as stage:
            clock.now = 1005
            stage.reach(10)
    assert lines(capsys) == ["second: 10 texts in 5.0 s"]


def test_what_stopped_early_says_how_far_it_came(capsys, clock):
    with pytest.raises(ValueError, match="stopped"), shown() as seen, seen.stage("a", 10):
        raise ValueError("stopped")
    assert lines(capsys) == ["a: 0 of 10 texts in 0.0 s"]


def test_a_step_stands_before_the_name_of_its_stages(capsys, clock):
    with shown() as seen, seen.within("twin 0").within("learned").stage("clusters", 3, "blocks"):
        pass
    assert lines(capsys)[0].startswith("twin 0: learned: clusters: 0 of 3 blocks")


def test_a_note_and_what_is_not_counted_are_said_too(capsys):
    with shown() as seen:
        seen.within("run 1").say("warning: a state was damaged")
        with seen.stage("training", None, "steps") as stage:
            stage.note = "loss 2.100"
            stage.advance(5)
    first, second = lines(capsys)
    assert first == "run 1: warning: a state was damaged"
    assert second.startswith("training: 5 steps in")
    assert second.endswith(", loss 2.100")


def test_only_the_first_of_several_processes_speaks(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    with shown("my-bert") as seen, seen.stage("heads", 2) as stage:
        stage.advance(2)
    assert not lines(capsys)


def test_a_terminal_has_a_bar_in_the_units_that_are_counted(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with shown("my-bert") as seen, seen.stage("heads [x]", 4, "rows") as stage:
        stage.advance(3)
        stage.advance()
    said = terminal.getvalue()
    assert "my-bert" in said
    assert "rows" in said
    assert "heads [x]: 4 rows in" in said  # stays when the bar has gone


def test_nobody_hears_of_a_silent_job(capsys):
    for one in (SILENT, NOTEBOOK):  # a test is no notebook
        with one.within("a").stage("b", 3) as stage:
            stage.advance(2)
        assert stage.done == 2
    assert not lines(capsys)


def test_a_notebook_draws_bars_of_its_own(monkeypatch):
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    with NOTEBOOK.stage("heads", 4, "rows") as stage:
        drawn: Any = stage
        stage.advance(3)
        assert drawn.bar.n == 3
        assert drawn.bar.total == 4
