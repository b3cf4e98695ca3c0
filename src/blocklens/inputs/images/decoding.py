"""One image as a user's file holds it, made an image that a model can take.

Grey stays grey ("L", 8 bits) and colour becomes RGB, so that what is grey among colour images can
be counted. Transparent parts are laid on white, and a photograph is turned the way its camera says.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
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
    """The image as 8-bit grey ("L") or colour ("RGB"), upright and opaque."""
    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGB", "L"):
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(eight_bits(np.asarray(image, dtype=np.float64)))
    grey = image.mode in GREY_MODES
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("L" if grey else "RGB")


def eight_bits(values: np.ndarray) -> np.ndarray:
    """Grey values of any range as uint8: 0..1 and 0..65535 are known by their largest value."""
    largest = float(values.max(initial=0))
    scale = 255.0 if largest <= 1 else 1.0 if largest <= 255 else 255 / max(largest, 65535)
    return np.clip(np.round(values * scale), 0, 255).astype(np.uint8)


def from_array(values: Any) -> Image.Image:
    """An image from an array uint8 [height, width], [height, width, 1 or 3].

    Raises:
        UnreadableError: an array of another shape.

    """
    array = np.asarray(values)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] == 3):
        raise UnreadableError(f"has the shape {array.shape}; expected height x width, or x 3")
    return Image.fromarray(array if array.dtype == np.uint8 else eight_bits(array))
