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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blocklens.errors import UserError
from blocklens.inputs.fields import Bad, FieldPicker, Labelled, LabelPicker, kind_of
from blocklens.inputs.formats import READERS, Records
from blocklens.inputs.hub import HubDataset
from blocklens.inputs.listing import files_below
from blocklens.inputs.opening import SUPPORTED, UnusableError, format_of, opened

KEPT_SKIPPED = 1000

_LINE_BREAK = re.compile("\r\n|[\r\x0b\x0c\x85]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_NO_CHARACTER = re.compile("[\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Text:
    """One text and the name it goes by: "notes.txt", "articles.jsonl.xz:17", "standard input".

    `label`: its class, where the source was asked for labels.
    """

    name: str
    text: str
    label: str | int | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A text that was left out, and why."""

    name: str
    reason: str


def text_key(text: str) -> int:
    """63-bit hash of a text: its group in every interval, and its seed."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class TextSource:
    """The texts of a file, a folder, standard input ("-"), a Hub dataset or a Python iterable.

    `field` names the field (column) that holds the text; without it, see `FieldPicker`. `limit`
    ends after so many good texts. `strict` raises at the first bad text instead of skipping it.
    `labelled` reads every text with its label, from the field `label` (see `LabelPicker`); a text
    without one is a bad text.

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
    ) -> None:
        if limit is not None and limit < 1:
            raise UserError(f"a limit of {limit} texts: expected 1 or more")
        self.field = field
        self.labelled = labelled or label is not None
        self.label = label
        self.limit = limit
        self.strict = strict
        self.skipped: list[Skipped] = []
        self.skipped_count = 0
        self._digest: str | None = None
        self._kept: _Kept | None = None
        self._input: Path | None = None
        self._hub: HubDataset | None = None
        self._path: Path | None = None
        self._items: Iterable[object] = ()
        self._is_input = isinstance(source, str) and source == "-"
        if isinstance(source, Path) or (isinstance(source, str) and source != "-"):
            self.description = str(source)
            self._locate(source)
        elif self._is_input:
            self.description = "standard input"
        elif isinstance(source, Iterable) and not isinstance(source, bytes | bytearray | Mapping):
            self.description = "texts from Python"
            self._items = source
            if isinstance(source, Iterator):
                self._kept = _Kept(_picked(source, self._picker()))
        else:
            raise UserError(
                f"texts: {kind_of(source)} cannot be read; expected a path, a Hub id or strings"
            )

    def __iter__(self) -> Iterator[Text]:
        """Yield the good texts in order; resets `skipped`."""
        self.skipped, self.skipped_count = [], 0
        sha = hashlib.sha256()
        good = 0
        for name, raw in self._read():
            text = raw if isinstance(raw, Bad) else _clean(raw)
            if not text or text.isspace():
                text = Bad("is empty; give it some text or leave it out")
            if isinstance(text, Bad):
                self._skip(name, text)
                continue
            data = text.encode()
            sha.update(len(data).to_bytes(8, "little") + data)
            good += 1
            yield Text(name, text, getattr(raw, "label", None))
            if good == self.limit:
                break
        if not good:
            raise UserError(self._nothing_good())
        self._digest = sha.hexdigest()

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
        path = Path(source).expanduser()
        try:
            exists = path.exists()
        except (OSError, ValueError) as error:
            raise UserError(f"{_short(source)}: is no path ({error}); give a file name") from error
        if path.is_dir():
            self._path = path
            if not any(_is_known(file) for file in files_below(path)):
                raise UserError(f"{source}: the folder has no texts; expected {SUPPORTED}")
        elif exists:
            self._path = path
            try:
                format_of(path)
            except UnusableError as error:
                raise UserError(f"{source}: {error}") from error
        else:
            if isinstance(source, str) and not _is_known(path):
                self._hub = HubDataset.parse(source)
            if self._hub is None:
                raise UserError(
                    f"{_short(source)}: no such file or folder; check the path, "
                    "or give a Hub dataset as owner/name"
                )

    def _read(self) -> Iterator[tuple[str, str]]:
        """Yield names and texts, with a `Bad` for what cannot be read."""
        if self._is_input:
            yield from self._read_input()
        elif self._path is None:
            items = self._items if self._hub is None else self._hub.rows(class_names=self.labelled)
            records = self._kept or _picked(items, self._picker())
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
            with opened(path, compression, parquet=kind == "parquet") as stream:
                yield from _named(f"{name}:", READERS[kind](stream, self._picker()))
        except UnusableError as error:
            yield name, Bad(error)

    def _read_input(self) -> Iterator[tuple[str, str]]:
        name = "standard input"
        try:
            if self._input is None:
                folder = tempfile.mkdtemp(prefix="blocklens-")
                weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
                with (Path(folder) / "input").open("wb") as copy:
                    shutil.copyfileobj(sys.stdin.buffer, copy, 1 << 20)
                self._input = Path(folder) / "input"
            with opened(self._input, None, guess=True) as stream:
                kind = (
                    "jsonl"
                    if _is_object(next((li for li in stream if li.strip()), b""))
                    else "text"
                )
            with opened(self._input, None, guess=True) as stream:
                yield from _named(f"{name}:", READERS[kind](stream, self._picker()))
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


class _Kept:
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


def _named(prefix: str, records: Iterable[tuple[int | None, str]]) -> Iterator[tuple[str, str]]:
    for number, text in records:
        yield f"{prefix}{number}" if number is not None else prefix[:-1], text


def _picked(items: Iterable[object], picker: FieldPicker) -> Records:
    for number, item in enumerate(items, start=1):
        if isinstance(item, str):
            yield number, item
        elif isinstance(item, Mapping):
            yield number, picker.pick(item)
        else:
            yield number, Bad(f"is {kind_of(item)}; expected a string")


def _is_known(path: Path) -> bool:
    try:
        return format_of(path)[0] in READERS
    except UnusableError:
        return False


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode("utf-8-sig")), dict)
    except (ValueError, RecursionError):
        return False


def _short(source: str | Path) -> str:
    return " ".join(str(source)[:200].split())


def _clean(text: str) -> str:
    r"""Make line ends \n, control characters spaces, and what is no character U+FFFD.

    So that no tokenizer, table, HTML page or SVG further on meets what it cannot hold.
    """
    text = _LINE_BREAK.sub("\n", text.removeprefix("\ufeff"))
    return _NO_CHARACTER.sub("\ufffd", _CONTROL.sub(" ", text))
