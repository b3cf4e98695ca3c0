"""`blocklens compare` and `blocklens figures`: from finished studies, without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blocklens.cli.shared_options import Out
from blocklens.errors import UserError
from blocklens.wording import counted

FIGURES_OF = (
    "A folder that `blocklens study`, `finetune`, `images`, `segment`, `compare` or `film` wrote."
)


def compare(
    studies: Annotated[
        list[Path], typer.Argument(help="Two or more study folders.", show_default=False)
    ],
    out: Out = Path("comparison"),
) -> None:
    """Set studies side by side: each claim's verdict and effect, and which encoders differ.

    On the same texts differences are paired. Encoders that cannot be told apart share a rank.
    Checkpoints of one run (`bert/checkpoint-500`, ...) are shown along their steps.
    """
    from blocklens.report.compare import compare as run

    run(*studies, out=out)
    typer.echo(f"Comparison: {out / 'report.html'}")


def figures(
    studies: Annotated[list[Path], typer.Argument(help=FIGURES_OF, show_default=False)],
) -> None:
    """Write every chart of a report as SVG and PNG, into the folder `figures` beside it."""
    from blocklens.report import write_figures
    from blocklens.report.compare import FILE, write_comparison_figures

    for study in studies:
        if not study.is_dir():
            raise UserError(f"{study}: no such folder; give the folder of a study")
        compared = (study / FILE).is_file()
        paths = write_comparison_figures(study) if compared else write_figures(study)
        typer.echo(f"{counted(len(paths), 'file')} in {study / 'figures'}")
