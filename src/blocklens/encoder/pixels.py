"""Images as the model takes them: what its own processor makes of them."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from blocklens.errors import UserError


def prepared(
    images: list[Image.Image], processor: Any, channels: int, name: str
) -> Float[Tensor, "images channels height across"]:
    """Images as a processor hands them on, grey where the model has one channel.

    Raises:
        UserError: no processor, or an image that it cannot take; `name` is the encoder's.

    """
    if processor is None:
        raise UserError(f"{name}: no image processor; images need an encoder that has one")
    mode = "L" if channels == 1 else "RGB"
    try:
        taken = processor(images=[image.convert(mode) for image in images], return_tensors="pt")
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{name}: its processor cannot take the images ({error}): "
            "give images of another size, or repair preprocessor_config.json"
        ) from error
    return taken["pixel_values"]
