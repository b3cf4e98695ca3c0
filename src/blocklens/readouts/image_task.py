"""Image classes: read-outs on every block of an image encoder, by the code of text classes.

P2 says that the mechanism is the same for images. So nothing here measures anything: the images
become batches of `kept_outputs`, and from there on `class_heads` trains what it trains for texts,
and `label_tables` counts accuracy, confusions, clusters and noise as for texts and tokens.

    data = draw_images(open_images("digits"))
    found = measure_image_classes(Encoder.load("my-vit"), data)
    found["learning"]       # accuracy, clusters, noise per block, with intervals over seeds, images
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blocklens.encoder.attention import Heads, Workspace
from blocklens.encoder.head_pass import run_image_heads
from blocklens.encoder.trunk import Encoder
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.patches import PatchMeasures
from blocklens.inputs.images.drawing import ImageData, Images
from blocklens.labels.class_tables import LabelOptions, label_tables
from blocklens.readouts.block_outputs import Inputs, kept_outputs
from blocklens.readouts.class_heads import ClassTraining, train_class_heads
from blocklens.readouts.depth import cost_rows, loss_rows

LINEAR = ClassTraining(head="linear", rate=0.03)
"""A linear read-out, as ViT's own classifier is. At the rate of the pooler's it would not settle in
as many steps, and an untrained trunk would seem to know less than logistic regression finds in it.
"""
IMAGES_AT_ONCE = 64
EXAMPLE_PAIRS = 12
"""Confused pairs of classes of which images are kept."""
EXAMPLES_A_PAIR = 4
EXAMPLE_SIDE = 64
"""Longest side of a kept image in pixels."""
PIXEL_SIDE = 32
"""Side at which pixels are read out, at most."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class ImageReadOuts:
    """How image classes are read out.

    `seeds`: read-outs of each block. `pooling`: the vector of an image is that of the "first" token
    ([CLS]) or the "mean" over its tokens; "auto" is "first" where there is a [CLS]. `training`: how
    the heads are trained.
    """

    seeds: int = 5
    pooling: Literal["auto", "first", "mean"] = "auto"
    training: ClassTraining = LINEAR
    labels: LabelOptions = field(default_factory=LabelOptions)


def image_batches(encoder: Encoder, images: Images, first: int = 0) -> Iterator[Inputs]:
    """Batches of `images` as the encoder's processor gives them, numbered from `first` on."""
    for start in range(0, len(images), IMAGES_AT_ONCE):
        numbers = np.arange(start, min(start + IMAGES_AT_ONCE, len(images)))
        pixels = encoder.pixels(images.read(numbers))
        yield Inputs({"pixel_values": pixels}, first + numbers)


def measure_image_classes(
    encoder: Encoder,
    data: ImageData,
    *,
    run: str = "encoder",
    options: ImageReadOuts | None = None,
    progress: Progress | None = None,
) -> dict[str, pd.DataFrame]:
    """Accuracy per class, confusions, clusters and noise of every block of an image encoder.

    Args:
        encoder: an image encoder.
        data: images to train the read-outs on, and to measure them on.
        run: the name of the run in the tables, such as "encoder" or "untrained 0".
        options: read-outs and tables.
        progress: told how far it is.

    Returns:
        The tables of `label_tables`; and of the run "encoder" `examples`: images of the most
        confused pairs of classes at the last block (true, predicted, name, share of the seeds,
        png), and `advice`: what each block loses and costs, see `advice`.

    Raises:
        UserError: a text encoder, or outputs that are not finite.

    """
    options = options or ImageReadOuts()
    say = progress or (lambda *_: None)
    pooling = pooling_of(encoder, options.pooling)
    trained, count = len(data.train), len(data.train) + len(data.test)

    def batches() -> Iterator[Inputs]:
        yield from image_batches(encoder, data.train)
        yield from image_batches(encoder, data.test, first=trained)

    outputs = kept_outputs(
        encoder, batches(), count, pooling=pooling,
        progress=lambda done: say("blocks", done, count),
    )  # fmt: skip
    labels = np.concatenate([data.train.labels, data.test.labels])
    keys = np.concatenate([data.train.keys, data.test.keys])
    train, test = seeds_of(data, options.seeds)
    epochs = options.training.epochs_for(trained)
    heads = train_class_heads(
        outputs, labels, train, options.training, classes=len(data.classes),
        progress=lambda epoch, _: say("read-outs", epoch + 1, epochs),
    )  # fmt: skip
    predicted = heads.probabilities(outputs, test).argmax(axis=-1)
    tables = label_tables(
        labels, predicted, test, keys, data.classes, run=run, options=options.labels
    )
    if run == "encoder":
        tables["examples"] = example_rows(data, predicted[-1])
        losses = loss_rows(labels, predicted, test, keys, options.labels.groups)
        costs = cost_rows(encoder, {"pixel_values": encoder.pixels(data.test.read([0]))})
        tables["advice"] = losses if costs is None else losses.merge(costs, on="block")
    return tables


