"""Shortened classifiers that a study exported, each known by the result it was made from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from blocklens.storage import write_json
from blocklens.studies.kept import RESULT

MADE_FROM = "made-from.json"


def exported_place(folder: Path, block: int) -> Path:
    """Where a study's folder has the classifier up to a block."""
    return folder / f"block-{block}"


def mark_exported(folder: Path, block: int, step: str) -> None:
    """Write down which result of the classes an exported classifier was made from."""
    made_from = {"step": step, "key": _kept_key(folder, step)}
    write_json(made_from, exported_place(folder, block) / MADE_FROM)


def remove_stale(folder: Path) -> list[str]:
    """Remove exported classifiers whose result is no longer the study's; a line about each.

    One that stayed would answer with the labels, the texts or the encoder of before. One of which
    nobody knows what it was made from (of an earlier version) stays, and is named.
    """
    said = []
    for place in sorted(folder.glob("block-*")):
        anew = f"--export-block {place.name.removeprefix('block-')} makes it anew"
        try:
            made_from = json.loads((place / MADE_FROM).read_text("utf-8"))
            stale = made_from["key"] != _kept_key(folder, made_from["step"])
        except (OSError, ValueError, KeyError, TypeError):
            said.append(f"{place.name} may be of other labels, options or weights: {anew}")
            continue
        if stale:
            shutil.rmtree(place)
            said.append(
                f"{place.name} was made from other labels, options or weights and is removed: "
                f"{anew}"
            )
    return said


def _kept_key(folder: Path, step: str) -> str:
    return json.loads((folder / "runs" / "classes" / step / RESULT).read_text("utf-8"))["key"]
