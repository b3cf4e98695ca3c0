"""Options that several commands share, with one wording each, and what is checked of them at once.

What is named wrongly is said before PyTorch is imported, which takes seconds.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import field_validator

from blocklens.cli.completion import paths
from blocklens.embedded.bert6 import EMBEDDED, address
from blocklens.errors import UserError
from blocklens.inputs.hub import could_be_model_id
from blocklens.launched import launched
from blocklens.options import Options, Precision, option

if TYPE_CHECKING:
    from blocklens.encoder.trunk import Encoder

Out = Annotated[
    Path, typer.Option("--out", "-o", help="The folder of the results.", autocompletion=paths)
]
TEXTS = (
    "A .txt, .md, .jsonl, .csv or .parquet file (also .gz, .xz, .zst), a folder of them, a Hub "
    "dataset id, or - for standard input."
)
"""What can be given as texts."""
PROSE = "English prose that comes with Python"
"""What is read where no texts are given."""
Texts = Annotated[str, typer.Argument(help=TEXTS, show_default=False, autocompletion=paths)]
Figures = Annotated[
    bool,
    typer.Option("--figures", help="Write every chart of the report as SVG and PNG as well."),
]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Processor threads.", show_default="PyTorch's choice")
]
Processes = Annotated[
    int,
    typer.Option(
        min=1,
        help="Processes that share the work, each with its part of the threads. On a few cores "
        "often faster than one process with all of them; takes the memory of each.",
    ),
]
ExportBlock = Annotated[
    int | None,
    typer.Option(help="Write the encoder up to this block as a classifier too."),
]


class DeviceOptions(Options):
    """Where to compute."""

    device: str = option("cpu", "Where to compute.")

    @field_validator("device")
    @classmethod
    def _is_a_device(cls, device: str) -> str:
        if not re.fullmatch(r"(cpu|cuda|mps|xpu|hpu)(:\d+)?", device):
            raise ValueError(f"device: {device} is none; expected cpu, cuda, cuda:1, mps or xpu")
        return device


class ModelOptions(DeviceOptions):
    """How to load an encoder."""

    trust_remote_code: bool = option(False, "Run code that comes with the model.")
    allow_pickle: bool = option(False, "Read pickled weights, which may run any code.")


class MeasuringOptions(ModelOptions):
    """How to load an encoder that is measured."""

    precision: Precision = option(
        "float32",
        "Of the products of linear layers; auto: bfloat16 where the processor has instructions "
        "for it.",
    )


class EncoderOptions(MeasuringOptions):
    """Which encoder, and how to load it."""

    encoder: str = option(
        EMBEDDED,
        "A model folder or a Hub id.",
        flag="-e --encoder",
        shown="the BERT-6 that comes with blocklens",
        complete="encoder",
    )

    def check(self) -> None:
        """See whether there is such an encoder, as far as this machine knows.

        Raises:
            UserError: a folder without a model in it, or a path that is not there.

        """
        check_model(self.encoder)

    def load(self) -> Encoder:
        """The encoder.

        Raises:
            UserError: see `Encoder.load`.

        """
        from blocklens.encoder.trunk import Encoder

        return Encoder.load(**self.model_dump(exclude={"encoder"}), source=self.encoder)


def share_work(processes: int, texts: str | None) -> None:
    """Start the same command in several processes and end with it, where that was asked for.

    Raises:
        UserError: texts that only one process can read.

    """
    if processes == 1 or launched():
        return
    if texts == "-":
        raise UserError(f"--processes {processes}: standard input is read once; give a file")
    from blocklens.together import run_together

    raise typer.Exit(run_together(processes, sys.argv[1:]))


def check_model(source: str) -> None:
    """See whether a model's folder can be one, or its name a Hub id.

    Raises:
        UserError: neither.

    """
    folder = Path(address(source)).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file() and not (folder / "study.json").is_file():
            raise UserError(f"{source}: no config.json; expected a Hugging Face model folder")
    elif folder.is_file():
        raise UserError(f"{source}: a file; expected a model folder or a Hub id")
    elif not could_be_model_id(source):
        raise UserError(f"{source}: no such folder; check the path, or give a Hub id as owner/name")


def check_texts(source: str, **options: object) -> None:
    """See whether there are such texts, as far as this machine knows.

    Raises:
        UserError: a path that is not there, or of no known kind.

    """
    from blocklens.inputs.texts import TextSource

    TextSource(source, **options)  # type: ignore[arg-type]


def refuse_over_input(out: Path, given: str) -> None:
    """Never write over what is read, or among files that are all read.

    Args:
        out: a file that is to be written.
        given: what is read: a file, a folder of files, or something else.

    Raises:
        UserError: `out` is what is read, or lies in a folder that is read.

    """
    source = Path(given)
    with suppress(OSError, ValueError):  # no path, but a Hub id
        if source.is_file() and out.exists() and out.samefile(source):
            raise UserError(f"{out}: is what is read, and would be lost; name another file")
        if source.is_dir() and source.resolve() in out.resolve().parents:
            raise UserError(
                f"{out}: lies in the folder that is read, so it would be read too the next time; "
                "name a file elsewhere"
            )
