"""`blocklens images`: an image classifier's classes, read out from every block."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from blocklens.cli.shared_options import AllowPickle, Device, TrustRemoteCode
from blocklens.cli.study import summarise
from blocklens.errors import UserError
from blocklens.progress import shown

EXAMPLES = """
**Examples**

    blocklens images

    blocklens images mnist.npz --epochs 10 --out mnist-study

    blocklens images --export-block 4

    blocklens images photos/ --encoder google/vit-base-patch16-224

    blocklens images uoft-cs/cifar10 --flip --epochs 30 --train-images 5000
"""


def _of_vit(help: str, default: str | None = None) -> Any:
    """An option of the ViT that is trained here."""
    return typer.Option(help=help, show_default=default or False, rich_help_panel="The ViT")


def images(
    source: Annotated[
        str,
        typer.Argument(
            help="digits (scikit-learn's), an .npz file of arrays, a folder with one folder a "
            "class, or a Hub dataset id.",
        ),
    ] = "digits",
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            "-e",
            help="An image encoder, folder or Hub id.",
            show_default="a ViT trained from scratch",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The study's folder.")] = Path(
        "images-study"
    ),
    test: Annotated[
        str | None,
        typer.Option(
            help="Another such source to measure on.",
            show_default="the source's own test part, else a fifth of each class",
        ),
    ] = None,
    train_images: Annotated[int, typer.Option(help="Images of a class to train on.")] = 1000,
    test_images: Annotated[int, typer.Option(help="Images of a class to measure on.")] = 200,
    image_field: Annotated[
        str | None, typer.Option(help="The column of images.", show_default="found")
    ] = None,
    label_field: Annotated[
        str | None, typer.Option(help="The column of classes.", show_default="found")
    ] = None,
    pooling: Annotated[
        Literal["auto", "first", "mean"],
        typer.Option(help="A read-out sees the first token, [CLS], or the mean over tokens."),
    ] = "auto",
    read_outs: Annotated[int, typer.Option(help="Seeds of the read-outs of each block.")] = 5,
    untrained: Annotated[int, typer.Option(help="Untrained twins to compare with.")] = 3,
    head_images: Annotated[
        int, typer.Option(help="Images that the heads are measured on; 0 leaves them out.")
    ] = 500,
    margin: Annotated[
        float, typer.Option(help="Points of accuracy that the advised block may lose.")
    ] = 1.0,
    export_block: Annotated[
        int | None,
        typer.Option(
            help="Write the encoder up to this block, with its read-out, as an image classifier.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the draw of images and of the ViT.")] = 0,
    blocks: Annotated[int | None, _of_vit("Blocks.", "6")] = None,
    heads: Annotated[int | None, _of_vit("Heads of a block.", "4")] = None,
    width: Annotated[int | None, _of_vit("Width.", "64")] = None,
    side: Annotated[
        int | None, _of_vit("Side of its images in pixels.", "the images', at most 64")
    ] = None,
    patch: Annotated[
        int | None, _of_vit("Side of a patch in pixels.", "for at most 8 x 8 patches")
    ] = None,
    epochs: Annotated[int | None, _of_vit("Epochs of training.", "for 60,000 images")] = None,
    batch: Annotated[int | None, _of_vit("Images of a step.", "64")] = None,
    rate: Annotated[float | None, _of_vit("Learning rate.", "0.002")] = None,
    shift: Annotated[
        int | None, _of_vit("Largest random shift in pixels.", "an eighth of the side")
    ] = None,
    flip: Annotated[
        bool, _of_vit("Mirror half of the images: for things without left and right.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first image that cannot be read.")
    ] = False,
    device: Device = "cpu",
    threads: Annotated[
        int | None, typer.Option(help="Processor threads.", show_default="PyTorch's choice")
    ] = None,
    trust_remote_code: TrustRemoteCode = False,
    allow_pickle: AllowPickle = False,
) -> None:
    """Read out image classes from every block of an encoder, and write a report.

    Without an encoder a small ViT is trained from scratch and kept in the folder `model`. Each
    block's read-outs are measured beside those of untrained twins: accuracy, confusions, clusters
    and noise, by the code that measures tokens and text classes.
    """
    import torch
    from pydantic import ValidationError

    from blocklens.encoder.trunk import Encoder
    from blocklens.labels.depth import advice_line
    from blocklens.studies.images_part import ImageStudyOptions, study_images

    if threads is not None:
        torch.set_num_threads(threads)
    vit: dict[str, Any] = {
        "blocks": blocks, "heads": heads, "width": width, "side": side, "patch": patch,
        "epochs": epochs, "batch": batch, "rate": rate, "shift": shift, "flip": flip or None,
    }  # fmt: skip
    vit = {name: value for name, value in vit.items() if value is not None}
    if encoder is not None and vit:
        name, value = next(iter(vit.items()))
        given = f"--{name}" if value is True else f"--{name} {value}"
        raise UserError(f"{given}: goes with training a ViT, without --encoder")
    try:
        options = ImageStudyOptions.model_validate(
            {
                "train_images": train_images, "test_images": test_images, "pooling": pooling,
                "read_outs": read_outs, "untrained": untrained, "margin": margin / 100,
                "head_images": head_images,
                "seed": seed, "strict": strict, "vit": {**vit, "seed": seed},
            }
        )  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        place = first["loc"][-1:] if first["loc"][:1] == ("vit",) else first["loc"]
        option = "--" + "-".join(map(str, place)).replace("_", "-")
        said = str(first["msg"]).removeprefix("Value error, ")
        raise UserError(said if option == "--vit" else f"{option}: {said}") from error
    loaded = None
    if encoder is not None:
        loaded = Encoder.load(
            encoder, device=device, trust_remote_code=trust_remote_code, allow_pickle=allow_pickle
        )
    with shown(encoder or "ViT") as progress:
        found = study_images(
            source, loaded, out, test=test, image_field=image_field, label_field=label_field,
            options=options, export_block=export_block, device=device, progress=progress,
        )  # fmt: skip
    summarise(found)
    typer.echo(advice_line(found.table("advice"), options.margin))
    if export_block is not None:
        typer.echo(f"Exported: {found.folder / f'block-{export_block}'}")


images.__doc__ = f"{images.__doc__}\n{EXAMPLES}"
