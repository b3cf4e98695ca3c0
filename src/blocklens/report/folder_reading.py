"""A study folder as the report reads it: study.json, tables, examples."""

import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from blocklens.errors import UserError
from blocklens.heads.example import Example
from blocklens.labels.tasks import Task
from blocklens.storage import file_digest
from blocklens.studies.study_record import StudyRecord


@contextmanager
def as_written(*folders: Path) -> Iterator[None]:
    """While studies are read and shown: what does not fit was not written by this version.

    Raises:
        UserError: tables or examples that cannot be shown.

    """
    try:
        yield
    except (ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError,
            TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:  # fmt: skip
        said = " ".join(str(error).split())[:160]
        raise UserError(
            f"{', '.join(map(str, folders))}: cannot be shown ({type(error).__name__}: {said}): a "
            "table there is not as this version writes it: run the command that wrote it again"
        ) from error


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

        Raises UserError when the folder has no readable study.json, or other tables than it says.
        """
        path = Path(path)
        record = StudyRecord.read(path)
        tables = {}
        for name, digest in record.files.items():
            file = path / name
            if not (file.is_file() and file_digest(file) == digest):
                raise UserError(
                    f"{file}: not what study.json says of it: run the command that wrote this "
                    "folder again"
                )
        with as_written(path):
            for file in (path / name for name in record.files):
                if file.parent.name == "tables":
                    tables[file.stem] = pd.read_parquet(file)
            study = record.model_dump(mode="json", exclude_none=True)
            index = path / "examples" / "examples.json"
            examples = json.loads(index.read_text("utf-8")) if index.is_file() else []
        return cls(path, study, tables, examples)

    def table(self, name: str) -> pd.DataFrame | None:
        """The table, or None where the study has none of that name or an empty one."""
        frame = self.tables.get(name)
        return None if frame is None or frame.empty else frame

    def of_task(self, name: str, task: Task) -> pd.DataFrame | None:
        """The table's rows of one kind of label, or None where there are none."""
        frame = self.table(name)
        if frame is None:
            return None
        rows = frame.loc[frame["task"] == task.name]
        return None if rows.empty else rows

    def example(self, k: int) -> Example:
        """The k-th example text with its matrices (loaded now, not kept)."""
        entry = self.example_index[k]
        with np.load(self.path / "examples" / f"{k}.npz", allow_pickle=False) as arrays:
            return Example(**entry, **{name: arrays[name] for name in arrays.files})
