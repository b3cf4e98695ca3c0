"""A study folder as the report reads it: study.json, tables, examples."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from blocklens.errors import UserError


@dataclass(frozen=True, slots=True)
class Example:
    """One text of the study with every head's matrices.

    `attention` and `similarity` [blocks, heads, tokens, tokens]; `sentences` holds -1 for special
    tokens.
    """

    name: str
    tokens: list[str]
    sentences: list[int]
    special: list[bool]
    attention: np.ndarray
    similarity: np.ndarray


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """What a study wrote, with every table optional: a part that was not run has none."""

    path: Path
    study: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    example_index: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "StudyFolder":
        """Read study.json and all tables.

        Raises UserError when the folder has no readable study.json.
        """
        path = Path(path)
        try:
            study = json.loads((path / "study.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path}: no readable study.json ({error.__class__.__name__}); "
                "give the folder that `blocklens study` wrote."
            ) from error
        if not isinstance(study, dict):
            raise UserError(f"{path / 'study.json'}: expected an object of options and versions.")
        tables = {}
        for file in sorted((path / "tables").glob("*.parquet")):
            try:
                tables[file.stem] = pd.read_parquet(file)
            except (OSError, ValueError) as error:
                raise UserError(
                    f"{file}: not a readable Parquet table; run the study again."
                ) from error
        index = path / "examples" / "examples.json"
        examples = json.loads(index.read_text("utf-8")) if index.is_file() else []
        return cls(path, study, tables, examples)

    def table(self, name: str) -> pd.DataFrame | None:
        """The table, or None where the study has none of that name or an empty one."""
        frame = self.tables.get(name)
        return None if frame is None or frame.empty else frame

    def example(self, k: int) -> Example:
        """The k-th example text with its matrices (loaded now, not kept)."""
        entry = self.example_index[k]
        with np.load(self.path / "examples" / f"{k}.npz", allow_pickle=False) as arrays:
            return Example(
                name=str(entry["name"]),
                tokens=list(entry["tokens"]),
                sentences=[int(s) for s in entry["sentences"]],
                special=[bool(s) for s in entry["special"]],
                attention=arrays["attention"],
                similarity=arrays["similarity"],
            )