def measure_pixels(
    data: ImageData,
    *,
    options: ImageReadOuts | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Accuracy of a linear read-out of the pixels alone: what an encoder has to be better than.

    The images at their usual size, at most 32 x 32 (ours), take the place of a block's output; the
    rest is the code of read-outs. Rows of `learning` with the run "pixels": accuracy and mean
    accuracy per class, with their intervals.
    """
    options = options or ImageReadOuts()
    training = replace(options.training, head="linear")
    side, channels = data.usual_side(PIXEL_SIDE), 3 if data.colour else 1
    pixels = [part.pixels(side, channels) for part in (data.train, data.test)]
    rows = np.concatenate(pixels).reshape(1, len(data.train) + len(data.test), -1)
    outputs = rows.astype(np.float32) / np.float32(255)
    labels = np.concatenate([data.train.labels, data.test.labels])
    keys = np.concatenate([data.train.keys, data.test.keys])
    train, test = seeds_of(data, options.seeds)
    epochs = training.epochs_for(len(data.train))
    heads = train_class_heads(
        outputs, labels, train, training, classes=len(data.classes),
        progress=lambda epoch, _: progress("read-outs", epoch + 1, epochs) if progress else None,
    )  # fmt: skip
    predicted = heads.probabilities(outputs, test).argmax(axis=-1)
    found = label_tables(
        labels, predicted, test, keys, data.classes, run="pixels", options=options.labels
    )["learning"]
    accuracies = found["statistic"].isin(["accuracy", "mean accuracy per class"])
    return found.loc[accuracies].reset_index(drop=True)


def seeds_of(data: ImageData, seeds: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every seed's images to train on and to measure on, [seeds, images] each: all of them.

    Numbers into the images to train on followed by those to measure on. Seeds differ in where a
    read-out starts and in the order of the images.
    """
    trained, count = len(data.train), len(data.train) + len(data.test)
    return np.tile(np.arange(trained), (seeds, 1)), np.tile(np.arange(trained, count), (seeds, 1))


def pooling_of(
    encoder: Encoder, pooling: Literal["auto", "first", "mean"]
) -> Literal["first", "mean"]:
    """The pooling that is meant: the first token where it is a [CLS], else the mean."""
    if pooling != "auto":
        return pooling
    return "first" if has_class_token(encoder) else "mean"


def has_class_token(encoder: Encoder) -> bool:
    """Whether an image encoder's first token is a [CLS]: a parameter of its embeddings."""
    return any(
        name.rpartition(".")[2] in ("cls_token", "class_embedding", "class_token")
        for name, _ in encoder.model.named_parameters()
    )


def example_rows(data: ImageData, predicted: NDArray[np.int64]) -> pd.DataFrame:
    """Images of the most confused pairs of classes, as PNG.

    `predicted` [seeds, images]. An image belongs to the pair of its class and the wrong class that
    most seeds give it. Columns true, predicted (names), pair (0 = most often confused), images (of
    the pair in all), name, seeds (share of them that agree), png (bytes).
    """
    labels = data.test.labels
    votes = np.stack([(predicted == one).mean(axis=0) for one in range(len(data.classes))])
    votes[labels, np.arange(len(labels))] = 0
    wrong, share = votes.argmax(axis=0), votes.max(axis=0)
    pairs: dict[tuple[int, int], list[int]] = {}
    for image in np.flatnonzero(share > 0):
        pairs.setdefault((int(labels[image]), int(wrong[image])), []).append(int(image))
    ordered = sorted(pairs.items(), key=lambda item: (-share[item[1]].sum(), item[0]))
    rows: list[dict[str, Any]] = []
    for number, ((true, other), images) in enumerate(ordered[:EXAMPLE_PAIRS]):
        images.sort(key=lambda image: (-share[image], image))
        for image in images[:EXAMPLES_A_PAIR]:
            rows.append(
                {
                    "true": data.classes[true],
                    "predicted": data.classes[other],
                    "pair": number,
                    "images": len(images),
                    "name": data.test.pictures[image].name,
                    "seeds": float(share[image]),
                    "png": thumbnail(data.test, image),
                }
            )
    columns = ["true", "predicted", "pair", "images", "name", "seeds", "png"]
    return pd.DataFrame(rows, columns=columns)


def thumbnail(images: Images, number: int) -> bytes:
    """One image as PNG, made smaller where it is large."""
    image = images.read([number])[0]
    image.thumbnail((EXAMPLE_SIDE, EXAMPLE_SIDE))
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def patch_grid(encoder: Encoder) -> tuple[tuple[int, int], int] | None:
    """Rows and columns of patches, and the number of special tokens before them.

    None where the encoder has no heads or does not say what its patches are.
    """
    image, patch = (getattr(encoder.config, name, None) for name in ("image_size", "patch_size"))
    if not encoder.heads or image is None or patch is None:
        return None
    (height, width), (down, across) = (
        side if isinstance(side, (list, tuple)) else (side, side) for side in (image, patch)
    )
    grid = (int(height) // int(down), int(width) // int(across))
    special = int(has_class_token(encoder))
    special += any("distillation_token" in name for name, _ in encoder.model.named_parameters())
    special += int(getattr(encoder.config, "num_register_tokens", 0) or 0)
    return grid, special


def measure_patches(
    encoder: Encoder,
    images: Images,
    *,
    run: str = "encoder",
    limit: int = 500,
    options: HeadOptions | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame | None:
    """Head measures of an image encoder on the first `limit` images: see `measures.patches`.

    None where the encoder has no heads, or its patches do not tile the image as it says.

    Raises:
        UserError: an encoder that does not use transformers' attention interface.

    """
    found = patch_grid(encoder)
    if found is None:
        return None
    grid, special = found
    measures = PatchMeasures(
        blocks=encoder.blocks, heads=encoder.heads, grid=grid, special=special, options=options
    )
    workspace = Workspace()
    limit = min(limit, len(images))
    for start in range(0, limit, IMAGES_AT_ONCE):
        numbers = np.arange(start, min(start + IMAGES_AT_ONCE, limit))
        keys = images.keys[numbers]
        pixels = encoder.pixels(images.read(numbers))
        if tokens_of(encoder, pixels[:1]) != special + grid[0] * grid[1]:
            return None

        def receive(heads: Heads, keys: NDArray[np.int64] = keys) -> None:
            measures.update_image(heads, int(keys[heads.text]), workspace)

        run_image_heads(encoder, pixels, receive, workspace)
        if progress is not None:
            progress("heads", int(numbers[-1]) + 1, limit)
    table = measures.table()
    table.insert(0, "run", run)
    return table


def tokens_of(encoder: Encoder, pixels: Any) -> int:
    """Tokens that an image becomes."""
    return int(encoder.outputs(pixel_values=pixels)[0].shape[1])
