"""Texts that Python holds: strings, records, tables, and what can be gone through only once."""

from __future__ import annotations

import json
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from blocklens.errors import UserError
from blocklens.inputs.fields import Bad, FieldPicker, Labelled, LabelPicker, kind_of
from blocklens.inputs.opening import kind_of_file
from blocklens.inputs.picking import Records, picks


class Kept:
    """Records that can be had only once, kept in a temporary file to be read again."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._file = tempfile.TemporaryFile(prefix="blocklens-")  # noqa: SIM115 - lives as long
        weakref.finalize(self, self._file.close)

    def __iter__(self) -> Records:
        position = 0
        while True:
            self._file.seek(position)
            line = self._file.readline()
            if not line:
                record = next(self._records, None)
                if record is None:
                    return
                label = getattr(record[1], "label", None)
                line = json.dumps([*record, isinstance(record[1], Bad), label]).encode() + b"\n"
                self._file.write(line)
            position += len(line)
            number, text, bad, label = json.loads(line)
            if label is not None:
                text = Labelled(text)
                text.label = label
            yield number, Bad(text) if bad else text


class Frame:
    """The rows of a pandas table as records."""

    def __init__(self, table: Any) -> None:
        self._table = table
        if not table.columns.is_unique:
            twice = table.columns[table.columns.duplicated()][0]
            raise UserError(f"texts: two columns are called {twice!r}; give each its own name")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = [str(name) for name in self._table.columns]
        for row in self._table.itertuples(index=False, name=None):
            yield dict(zip(names, row, strict=True))


def picked(items: Iterable[object], picker: FieldPicker) -> Records:
    """Numbered texts of items: strings as they are, of a record what the picker takes."""
    labelled = isinstance(picker, LabelPicker)
    expected = 'a record such as {"text": ..., "label": ...}' if labelled else "a string"

    def known(item: object) -> object:
        if isinstance(item, Mapping | Bad) or (isinstance(item, str) and not labelled):
            return item
        return Bad(f"is {kind_of(item)}; expected {expected}")

    return picks(enumerate(map(known, items), start=1), picker)


def how_to_give(source: Any) -> str | None:
    """What to do about something that holds no texts one by one; None where it may hold them."""
    if isinstance(source, Mapping):
        parts = [*source.values()]
        if any(hasattr(part, "features") or hasattr(part, "itertuples") for part in parts):
            return f'give one split of it, such as ["{next(iter(source))}"]'
        if parts and not any(isinstance(part, str | Mapping) for part in parts):
            return "it holds columns: give a table of them, pandas.DataFrame(...)"
    elif hasattr(source, "to_pandas") and hasattr(source, "columns"):  # of PyArrow or Polars
        return "give a table of pandas: its .to_pandas()"
    elif isinstance(source, Iterable) and not isinstance(source, bytes | bytearray):
        return None
    return "expected a path, a Hub id or strings"


def is_file(item: object) -> bool:
    """Whether an item of a list of texts is the name of a file of texts instead."""
    if not isinstance(item, str | Path) or not kind_of_file(Path(item)):
        return False
    try:
        return Path(item).is_file()
    except (OSError, ValueError):
        return False
