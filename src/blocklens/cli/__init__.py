"""The command line: one file a command, which only calls what a program can call too.

A `UserError` is printed as one line and ends the command with exit code 2; `--debug` shows where it
came from.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import time
from typing import Any

import typer
from typer.core import TyperGroup

import blocklens
from blocklens.cli.compare import compare, figures
from blocklens.cli.explore import explore
from blocklens.cli.film import film
from blocklens.cli.finetune import finetune
from blocklens.cli.images import images
from blocklens.cli.predict import predict
from blocklens.cli.pretrain import pretrain
from blocklens.cli.segment import segment
from blocklens.cli.study import study
from blocklens.cli.verdicts import claims
from blocklens.errors import UserError
from blocklens.inputs.limits import FILE, RECORD
from blocklens.launched import TOGETHER, launcher, refuse_torchrun
from blocklens.progress import first_process
from blocklens.stopping import Stopped, stopping_at_once, way_on
from blocklens.storage import NO_ROOM, disk_error, why_not_written

UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""What Typer raises for a command line that it cannot read; its other name changed by version."""


FOR_ONE = ("claims", "compare", "figures", "explore")
"""Commands that other processes cannot help with."""


class OneLine(TyperGroup):
    """Commands whose every fault is one line."""

    def main(self, *args: Any, **given: Any) -> Any:
        """Run, and raise a `UserError` where Typer would draw a box."""
        try:
            code = super().main(*args, **{**given, "standalone_mode": False})
        except UsageError as error:
            raise UserError(_one_line(error)) from error
        sys.exit(code or 0)


def _one_line(error: Any) -> str:
    """Such as "--every 0: 0 is not in the range x>=1; blocklens segment --help says more"."""
    said = " ".join(error.format_message().split()).rstrip(".").replace("Value error, ", "")
    said = re.sub(  # of an option's names the longest
        r"^Invalid value for (.*?):",
        lambda named: max(named[1].replace("'", "").split(" / "), key=len) + ":",
        said,
    )
    said = re.sub(r"Input should be greater than or equal to (\S+)", r"expected \1 or more", said)
    command = error.ctx.command_path if error.ctx else "blocklens"
    return f"{said}; {command} --help lists what there is"


app = typer.Typer(
    cls=OneLine,
    name="blocklens",
    help="Measure how a transformer encoder learns and pays attention, block by block and head by "
    "head.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(study)
app.command()(segment)
app.command()(pretrain)
app.command()(finetune)
app.command()(predict)
app.command()(images)
app.command()(claims)
app.command()(compare)
app.command()(film)
app.command()(figures)
app.command()(explore)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"blocklens {blocklens.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    max_record_bytes: int | None = typer.Option(
        None, min=1, help="Read records up to this size.", show_default="64 MiB"
    ),
    max_file_bytes: int | None = typer.Option(
        None, min=1, help="Read files up to this size, unpacked.", show_default="256 GiB"
    ),
    version: bool = typer.Option(
        False, "--version", help="Say which version this is.", callback=_say_version, is_eager=True
    ),
) -> None:
    if debug:
        os.environ["BLOCKLENS_DEBUG"] = "1"
    for name, size in ((RECORD, max_record_bytes), (FILE, max_file_bytes)):
        if size is not None:
            os.environ[name] = str(size)
    if context.invoked_subcommand in FOR_ONE:
        refuse_torchrun(context.invoked_subcommand, "there is no work in it to share")


def main() -> None:
    """Run the command line."""
    debug = "--debug" in sys.argv or bool(os.environ.get("BLOCKLENS_DEBUG"))
    try:
        with stopping_at_once():
            app(prog_name="blocklens")
    except UserError as error:
        if debug:
            raise
        _end(str(error), 2)
    except Stopped as stopped:
        if TOGETHER in os.environ and not first_process():  # the first says how to go on
            sys.exit(128 + stopped.number)
        _end(f"stopped; to go on: {way_on(sys.argv[1:])}", 128 + stopped.number)
    except Exception as error:
        if debug:
            raise
        said = " ".join(str(error).split())
        if _for_want_of_another_process(said):
            _end("another process of this job has ended, and this one with it; what was finished "
                 f"is kept; to go on: {way_on(sys.argv[1:])}", 1)  # fmt: skip
        refused = disk_error(error)
        if refused and refused.errno in NO_ROOM:
            _end(why_not_written(refused), 2)
        if _for_want_of_memory(error):
            _end(f"memory is at its limit ({said[:160] or 'no more of it'}): end other programs, "
                 "or give fewer or shorter texts, or a smaller encoder", 2)  # fmt: skip
        _end(f"{type(error).__name__}: {said}; --debug before the command shows where", 1)


def _speaks() -> bool:
    """Whether this is the process that says how the job ended: the first to ask."""
    distributed = sys.modules.get("blocklens.distributed")
    if distributed is None or distributed.joined is None:
        return first_process()
    try:
        return distributed.joined.claims("last word")
    except Exception:  # whoever keeps the claims is gone as well
        return True


def _for_want_of_memory(error: Exception) -> bool:
    """Whether any library says so, each in its own words."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    said = str(error)
    if "could not create a primitive" in said:  # its descriptor: an operation oneDNN has not got
        return "descriptor" not in said
    words = (
        "allocate memory",
        "out of memory",
        "bad_alloc",
        "start new thread",
        "launch worker thread",
    )
    return any(word in said for word in words)


def _for_want_of_another_process(said: str) -> bool:
    """Whether the library through which processes talk says that one is gone."""
    words = ("Connection closed by peer", "Connection reset by peer", "Broken pipe")
    return len(launcher()) > 1 and any(word in said for word in words)


def _end(said: str, code: int) -> None:
    if not _speaks():  # while it waits it is ended, where another process says the same
        time.sleep(30 if TOGETHER in os.environ else 5)
    print(f"blocklens: {said}", file=sys.stderr)
    sys.exit(code)
