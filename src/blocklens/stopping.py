"""Ctrl-C and a scheduler's SIGTERM: what is being done is saved, then the job ends and says so."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from blocklens.launched import launcher

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """A signal ended the job; `number` is its own. What was finished before is kept.

    No `KeyboardInterrupt`, which Typer would turn into an error of its own.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def way_on(arguments: Sequence[str]) -> str:
    """The command that goes on where one with these arguments was stopped."""
    command = [*launcher(), *arguments]
    name = next((word for word in arguments if word.isalpha()), "")  # options may stand before it
    if name == "pretrain" and not {"--resume", "--sizes"} & set(arguments):
        command.append("--resume")
    return shlex.join(command)


@contextmanager
def stopping_at_once() -> Iterator[None]:
    """Within the block a signal raises `Stopped`, so that locks are freed and partial files go."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    with _handling(stop):
        yield


class Waiting:
    """Which signal has come; None where none has."""

    number: int | None = None


@contextmanager
def stopping_between_steps() -> Iterator[Waiting]:
    """Within the block a signal waits until the job asks; a second one does not wait."""
    waiting = Waiting()

    def note(number: int, frame: FrameType | None) -> None:
        if waiting.number is not None:
            raise Stopped(number)
        waiting.number = number

    with _handling(note):
        yield waiting


@contextmanager
def _handling(handler: Any) -> Iterator[None]:
    """Handle both signals; only a program's main thread may, others leave them as they are."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
