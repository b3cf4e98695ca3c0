"""Old callbacks of functions that do not take a `Progress` yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from blocklens.progress import Stage, first_process, shown

is_first_process = first_process


@contextmanager
def study_progress(
    encoder: str, *, unit: str = "texts"
) -> Iterator[Callable[[str, int, int], None]]:
    """A callback with a step's name, what is done of it, and its count."""
    with shown(encoder) as progress:
        stages: dict[str, Stage] = {}

        def update(step: str, done: int, count: int) -> None:
            stage = stages.get(step)
            if stage is not None and done < stage.done:
                stages.pop(step).__exit__(None, None, None)
            stage = stages.setdefault(step, progress.stage(step, count, unit or "done"))
            stage.reach(done)
            if done >= count:
                stages.pop(step).__exit__(None, None, None)

        yield update
