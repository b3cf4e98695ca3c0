"""The command line: one file a command, which only calls what a program can call too.

A `UserError` is printed as one line and ends the command with exit code 2; `--debug` shows where it
came from.
"""

from __future__ import annotations

import os
import sys

import typer

import blocklens
from blocklens.cli.compare import compare, figures
from blocklens.cli.finetune import finetune
from blocklens.cli.images import images
from blocklens.cli.predict import predict
from blocklens.cli.pretrain import pretrain
from blocklens.cli.segment import segment
from blocklens.cli.study import study
from blocklens.errors import UserError

app = typer.Typer(
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
app.command()(compare)
app.command()(figures)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"blocklens {blocklens.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    version: bool = typer.Option(
        False, "--version", help="Say which version this is.", callback=_say_version, is_eager=True
    ),
) -> None:
    if debug:
        os.environ["BLOCKLENS_DEBUG"] = "1"


def main() -> None:
    """Run the command line."""
    try:
        app(prog_name="blocklens")
    except UserError as error:
        if os.environ.get("BLOCKLENS_DEBUG"):
            raise
        print(f"blocklens: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("blocklens: stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
