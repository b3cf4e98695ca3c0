"""Head measures of an image encoder: one pass over images, patches in the place of words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blocklens.encoder.attention import Heads, Workspace
from blocklens.encoder.head_pass import run_image_heads
from blocklens.encoder.image_tokens import patch_grid
from blocklens.encoder.trunk import Encoder
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.patches import PatchMeasures
from blocklens.inputs.images.drawing import Images
from blocklens.progress import SILENT, Progress

IMAGES_AT_ONCE = 64


def measure_patches(
    encoder: Encoder,
    images: Images,
    *,
    run: str = "encoder",
    limit: int = 500,
    options: HeadOptions | None = None,
    progress: Progress = SILENT,
) -> pd.DataFrame | None:
    """Head measures of an image encoder on the first `limit` images: see `measures.patches`.

    None where the encoder has no heads, or its patches do not tile the image as it says.

    Raises:
        UserError: an encoder that does not use transformers' attention interface.

    """
    patches = patch_grid(encoder)
    if patches is None:
        return None
    grid, special = patches
    measures = PatchMeasures(
        blocks=encoder.blocks, heads=encoder.heads, grid=grid, special=special, options=options
    )
    workspace = Workspace()
    limit = min(limit, len(images))
    with progress.stage("heads", limit, "images") as stage:
        for start in range(0, limit, IMAGES_AT_ONCE):
            numbers = np.arange(start, min(start + IMAGES_AT_ONCE, limit))
            keys = images.keys[numbers]
            pixels = encoder.pixels(images.read(numbers))
            if tokens_of(encoder, pixels[:1]) != special + grid[0] * grid[1]:
                return None

            def receive(heads: Heads, keys: NDArray[np.int64] = keys) -> None:
                measures.update_image(heads, int(keys[heads.text]), workspace)

            run_image_heads(encoder, pixels, receive, workspace)
            measures.arrive()
            stage.reach(int(numbers[-1]) + 1)
    table = measures.table()
    table.insert(0, "run", run)
    return table


def tokens_of(encoder: Encoder, pixels: Any) -> int:
    """Tokens that an image becomes."""
    return int(encoder.outputs(pixel_values=pixels)[0].shape[1])
