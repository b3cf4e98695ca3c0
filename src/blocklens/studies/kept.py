"""Kept results: a step's tables and facts in a folder that appears whole, with a key.

    runs/<part>/<step>/result.json      key, facts, and SHA-256 of every file of the result
    runs/<part>/<step>/<table>.parquet

A result with another key is measured again, and so is one of which a file is gone or changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from blocklens.storage import file_digest, manifest, whole_folder
from blocklens.studies.part import Part, Result, Step

RESULT = "result.json"


class _Kept(BaseModel):
    """`result.json`; `files` by their names here, `beside` by their names in the study's folder.

    `beside` is None where the step was not asked to keep anything there.
    """

    model_config = ConfigDict(extra="forbid")

    key: str
    facts: dict[str, Any]
    files: dict[str, str]
    beside: dict[str, str] | None


def step_key(part: Part, step: Step) -> str:
    """A hash of what a step is made of: the part's version, its options, and what it uses."""
    values = {"part": part.name, "version": part.version, "step": step.name, "of": step.made_of}
    text = json.dumps(values, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Options as JSON has them. Raises TypeError for what would not be the same every time."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} cannot be part of a step's key")


def place_of(part: Part, step: Step, study: Path) -> Path:
    """Where a step's result is kept in a study's folder."""
    return study / "runs" / part.name / step.name.replace(", ", "-").replace(" ", "-")


def keep(result: Result, part: Part, step: Step, study: Path) -> None:
    """Write a result with its key and the digests of its files."""
    beside = None if step.keeps is None else manifest(study / step.keeps, of=study)
    with whole_folder(place_of(part, step, study)) as place:
        for name, frame in result.tables.items():
            frame.to_parquet(place / f"{name}.parquet", index=False)
        kept = _Kept(
            key=step_key(part, step), facts=dict(result.facts), files=manifest(place), beside=beside
        )
        (place / RESULT).write_text(kept.model_dump_json(indent=2) + "\n", "utf-8")


def read_kept(part: Part, step: Step, study: Path) -> Result | None:
    """The result that `keep` wrote, or None where there is none of this key, whole and unchanged.

    What belongs to it beside its tables is looked at only where the step still writes it.
    """
    place = place_of(part, step, study)
    try:
        kept = _Kept.model_validate_json((place / RESULT).read_bytes())
        if kept.key != step_key(part, step):
            return None
        if step.keeps is not None and not _unchanged(kept.beside, study):
            return None
        tables = {}
        for name, digest in kept.files.items():
            data = (place / name).read_bytes()
            if hashlib.sha256(data).hexdigest() != digest:
                return None
            tables[name.removesuffix(".parquet")] = pd.read_parquet(BytesIO(data))
    except (OSError, ValueError, ValidationError):
        return None
    return Result(tables, kept.facts)


def _unchanged(files: Mapping[str, str] | None, folder: Path) -> bool:
    return files is not None and all(
        (folder / name).is_file() and file_digest(folder / name) == digest
        for name, digest in files.items()
    )
