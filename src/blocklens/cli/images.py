"""`blocklens images`: an image classifier's classes, read out from every block."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blocklens.cli.completion import encoders, paths
from blocklens.cli.shared_options import (
    ExportBlock,
    Figures,
    ModelOptions,
    Out,
    Threads,
    check_model,
)
from blocklens.cli.signature import from_options
from blocklens.cli.verdicts import summarise
from blocklens.errors import UserError
from blocklens.inputs.text_options import LABEL_FIELD
from blocklens.options import Options, called, option
from blocklens.progress import first_process, shown
from blocklens.studies.image_options import ImageStudyOptions

EXAMPLES = """
**Examples**

    blocklens images

    blocklens images mnist.npz --epochs 10 --out mnist-study

    blocklens images --export-block 4

    blocklens images photos/ --encoder google/vit-base-patch16-224

    blocklens images uoft-cs/cifar10 --flip --epochs 30 --train-images 5000
"""


class ImageColumns(Options):
    """Where an image and its class are in a record."""

    image_field: str | None = option(None, "The column that holds the image.", shown="found")
    label_field: str | None = LABEL_FIELD


@from_options
def images(
    options: ImageStudyOptions,
    loading: ModelOptions,
    columns: ImageColumns,
    source: Annotated[
        str,
        typer.Argument(
            help="digits (scikit-learn's), an .npz file of arrays, a folder with one folder a "
            "class, or a Hub dataset id.",
            autocompletion=paths,
        ),
    ] = "digits",
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            "-e",
            help="An image encoder, folder or Hub id.",
            show_default="a ViT trained from scratch",
            autocompletion=encoders,
        ),
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(
            help="Another such source to measure on.",
            show_default="the source's own test part, else a fifth of each class",
            autocompletion=paths,
        ),
    ] = None,
    export_block: ExportBlock = None,
    threads: Threads = None,
    out: Out = Path("images-study"),
    figures: Figures = False,
) -> None:
    """Read out image classes from every block of an encoder, and write a report.

    Without an encoder a small ViT is trained from scratch and kept in the folder `model`. Each
    block's read-outs are measured beside those of untrained twins: accuracy, confusions, clusters
    and noise, by the code that measures tokens and text classes.
    """
    if encoder is not None:
        chosen = sorted(options.vit.model_fields_set)
        if chosen:
            name = called(type(options.vit), (chosen[0],))
            raise UserError(f"{name}: goes with training a ViT, without --encoder")
        check_model(encoder)
    check_images(source)

    import torch

    from blocklens.encoder.trunk import Encoder
    from blocklens.labels.depth import advice_line
    from blocklens.studies.images_part import study_images

    if threads is not None:
        torch.set_num_threads(threads)
    loaded = None if encoder is None else Encoder.load(encoder, **loading.model_dump())
    with shown(encoder or "ViT") as progress:
        done = study_images(
            source, loaded, out, test=test, **columns.model_dump(),
            options=options, export_block=export_block, device=loading.device, progress=progress,
        )  # fmt: skip
    if not first_process():
        return
    summarise(done, figures=figures)
    typer.echo(advice_line(done.table("advice"), options.margin))
    if export_block is not None:
        typer.echo(f"Exported: {done.folder / f'block-{export_block}'}")


images.__doc__ = f"{images.__doc__}\n{EXAMPLES}"


def check_images(source: str) -> None:
    """Refuse a path that is not there before PyTorch is imported.

    Raises:
        UserError: neither a path nor a name.

    """
    from blocklens.inputs.images.image_sources import address_of

    if not Path(source).expanduser().exists():
        address_of(source)
