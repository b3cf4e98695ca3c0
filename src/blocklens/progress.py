"""How far a long job is: named stages that count, silent unless someone listens.

    with progress.stage("read-outs", epochs, "epochs") as stage:
        for _ in range(epochs):
            ...
            stage.advance()

A function that takes long has an argument `progress: Progress = SILENT` and hands it on. Who shows
it (a bar, a line a minute in a log file, a notebook) is decided once, by whoever starts the job.
"""

from __future__ import annotations

from types import TracebackType


class Stage:
    """One thing that is being done, counted in `unit`; `total` is None where it is not known."""

    def __init__(self, name: str, total: int | None, unit: str) -> None:
        self.name, self.total, self.unit = name, total, unit
        self.done = 0

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

    def within(self, name: str) -> Progress:
        """The same, with `name` before the name of every stage: the step of a study, say."""
        return self


SILENT = Progress()
