"""Progress bars with the time left, on standard error and only where someone watches."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def is_first_process() -> bool:
    """Whether this is the one that speaks, of the processes that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def study_progress(
    encoder: str, *, shown: bool = True, unit: str = "texts"
) -> Iterator[Callable[[str, int, int], None]]:
    """One bar for each step of a study, which counts ``unit``; a new count starts its bar anew."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True, quiet=not shown)
    console.print(f"[bold]{encoder}[/bold]", highlight=False)
    with Progress(*columns, console=console, disable=not shown) as bars:
        tasks = {}

        def update(step: str, done: int, count: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=count)
            bars.update(tasks[step], completed=done, total=count)

        yield update
