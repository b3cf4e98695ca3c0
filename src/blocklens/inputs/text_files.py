"""The texts of a file, of the files in a folder, and of standard input, each with its name.

A name is the file's in its folder, with the record's number where a file holds several. What cannot
be read is a `Bad` in the place of a text.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath, PurePosixPath

from blocklens.errors import UserError
from blocklens.inputs.fields import (
    UNLABELLED,
    Bad,
    FieldPicker,
    Labelled,
    LeftOut,
    folder_class,
)
from blocklens.inputs.limits import Limits
from blocklens.inputs.listing import (
    UNLABELLED_FOLDERS,
    entries_of,
    files_below,
    split_files,
    splits_in,
    walk_below,
)
from blocklens.inputs.opening import (
    COMPRESSIONS,
    SUPPORTED,
    UnusableError,
    format_of,
    kind_of_file,
    members,
    opened,
)
from blocklens.inputs.records import READERS, Records
from blocklens.safe_text import writable

NamedTexts = Iterator[tuple[str, str]]
Picker = Callable[[], FieldPicker]
"""Makes the one that takes texts from the records of one file."""

NAMED = 3
"""How many of the folders that are left out an error names."""
WHOLE_FILES = frozenset({"text", "markdown", "transcript"})
"""Kinds of files that are one text each."""
_JSON_BEGINS = re.compile(rb"\s*(\[\s*(\{.*)?|\{)\s*", re.DOTALL)  # over several lines


class TextFiles:
    """The texts of a file, or of the files in a folder.

    `labelled`: of files that are one text each (`WHOLE_FILES`), the folder one lies in is its
    label.

    Raises:
        UserError: nothing there, or of no known kind.

    """

    def __init__(self, path: Path, picker: Picker, *, labelled: bool, limits: Limits) -> None:
        self._path = path
        self._picker = picker
        self._labelled = labelled
        self._limits = limits
        self._class_folders = False
        if path.is_dir():
            self._class_folders = _class_folders(path, labelled=labelled)
            return
        try:
            format_of(path)
        except UnusableError as error:
            raise UserError(f"{path}: {error}") from error

    def __iter__(self) -> NamedTexts:
        if self._path.is_dir():
            for file, why in walk_below(self._path):
                name = file.relative_to(self._path).as_posix()
                if why:
                    yield f"{name}/", LeftOut(f"{why}; left out: give it alone to read its texts")
                elif file.suffix.lower() in COMPRESSIONS and file.with_suffix("").is_file():
                    yield name, _copy_of(file)
                else:
                    yield from self._read_file(file, name)
        else:
            yield from self._read_file(self._path, self._path.name)

    def _read_file(self, path: Path, name: str) -> NamedTexts:
        try:
            kind, compression = format_of(path)
            if kind != "zip":
                yield from self._read_records(kind, compression, path, name)
                return
            inside = members(path)
            if self._labelled:
                _refuse_splits(path, inside)
            for member in inside:
                inner = f"{name}/{member}"
                one = PurePosixPath(member)
                if one.suffix.lower() in COMPRESSIONS and str(one.with_suffix("")) in inside:
                    yield inner, _copy_of(one)
                    continue
                try:
                    kind, compression = format_of(Path(member))
                    yield from self._read_records(kind, compression, path, inner, member)
                except UnusableError as error:
                    yield inner, Bad(error)
        except UnusableError as error:
            yield name, Bad(error)

    def _read_records(
        self, kind: str, compression: str | None, path: Path, name: str, member: str | None = None
    ) -> NamedTexts:
        parquet = kind == "parquet"
        with opened(
            path, compression, parquet=parquet, member=member, limits=self._limits
        ) as stream:
            records = READERS[kind](stream, self._picker(), self._limits)
            if self._labelled and kind in WHOLE_FILES:
                records = self._with_folder(records, name)
            yield from named(f"{name}:", records)

    def _with_folder(self, records: Records, name: str) -> Records:
        """Whole files with the folder they lie in as their label."""
        folder, slash, _ = name.partition("/")
        for number, text in records:
            if not (self._class_folders and slash):
                text = UNLABELLED
            elif folder in UNLABELLED_FOLDERS:
                text = Bad(f"lies in {folder!r}, the folder of texts without a label; left out")
            elif not isinstance(text, Bad):
                text = Labelled(text)
                text.label = folder_class(folder)
            yield number, text


class StandardInput:
    """Texts from standard input, kept in a temporary file to be read again."""

    name = "standard input"

    def __init__(self, picker: Picker, *, limits: Limits) -> None:
        self._picker = picker
        self._limits = limits
        self._copy: Path | None = None

    def __iter__(self) -> NamedTexts:
        try:
            if self._copy is None:
                folder = tempfile.mkdtemp(prefix="blocklens-")
                weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
                with (Path(folder) / "input").open("wb") as copy:
                    shutil.copyfileobj(sys.stdin.buffer, copy, 1 << 20)
                self._copy = Path(folder) / "input"
            with opened(self._copy, None, guess=True, limits=self._limits) as stream:
                kind = _kind_by(next((line for line in stream if line.strip()), b""))
            with opened(self._copy, None, guess=True, limits=self._limits) as stream:
                yield from named(
                    f"{self.name}:", READERS[kind](stream, self._picker(), self._limits)
                )
        except UnusableError as error:
            yield self.name, Bad(error)
        except OSError as error:
            raise UserError(
                f"{self.name}: cannot be kept in a temporary file ({error.strerror}); "
                "make room, or set TMPDIR to another folder"
            ) from error


def named(prefix: str, records: Iterable[tuple[int | None, str]]) -> NamedTexts:
    """Texts with the names that follow from their numbers: the prefix alone where there is none."""
    for number, text in records:
        yield f"{prefix}{number}" if number is not None else prefix[:-1], text


def _copy_of(file: PurePath) -> LeftOut:
    """Why a compressed file is not read beside the one it is taken for a copy of."""
    return LeftOut(f"has the name of {file.stem}, which lies beside it; left out")


def _class_folders(folder: Path, *, labelled: bool) -> bool:
    """Whether the folders in `folder` are classes of texts.

    Raises:
        UserError: no texts in it, or splits of labelled texts.

    """
    walked = list(walk_below(folder))
    kinds = {kind for file, why in walked if not why and (kind := kind_of_file(file))}
    if not kinds:
        left_out = [f"{path.relative_to(folder)} {why}" for path, why in walked if why]
        more = ", ..." if len(left_out) > NAMED else ""
        said = f" (left out: {', '.join(left_out[:NAMED])}{more})" if left_out else ""
        raise UserError(
            f"{writable(f'{folder}: the folder has no texts{said}')}; expected {SUPPORTED}"
        )
    if not labelled:
        return False
    class_folders = kinds <= WHOLE_FILES
    if class_folders and (splits := splits_in(folder)):
        names = " and ".join(path.name for path in splits.values())
        raise UserError(
            f"{folder}: its folders {names} are splits, not classes; give one of them, and one to "
            "measure on with --test"
        )
    below = () if class_folders else files_below(folder)
    inside = {str(file.relative_to(folder)) for file in below if kind_of_file(file)}
    inside |= {one.name for one in entries_of(folder) if one.is_file()}
    _refuse_splits(folder, sorted(inside))
    return class_folders


def _refuse_splits(place: Path, names: Iterable[str]) -> None:
    """Never mix what is to train on with what is to measure on.

    Raises:
        UserError: files in a folder or an archive are splits of labelled texts.

    """
    if files := split_files(names):
        raise UserError(
            f"{place}: its files {' and '.join(files)} are splits; give the one to train on, and "
            "the one to measure on with --test"
        )


def _kind_by(line: bytes) -> str:
    """The format of standard input, by its first line: one text, unless it is JSON."""
    line = line.removeprefix(b"\xef\xbb\xbf")
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError):
        return "json" if _JSON_BEGINS.fullmatch(line) else "text"
    if isinstance(value, list) and value:
        value = value[0]
    return "json" if isinstance(value, dict) else "text"
