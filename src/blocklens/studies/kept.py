"""Kept results: a step's tables and facts in a folder, with a hash of what went into it.

The hash is written last: a result without it is not there, and one with another is measured again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from blocklens.storage import whole_file, write_json, write_table
from blocklens.studies.part import Result


def fingerprint(values: Any) -> str:
    """A hash of anything that prints the same when it is the same."""
    return hashlib.sha256(repr(values).encode("utf-8")).hexdigest()


def kept_key(place: Path) -> str | None:
    """The hash of what went into the result that is kept here, or None."""
    done = place / "key.txt"
    return done.read_text("utf-8") if done.is_file() else None


def keep(result: Result, place: Path, key: str) -> None:
    """Write a result's tables and facts, and its key last."""
    (place / "key.txt").unlink(missing_ok=True)
    for name, frame in result.tables.items():
        write_table(frame, place / f"{name}.parquet")
    write_json(dict(result.facts), place / "facts.json")
    with whole_file(place / "key.txt") as partial:
        partial.write_text(key, "utf-8")


def read_kept(place: Path, tables: Sequence[str]) -> Result:
    """The result that `keep` wrote; a table that this step had none of is left out."""
    files = {name: place / f"{name}.parquet" for name in tables}
    frames = {name: pd.read_parquet(file) for name, file in files.items() if file.is_file()}
    return Result(frames, json.loads((place / "facts.json").read_text("utf-8")))
