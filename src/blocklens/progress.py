"""How far a long job is: named stages that count, silent unless someone listens.

    with progress.stage("read-outs", epochs, "epochs") as stage:
        for _ in range(epochs):
            ...
            stage.advance()

A function that takes long has an argument `progress: Progress = SILENT` and hands it on. Who shows
it is decided once, by whoever starts the job: `shown()` for the command line, `NOTEBOOK` for what a
notebook calls. A stage counts from its own beginning, in its own unit.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import IO, Any

A_MINUTE = 60.0
"""Seconds between two lines of a stage in a log file."""


class Stage:
    """One thing that is being done, counted in `unit`.

    `total` is None where it is not known, or not yet; `note` is what else there is to say, such as
    the loss. Both are shown when the stage counts on.
    """

    def __init__(self, name: str, total: int | None, unit: str) -> None:
        self.name, self.total, self.unit = name, total, unit
        self.done = 0
        self.note = ""
        self.began = time.monotonic()

    def advance(self, count: int = 1) -> None:
        """So many more are done."""
        self.reach(self.done + count)

    def reach(self, done: int) -> None:
        """So many are done in all."""
        self.done = done

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """The stage ends; what is shown of it stays as it is."""


class Progress:
    """Gives out stages; this one shows nothing."""

    def stage(self, name: str, total: int | None = None, unit: str = "texts") -> Stage:
        """Begin something that will count up to `total` in `unit`."""
        return Stage(name, total, unit)

    def say(self, line: str) -> None:
        """Something to know that is not counted."""

    def within(self, name: str) -> Progress:
        """The same, with `name` before the name of every stage: the step of a study, say."""
        return _Within(self, name)


class _Within(Progress):
    def __init__(self, outer: Progress, name: str) -> None:
        self.outer, self.name = outer, name

    def stage(self, name: str, total: int | None = None, unit: str = "texts") -> Stage:
        return self.outer.stage(f"{self.name}: {name}" if name else self.name, total, unit)

    def say(self, line: str) -> None:
        self.outer.say(f"{self.name}: {line}")


class _Notebook(Progress):
    """Bars as notebooks draw them; silent outside of a notebook."""

    def stage(self, name: str, total: int | None = None, unit: str = "texts") -> Stage:
        return _NotebookBar(name, total, unit) if in_notebook() else Stage(name, total, unit)


class _NotebookBar(Stage):
    def __init__(self, name: str, total: int | None, unit: str) -> None:
        super().__init__(name, total, unit)
        from tqdm.auto import tqdm

        self.bar: Any = tqdm(total=total, desc=name, unit=f" {unit}")

    def reach(self, done: int) -> None:
        self.bar.update(done - self.done)
        self.done = done

    def __exit__(self, *_: object) -> None:
        self.bar.close()


class _Bars(Progress):
    """Bars on a terminal, one for each stage that goes on; a line stays of each that has ended."""

    def __init__(self, bars: Any) -> None:
        self.bars = bars  # a rich.progress.Progress

    def stage(self, name: str, total: int | None = None, unit: str = "texts") -> Stage:
        return _Bar(self.bars, name, total, unit)

    def say(self, line: str) -> None:
        self.bars.console.print(line, highlight=False, markup=False, soft_wrap=True)


class _Bar(Stage):
    def __init__(self, bars: Any, name: str, total: int | None, unit: str) -> None:
        super().__init__(name, total, unit)
        self.bars = bars
        self.task = bars.add_task(name, total=total, unit=unit, note="")

    def reach(self, done: int) -> None:
        self.done = done
        self.bars.update(self.task, completed=done, total=self.total, note=self.note)

    def __exit__(self, *_: object) -> None:
        self.bars.remove_task(self.task)
        self.bars.console.print(ended(self), highlight=False, markup=False, soft_wrap=True)


class _Lines(Progress):
    """Lines for a log file: one when a stage has ended, and one a minute while it goes on."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file

    def stage(self, name: str, total: int | None = None, unit: str = "texts") -> Stage:
        return _Line(self, name, total, unit)

    def say(self, line: str) -> None:
        self.file.write(f"{time.strftime('%H:%M:%S')} {line}\n")
        self.file.flush()


class _Line(Stage):
    def __init__(self, lines: _Lines, name: str, total: int | None, unit: str) -> None:
        super().__init__(name, total, unit)
        self.lines, self.said = lines, self.began

    def reach(self, done: int) -> None:
        self.done = done
        now = time.monotonic()
        if now - self.said >= A_MINUTE:
            self.said = now
            self.lines.say(going(self))

    def __exit__(self, *_: object) -> None:
        self.lines.say(ended(self))


def going(stage: Stage) -> str:
    """A line for a stage that goes on: its count, its rate, and the time it will take."""
    seconds = time.monotonic() - stage.began
    rate = stage.done / seconds if seconds else 0.0
    of = f" of {stage.total:,}" if stage.total else ""
    line = f"{stage.name}: {stage.done:,}{of} {stage.unit}, {rate:,.3g} a second"
    if stage.total and rate:
        line += f", {duration(max(stage.total - stage.done, 0) / rate)} left"
    return line + (f", {stage.note}" if stage.note else "")


def ended(stage: Stage) -> str:
    """A line for a stage that has ended."""
    short = f" of {stage.total:,}" if stage.total and stage.done < stage.total else ""
    seconds = time.monotonic() - stage.began
    note = f", {stage.note}" if stage.note else ""
    return f"{stage.name}: {stage.done:,}{short} {stage.unit} in {duration(seconds)}{note}"


def duration(seconds: float) -> str:
    """`3.2 s`, `4:05` or `1:04:05`."""
    if seconds < A_MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this, which draws what a program shows."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and "IPKernelApp" in shell.config


def first_process() -> bool:
    """Whether this is the one that speaks, of the processes that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def shown(title: str = "") -> Iterator[Progress]:
    """Progress on standard error: bars on a terminal, lines elsewhere, from the first process only.

    `title`: what the job is about, said before its stages.
    """
    if not first_process():
        yield SILENT
    elif not sys.stderr.isatty():
        yield _Lines(sys.stderr)
    else:
        from rich import progress as rich
        from rich.console import Console

        console = Console(stderr=True)
        if title:
            console.print(title, style="bold", highlight=False, markup=False)
        columns = (
            rich.TextColumn("{task.description}", markup=False),
            rich.BarColumn(),
            rich.MofNCompleteColumn(),
            rich.TextColumn("{task.fields[unit]} {task.fields[note]}", markup=False),
            rich.TimeElapsedColumn(),
            rich.TextColumn("left"),
            rich.TimeRemainingColumn(),
        )
        with rich.Progress(*columns, console=console, transient=True) as bars:
            yield _Bars(bars)


SILENT = Progress()
NOTEBOOK: Progress = _Notebook()
