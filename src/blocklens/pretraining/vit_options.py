"""What can be chosen in the small ViT and its training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from blocklens.errors import UserError
from blocklens.options import Options, option
from blocklens.pretraining.pretrain_options import check_heads

if TYPE_CHECKING:
    from blocklens.inputs.images.drawing import ImageData

LARGEST_SIDE = 64
"""Side in pixels up to which images go in at their own size; larger ones are made smaller."""

MOST_PATCHES = 8
"""Patches along a side, at most, where the size of a patch is not chosen."""

IMAGES_SEEN = 60_000
"""Images seen in training, at least about so many, where the number of epochs is not chosen."""


VIT = "The ViT"
"""Panel of the help."""


class VitOptions(Options):
    """The ViT and its training; unknown keys are errors.

    `side` and `patch` in pixels: by default the commonest size of the images, at most 64, and a
    patch that gives at most 8 x 8 of them. `epochs`: by default as many as make 60,000 images.
    `shift`: largest random shift in pixels, by default an eighth of the side. `flip`: mirror half
    of the images, for things that have no left and right. `rate` falls linearly to zero.
    """

    blocks: int = option(6, "Blocks.", panel=VIT, ge=1)
    heads: int = option(4, "Heads of a block.", panel=VIT, ge=1)
    width: int = option(64, "Width.", panel=VIT, ge=4)
    feed_forward: int | None = Field(default=None, ge=1, description="Inner width; 4 x width.")
    side: int | None = option(
        None, "Side of its images in pixels.", shown="the images', at most 64", panel=VIT, ge=2
    )
    patch: int | None = option(
        None, "Side of a patch in pixels.", shown="for at most 8 x 8 patches", panel=VIT, ge=1
    )
    epochs: int | None = option(
        None, "Epochs of training.", shown="for 60,000 images", panel=VIT, ge=1
    )
    batch: int = option(64, "Images of a step.", panel=VIT, ge=1)
    rate: float = option(2e-3, "Learning rate.", panel=VIT, gt=0)
    weight_decay: float = Field(default=0.05, ge=0)
    warm_up: float = Field(default=0.1, ge=0, lt=1)
    shift: int | None = option(
        None,
        "Largest random shift in pixels.",
        shown="an eighth of the side",
        panel=VIT,
        ge=0,
    )
    flip: bool = option(
        False,
        "Mirror half of the images: for things without left and right.",
        flag="--flip/--no-flip",
        panel=VIT,
    )
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _fits_together(self) -> VitOptions:
        check_heads(self.heads, self.width)
        return self

    def chosen(self, data: ImageData) -> VitOptions:
        """With every default that depends on the images filled in.

        Raises:
            UserError: a patch that does not divide the side.

        """
        side = self.side or data.usual_side(LARGEST_SIDE)
        patch = self.patch or usual_patch(side)
        if side % patch:
            raise UserError(
                f"patch: {patch} pixels do not divide a side of {side}; take a divisor of it, or "
                f"another --side"
            )
        values = {
            "side": side,
            "patch": patch,
            "feed_forward": self.feed_forward or 4 * self.width,
            "epochs": self.epochs or max(3, round(IMAGES_SEEN / len(data.train))),
            "shift": side // 8 if self.shift is None else self.shift,
        }
        return self.model_copy(update=values)


def usual_patch(side: int) -> int:
    """The smallest patch of at least 2 pixels that gives at most 8 x 8 patches."""
    for patch in range(2, side + 1):
        if side % patch == 0 and side // patch <= MOST_PATCHES:
            return patch
    return side
