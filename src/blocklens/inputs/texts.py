"""Texts from wherever the user has them, one at a time.

A `TextSource` is read as often as one likes and holds one text in memory; what can be read only
once (standard input, a generator) is kept in a temporary file on the way. A bad text among good
ones is named in `skipped` and the rest goes on. Names, order and texts depend on the input alone.
"""

import hashlib
import json
import re
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blocklens.errors import UserError
from blocklens.inputs.fields import (
    Bad,
    FieldPicker,
    Labelled,
    LabelPicker,
    kind_of,
    label_of,
    visible,
)
from blocklens.inputs.hub import HubDataset
from blocklens.inputs.in_memory import Frame, Kept, is_file, picked
from blocklens.inputs.listing import UNLABELLED_FOLDERS, files_below, split_files_in, splits_in
from blocklens.inputs.opening import (
    LIMITS,
    SUPPORTED,
    Limits,
    UnusableError,
    format_of,
    kind_of_file,
    members,
    opened,
)
from blocklens.inputs.records import READERS, Records
from blocklens.inputs.transcripts import Cue

KEPT_SKIPPED = 1000

_LINE_BREAK = re.compile("\r\n|[\r\x0b\x0c\x85]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_JSON_BEGINS = re.compile(rb"\s*(\[\s*(\{.*)?|\{)\s*", re.DOTALL)  # over several lines
_NO_CHARACTER = re.compile("[\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Text:
    """One text and the name it goes by: "notes.txt", "articles.jsonl.xz:17", "standard input".

    `label`: its class, where the source was asked for labels. `cues`: of a transcript, its times.
    """

    name: str
    text: str
    label: str | int | None = None
    cues: Sequence[Cue] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A text that was left out, and why."""

    name: str
    reason: str


class TextSource:
    """The texts of a file, a folder, standard input ("-"), a Hub dataset or a Python iterable.

    `field` names the field (column) that holds the text; without it, see `FieldPicker`. `limit`
    ends after so many good texts. `strict` raises at the first bad text instead of skipping it.
    `labelled` reads every text with its label, from the field `label` (see `LabelPicker`), or, in a
    folder of .txt and .md files alone, from the name of the folder within it; a text without one is
    a bad text. `limits`: how much of a record and of a file is read.

    Raises `UserError` for a source that is missing or of no known kind; and, when iterated, if no
    text in it can be used.
    """

    def __init__(
        self,
        source: "str | Path | Iterable[str | Mapping[str, Any]]",
        *,
        field: str | None = None,
        limit: int | None = None,
        strict: bool = False,
        labelled: bool = False,
        label: str | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        if limit is not None and limit < 1:
            raise UserError(f"a limit of {limit} texts: expected 1 or more")
        self.field = field
        self.labelled = labelled or label is not None
        self.label = label
        self.limit = limit
        self.strict = strict
        self.limits = limits
        self.skipped: list[Skipped] = []
        self.skipped_count = 0
        self._digest: str | None = None
        self.whole_passes = self._checked = 0
        self._kept: Kept | None = None
        self._input: Path | None = None
        self._hub: HubDataset | None = None
        self._path: Path | None = None
        self._class_folders = False
        self._items: Iterable[object] = ()
        self._is_input = isinstance(source, str) and source == "-"
        if isinstance(source, Path) or (isinstance(source, str) and source != "-"):
            self.description = str(source)
            self._locate(source)
        elif self._is_input:
            self.description = "standard input"
        elif isinstance(source, Iterable) and not isinstance(source, bytes | bytearray | Mapping):
            self.description = "texts from Python"
            self._items = Frame(source) if hasattr(source, "itertuples") else source
            if isinstance(source, list | tuple) and source and all(map(is_file, source)):
                raise UserError(
                    f"texts: a list of files ({source[0]}, ...); give one file, or the folder that "
                    "holds them"
                )
            if isinstance(source, Iterator):
                self._kept = Kept(picked(source, self._picker()))
        else:
            raise UserError(
                f"texts: {kind_of(source)} cannot be read; expected a path, a Hub id or strings"
            )

    def __iter__(self) -> Iterator[Text]:
        """Yield the good texts in order; resets `skipped`.

        Raises UserError at the end of a pass that gave other texts than the one before.
        """
        self.skipped, self.skipped_count = [], 0
        sha = hashlib.sha256()
        good = 0
        for name, raw in self._read():
            text = raw if isinstance(raw, Bad) else _clean(raw)
            if not visible(text):
                text = Bad("is empty; give it some text or leave it out")
            if isinstance(text, Bad):
                self._skip(name, text)
                continue
            data = text.encode()
            sha.update(len(data).to_bytes(8, "little") + data)
            good += 1
            yield Text(name, text, getattr(raw, "label", None), getattr(raw, "cues", ()))
            if good == self.limit:
                break
        if not good:
            raise UserError(self._nothing_good())
        self.whole_passes += 1
        if self._digest not in (None, sha.hexdigest()):
            raise UserError(
                f"{self.description}: the texts changed while they were measured, so nothing of it "
                "was kept: run the same command again once they stay as they are"
            )
        self._digest = sha.hexdigest()

    def check_unchanged(self) -> None:
        """Read the texts once more where no pass has reached their end since this was last asked.

        Raises:
            UserError: they are not what they were in the first pass.

        """
        if self.whole_passes == self._checked:
            for _ in self:
                pass
        self._checked = self.whole_passes

    def digest(self) -> str:
        """Return the SHA-256 of the good texts in their order (their names are left out).

        Costs a pass over the texts unless one has been completed.
        """
        if self._digest is None:
            for _ in self:
                pass
        assert self._digest is not None
        return self._digest

    def _picker(self) -> FieldPicker:
        return LabelPicker(self.field, self.label) if self.labelled else FieldPicker(self.field)

    def _locate(self, source: str | Path) -> None:
        if not str(source).strip():
            raise UserError("texts: the path is empty; give a file, a folder, or . for this folder")
        path = Path(source).expanduser()
        try:
            exists = path.exists()
        except (OSError, ValueError) as error:
            raise UserError(f"{_short(source)}: is no path ({error}); give a file name") from error
        if path.is_dir():
            self._path = path
            kinds = {kind for file in files_below(path) if (kind := kind_of_file(file))}
            if not kinds:
                raise UserError(f"{source}: the folder has no texts; expected {SUPPORTED}")
            self._class_folders = self.labelled and kinds <= {"text", "markdown"}
            if self._class_folders and (splits := splits_in(path)):
                names = " and ".join(path.name for path in splits.values())
                raise UserError(
                    f"{source}: its folders {names} are splits, not classes; give one of them, and "
                    "one to measure on with --test"
                )
            if self.labelled and (files := split_files_in(path)):
                names = " and ".join(files)
                raise UserError(
                    f"{source}: its files {names} are splits; give the one to train on, and the "
                    "one to measure on with --test"
                )
        elif exists:
            self._path = path
            try:
                format_of(path)
            except UnusableError as error:
                raise UserError(f"{source}: {error}") from error
        else:
            if isinstance(source, str) and not kind_of_file(path):
                self._hub = HubDataset.parse(source)
            if self._hub is None:
                advice = "check the path, or give a Hub dataset as owner/name"
                if len(str(source).split()) > 2:
                    advice = (
                        "if it is a text, pipe it in and give - as the path (in Python: give a "
                        "list, [text])"
                    )
                raise UserError(f"{_short(source)}: no such file or folder; {advice}")

    def _read(self) -> Iterator[tuple[str, str]]:
        """Yield names and texts, with a `Bad` for what cannot be read."""
        if self._is_input:
            yield from self._read_input()
        elif self._path is None:
            items = self._items if self._hub is None else self._hub.rows(class_names=self.labelled)
            records = self._kept or picked(items, self._picker())
            try:
                yield from _named("text " if self._hub is None else f"{self._hub.id}:", records)
            except UnusableError as error:
                yield self.description, Bad(error)
        elif self._path.is_dir():
            for file in files_below(self._path):
                yield from self._read_file(file, file.relative_to(self._path).as_posix())
        else:
            yield from self._read_file(self._path, self._path.name)

    def _read_file(self, path: Path, name: str) -> Iterator[tuple[str, str]]:
        try:
            kind, compression = format_of(path)
            if kind != "zip":
                yield from self._read_records(kind, compression, path, name)
                return
            for member in members(path):
                inner = f"{name}/{member}"
                try:
                    kind, compression = format_of(Path(member))
                    yield from self._read_records(kind, compression, path, inner, member)
                except UnusableError as error:
                    yield inner, Bad(error)
        except UnusableError as error:
            yield name, Bad(error)

    def _read_records(
        self, kind: str, compression: str | None, path: Path, name: str, member: str | None = None
    ) -> Iterator[tuple[str, str]]:
        parquet = kind == "parquet"
        with opened(
            path, compression, parquet=parquet, member=member, limits=self.limits
        ) as stream:
            records = READERS[kind](stream, self._picker(), self.limits)
            if self.labelled and kind in ("text", "markdown"):
                records = self._with_folder(records, name)
            yield from _named(f"{name}:", records)

    def _with_folder(self, records: Records, name: str) -> Records:
        """Whole files with the folder they lie in as their label."""
        folder, slash, _ = name.partition("/")
        for number, text in records:
            if not (self._class_folders and slash):
                text = Bad(
                    "is a text without a label; give records with one, or folders of .txt files "
                    "alone, one a class"
                )
            elif folder in UNLABELLED_FOLDERS:
                text = Bad(f"lies in {folder!r}, the folder of texts without a label; left out")
            elif not isinstance(text, Bad):
                text = Labelled(text)
                text.label = label_of(folder) or folder
            yield number, text

    def _read_input(self) -> Iterator[tuple[str, str]]:
        name = "standard input"
        try:
            if self._input is None:
                folder = tempfile.mkdtemp(prefix="blocklens-")
                weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
                with (Path(folder) / "input").open("wb") as copy:
                    shutil.copyfileobj(sys.stdin.buffer, copy, 1 << 20)
                self._input = Path(folder) / "input"
            with opened(self._input, None, guess=True, limits=self.limits) as stream:
                kind = _kind_by(next((li for li in stream if li.strip()), b""))
            with opened(self._input, None, guess=True, limits=self.limits) as stream:
                yield from _named(f"{name}:", READERS[kind](stream, self._picker(), self.limits))
        except UnusableError as error:
            yield name, Bad(error)
        except OSError as error:
            raise UserError(
                f"{name}: cannot be kept in a temporary file ({error.strerror}); "
                "make room, or set TMPDIR to another folder"
            ) from error

    def _skip(self, name: str, reason: Bad) -> None:
        if self.strict:
            raise UserError(f"{name}: {reason}")
        self.skipped_count += 1
        if len(self.skipped) < KEPT_SKIPPED:
            self.skipped.append(Skipped(name, str(reason)))

    def _nothing_good(self) -> str:
        if not self.skipped:
            return f"{self.description}: holds no texts; give at least one"
        first = f"{self.skipped[0].name}: {self.skipped[0].reason}"
        if self.skipped_count == 1:
            return first
        return f"{self.description}: none of {self.skipped_count} texts can be used; first, {first}"


def _named(prefix: str, records: Iterable[tuple[int | None, str]]) -> Iterator[tuple[str, str]]:
    for number, text in records:
        yield f"{prefix}{number}" if number is not None else prefix[:-1], text


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


def _short(source: str | Path) -> str:
    return " ".join(str(source)[:200].split())


def _clean(text: str) -> str:
    r"""Make line ends \n, control characters spaces, and what is no character U+FFFD.

    So that no tokenizer, table, HTML page or SVG further on meets what it cannot hold.
    """
    text = _LINE_BREAK.sub("\n", text.removeprefix("\ufeff"))
    return _NO_CHARACTER.sub("\ufffd", _CONTROL.sub(" ", text))
