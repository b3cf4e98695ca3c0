"""What can be chosen in a study of images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from blocklens.options import Options, option
from blocklens.pretraining.vit_options import VitOptions
from blocklens.studies.read_out_options import MARGIN_FIELD, pooling_field, twins_field


class ImageStudyOptions(Options):
    """What can be chosen in a study of images; unknown keys are errors."""

    train_images: int = option(1000, "Images of a class to train on.", ge=1)
    test_images: int = option(200, "Images of a class to measure on.", ge=1)
    pooling: Literal["auto", "first", "mean"] = pooling_field("auto")
    read_outs: int = option(5, "Seeds of the read-outs of each block.", ge=1)
    untrained: int = twins_field(5)
    head_images: int = option(
        500, "Images that the heads are measured on; 0 leaves them out.", ge=0
    )
    margin: float = MARGIN_FIELD
    seed: int = option(0, "Seed of the draw of images and of the ViT.", ge=0)
    strict: bool = option(False, "Stop at the first image that cannot be read.")
    vit: VitOptions = Field(default=VitOptions())
