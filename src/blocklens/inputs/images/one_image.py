"""One image as a user's file holds it, made an image that a model can take.

Grey stays grey and colour becomes RGB, so that what is grey among colour images can be counted.
Transparent parts are laid on white, and a photograph is turned the way its camera says.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image, ImageOps

GREY_MODES = {"1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N", "F"}


class UnreadableError(Exception):
    """An image that cannot be decoded; the message is the reason and what to do."""


def decoded(content: bytes) -> Image.Image:
    """The image that a file's bytes hold, as `clean` leaves it.

    Raises:
        UnreadableError: no image, a damaged one, or one too large to be a picture.

    """
    if not content:
        raise UnreadableError("is empty; give an image file")
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return clean(image)
    except Image.DecompressionBombError as error:
        raise UnreadableError("is too large to be a picture; make it smaller") from error
    except Exception as error:  # Pillow's plugins raise whatever a damaged file leads them to
        reason = " ".join(str(error).split())
        if "cannot identify" in reason:
            reason = "no known image format"
        raise UnreadableError(f"cannot be read as an image ({reason[:100]})") from error


def clean(image: Image.Image) -> Image.Image:
    """The image upright and opaque, as colour ("RGB") or grey: of 8 bits ("L"), or deeper ("F").

    What the deeper values mean is decided over all images of a source (`Levels`), never for one
    alone. Not-a-number stands for a transparent part there.
    """
    image = ImageOps.exif_transpose(image)
    transparent = image.info.get("transparency")
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float32)
        if transparent is not None:
            values = np.where(values == transparent, np.float32("nan"), values)
        return Image.fromarray(values)
    if image.mode in ("RGB", "L") and transparent is None:
        return image
    grey = image.mode in GREY_MODES
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or transparent is not None:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("L" if grey else "RGB")


@dataclass(frozen=True)
class Levels:
    """The values that become the grey levels 0 and 255, the same for every image of a source."""

    low: float
    high: float

    @classmethod
    def between(cls, low: float, high: float) -> Levels:
        """The levels for values from `low` to `high`: the usual range that holds them.

        0 to 1, 0 to 255, -1 to 1, or 0 to the largest of so many bits (12 bits in 16); for other
        values below zero (standardised ones) their own smallest and largest.
        """
        for usual in ((0, 1), (0, 255), (-1, 1)):
            if usual[0] <= low and high <= usual[1]:
                return cls(*usual)
        if low >= 0:
            return cls(0, 2 ** int(np.ceil(np.log2(high + 1))) - 1)
        return cls(low, max(high, low + 1e-6))

    def note(self, images: str = "every image") -> list[str]:
        """What a reader must know of them. `images`: those whose values are scaled by them."""
        if (self.low, self.high) == (0, 255):
            return []
        return [
            f"Grey values are not of 8 bits: {self.low:g} became black and {self.high:g} white in "
            f"{images}."
        ]


EIGHT_BITS = Levels(0, 255)


def eight_bits(
    values: Shaped[np.ndarray, "*shape"], levels: Levels = EIGHT_BITS
) -> UInt8[np.ndarray, "*shape"]:
    """Values as grey levels; not-a-number is white."""
    scaled = (values.astype(np.float64) - levels.low) * (255 / (levels.high - levels.low))
    return np.clip(np.round(np.nan_to_num(scaled, nan=255)), 0, 255).astype(np.uint8)


def from_array(values: Any, levels: Levels = EIGHT_BITS) -> Image.Image:
    """An image from an array [height, width], [height, width, 1, 3 or (with opacity) 4].

    Raises:
        UnreadableError: an array of another shape.

    """
    array = np.asarray(values)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] in (3, 4)):
        raise UnreadableError(f"has the shape {array.shape}; expected height x width, or x 3 or 4")
    as_it_is = array.dtype == np.uint8 and levels == EIGHT_BITS
    return clean(Image.fromarray(array if as_it_is else eight_bits(array, levels)))
