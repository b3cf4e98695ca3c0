"""Presets of labelled texts: the sizes of the group's runs."""

from __future__ import annotations

from typing import Literal

Preset = Literal["fewrel", "dbpedia", "agnews"]
"""`fewrel` reads FewRel's own format as well."""

SIZES: dict[str, tuple[int, int]] = {
    "fewrel": (630, 70),
    "dbpedia": (100, 100),
    "agnews": (1000, 1000),
}
"""Training and test texts a class (docs/definitions.md: fine-tuning along the blocks; code)."""
