"""Image classes: images as batches, read out from every block of an image encoder.

P2 says that the mechanism is the same for images: what is counted, trained and tabled is
`class_task`'s, as for texts.

    data = draw_images(open_images("digits"))
    measured = measure_image_classes(Encoder.load("my-vit"), data)
    measured.tables["learning"]   # accuracy, clusters, noise per block, with intervals
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd

from blocklens.encoder.image_tokens import has_class_token
from blocklens.encoder.trunk import Encoder
from blocklens.inputs.images.drawing import ImageData, Images
from blocklens.labels.tables import LabelOptions
from blocklens.labels.tasks import IMAGE
from blocklens.progress import SILENT, Progress
from blocklens.readouts.block_outputs import InputBatch, kept_outputs
from blocklens.readouts.class_heads import ClassTraining
from blocklens.readouts.class_task import (
    Classes,
    LabelledInputs,
    baseline_rows,
    read_out_classes,
)
from blocklens.readouts.confused_images import confused_rows
from blocklens.readouts.cost import with_cost

LINEAR = ClassTraining(head="linear", rate=0.03)
"""A linear read-out, as ViT's own classifier is. At the rate of the pooler's it would not settle in
as many steps, and an untrained trunk would seem to know less than logistic regression finds in it.
"""
IMAGES_AT_ONCE = 64
PIXEL_SIDE = 32
"""Side at which pixels are read out, at most."""


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


def image_batches(encoder: Encoder, images: Images, first: int = 0) -> Iterator[InputBatch]:
    """Batches of `images` as the encoder's processor gives them, numbered from `first` on."""
    for start in range(0, len(images), IMAGES_AT_ONCE):
        numbers = np.arange(start, min(start + IMAGES_AT_ONCE, len(images)))
        pixels = encoder.pixels(images.read(numbers))
        yield InputBatch({"pixel_values": pixels}, first + numbers)


def labelled(data: ImageData, seeds: int) -> LabelledInputs:
    """The images to train on followed by those to measure on; every seed has all of them.

    Seeds differ in where a read-out starts and in the order of the images.
    """
    trained, count = len(data.train), len(data.train) + len(data.test)
    return LabelledInputs(
        np.concatenate([data.train.labels, data.test.labels]),
        np.concatenate([data.train.keys, data.test.keys]),
        data.classes,
        np.tile(np.arange(trained), (seeds, 1)),
        np.tile(np.arange(trained, count), (seeds, 1)),
    )


def measure_image_classes(
    encoder: Encoder,
    data: ImageData,
    *,
    run: str = "encoder",
    options: ImageReadOuts | None = None,
    progress: Progress = SILENT,
) -> Classes:
    """Accuracy per class, confusions, clusters and noise of every block of an image encoder.

    Args:
        encoder: an image encoder.
        data: images to train the read-outs on, and to measure them on.
        run: the name of the run in the tables, such as "encoder" or "untrained 0".
        options: read-outs and tables.
        progress: told how far it is.

    Returns:
        The tables of `label_tables`; and of the run "encoder" `confused_images`: images of the most
        confused pairs of classes at the last block, see `confused_rows`.

    Raises:
        UserError: a text encoder, or outputs that are not finite.

    """
    options = options or ImageReadOuts()
    trained, count = len(data.train), len(data.train) + len(data.test)

    def batches() -> Iterator[InputBatch]:
        yield from image_batches(encoder, data.train)
        yield from image_batches(encoder, data.test, first=trained)

    pooling = pooling_of(encoder, options.pooling)
    outputs = kept_outputs(encoder, batches(), count, pooling=pooling, progress=progress)
    measured = read_out_classes(
        IMAGE, labelled(data, options.seeds), outputs, options.training, run=run,
        options=options.labels, progress=progress,
    )  # fmt: skip
    if run == "encoder":
        measured.tables["confused_images"] = confused_rows(data, measured.predicted[-1])
        one = {"pixel_values": encoder.pixels(data.test.read([0]))}
        measured.tables["advice"] = with_cost(measured.tables["advice"], encoder, one)
    return measured


def measure_pixels(
    data: ImageData, *, options: ImageReadOuts | None = None, progress: Progress = SILENT
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
    given = labelled(data, options.seeds)
    measured = read_out_classes(
        IMAGE, given, outputs, training, run="pixels", options=options.labels, progress=progress
    )
    return baseline_rows(measured)


def pooling_of(
    encoder: Encoder, pooling: Literal["auto", "first", "mean"]
) -> Literal["first", "mean"]:
    """The pooling that is meant: the first token where it is a [CLS], else the mean."""
    if pooling != "auto":
        return pooling
    return "first" if has_class_token(encoder) else "mean"
