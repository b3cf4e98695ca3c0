"""Images of the most confused pairs of classes, kept as small pictures for the report."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int64

from blocklens.inputs.images.drawing import ImageData, Images
from blocklens.labels.tasks import IMAGE

MOST_PAIRS = 12
"""Confused pairs of classes of which images are kept."""
IMAGES_A_PAIR = 4
SIDE = 64
"""Longest side of a kept image in pixels."""


def confused_rows(data: ImageData, predicted: Int64[np.ndarray, "seeds images"]) -> pd.DataFrame:
    """Images of the most confused pairs of classes, as PNG.

    `predicted` [seeds, images]. An image belongs to the pair of its class and the wrong class that
    most seeds give it. Columns task, true, predicted (names), pair (0 = most often confused),
    images (of the pair in all), name, seeds (share of them that agree), png (bytes).
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
    for number, ((true, other), images) in enumerate(ordered[:MOST_PAIRS]):
        images.sort(key=lambda image: (-share[image], image))
        for image in images[:IMAGES_A_PAIR]:
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
    table = pd.DataFrame(rows, columns=columns)
    table.insert(0, "task", IMAGE.name)
    return table


def thumbnail(images: Images, number: int) -> bytes:
    """One image as PNG, made smaller where it is large."""
    image = images.read([number])[0]
    image.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
