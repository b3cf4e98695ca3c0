"""What can be chosen in a study of images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from blocklens.labels.tasks import MARGIN
from blocklens.options import Options, option
from blocklens.pretraining.vit_options import VitOptions


class ImageStudyOptions(Options):
    """What can be chosen in a study of images; unknown keys are errors."""

    train_images: int = option(1000, "Images of a class to train on.", ge=1)
    test_images: int = option(200, "Images of a class to measure on.", ge=1)
    pooling: Literal["auto", "first", "mean"] = option(
        "auto", "A read-out sees the first token, [CLS], or the mean over tokens."
    )
    read_outs: int = option(5, "Seeds of the read-outs of each block.", ge=1)
    untrained: int = option(5, "Untrained twins, seeds 0, 1, ..., to compare with.", ge=0)
    head_images: int = option(
        500, "Images that the heads are measured on; 0 leaves them out.", ge=0
    )
    margin: float = option(
        MARGIN, "Points of accuracy that the advised block may lose.", percent=True, ge=0, le=1
    )
    seed: int = option(0, "Seed of the draw of images and of the ViT.", ge=0)
    strict: bool = option(False, "Stop at the first image that cannot be read.")
    vit: VitOptions = Field(default=VitOptions())
