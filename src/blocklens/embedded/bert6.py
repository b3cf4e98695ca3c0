"""The encoder that comes with the package: a small BERT-6 of our own (docs/pretraining.md).

Its name "embedded" stands wherever a model folder or a Hub id may stand.
"""

from __future__ import annotations

from pathlib import Path

EMBEDDED = "embedded"
"""Name of the embedded encoder (a folder of the user's of that name is "./embedded")."""

FOLDER = Path(__file__).parent / "bert-6"
"""An ordinary Hugging Face folder with a masked-LM head, weights in half precision."""


def address(source: str | Path) -> str:
    """Where a model is: the package's own folder for "embedded", any other source as it is."""
    return str(FOLDER if source == EMBEDDED else source)
