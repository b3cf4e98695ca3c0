"""What a caller gives to be measured, and with what: texts (or images) first, then the encoder.

The order is the same in every public function. Where a model stands in the place of the texts, the
two are taken as they are meant: nobody need remember.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from blocklens.embedded.bert6 import EMBEDDED
from blocklens.encoder.trunk import Encoder


def texts_and_encoder(texts: Any, encoder: Any, **options: Any) -> tuple[Any, Encoder]:
    """The texts as they were given, and the encoder that `Encoder.of` makes, in this order.

    `options`: of `Encoder.load`. Raises `UserError` for what is no encoder.
    """
    if encoder is not EMBEDDED and is_model(texts) and not is_model(encoder):
        texts, encoder = encoder, texts
    return texts, Encoder.of(encoder, **options)


def is_model(given: Any) -> bool:
    """Whether something is plainly a model: a folder of one, or an object that holds one."""
    if isinstance(given, str | Path):
        try:
            return (Path(given) / "config.json").is_file()
        except (OSError, ValueError):  # a text that is too long for a path, or holds a NUL
            return False
    if isinstance(given, tuple) and given:
        given = given[0]
    return isinstance(given, Encoder | nn.Module) or isinstance(
        getattr(given, "model", None), nn.Module
    )
