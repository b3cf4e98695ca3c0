"""Options that read-outs of text classes and of image classes share; defaults may differ."""

from __future__ import annotations

from typing import Any

from blocklens.labels.tasks import MARGIN
from blocklens.options import option

MARGIN_FIELD = option(
    MARGIN, "Points of accuracy that the advised block may lose.", percent=True, ge=0, le=1
)


def pooling_field(default: str) -> Any:
    """What a read-out sees of a block's output."""
    return option(default, "A read-out sees the first token, [CLS], or the mean over tokens.")


def twins_field(default: int) -> Any:
    """Number of untrained twins."""
    return option(default, "Untrained twins, seeds 0, 1, ..., to compare with.", ge=0)
