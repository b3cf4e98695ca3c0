"""Texts from wherever the user has them, one at a time.

A `TextSource` is read as often as one likes and holds one text in memory; what can be read only
once (standard input, a generator) is kept in a temporary file on the way. A bad text among good
ones is named in `skipped` and the rest goes on. Names, order and texts depend on the input alone.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from blocklens.errors import UserError
from blocklens.inputs.decoding import NO_CHARACTER, clean
from blocklens.inputs.fields import (
    UNLABELLED,
    Bad,
    FieldPicker,
    LabelPicker,
    LeftOut,
    kind_of,
    shown,
    visible,
)
from blocklens.inputs.hub import HubDataset, NamedClasses
from blocklens.inputs.in_memory import Frame, Kept, how_to_give, is_file, picked
from blocklens.inputs.limits import Limits
from blocklens.inputs.listing import refuse_arrow
from blocklens.inputs.opening import UnusableError, kind_of_file
from blocklens.inputs.text_files import Picker, StandardInput, TextFiles, named
from blocklens.inputs.transcripts import Cue
from blocklens.safe_text import writable

KEPT_SKIPPED = 1000

_EMPTY = Bad("is empty; give it some text or leave it out")
_NUMBERED = re.compile(r"(.*:|text )\d+")
"""The name of a record: "a.csv:17", "text 17"."""


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
        limits: Limits | None = None,
    ) -> None:
        if limit is not None and limit < 1:
            raise UserError(f"a limit of {limit} texts: expected 1 or more")
        limits = limits or Limits()
        self.limit = limit
        self.strict = strict
        self.skipped: list[Skipped] = []
        self.skipped_count = 0
        self.count: int | None = None
        self._digest: str | None = None
        self.whole_passes = self._checked = 0
        self._labelled = labelled = labelled or label is not None
        self._left_out: set[str] = set()
        self._pickers: list[FieldPicker] = []
        self._columns: dict[tuple[str, ...], None] = {}

        def picker() -> FieldPicker:
            self._pickers.append(LabelPicker(field, label) if labelled else FieldPicker(field))
            return self._pickers[-1]

        self._read: Iterable[tuple[str, str]]
        if isinstance(source, str) and source == "-":
            self.description = StandardInput.name
            self._read = StandardInput(picker, limits=limits)
        elif isinstance(source, str | Path):
            self._read = _texts_at(source, picker, labelled=labelled, limits=limits)
            self.description = writable(str(source))
        elif advice := how_to_give(source):
            raise UserError(f"texts: {kind_of(source)} cannot be read; {advice}")
        else:
            self.description = "texts from Python"
            self._read = _texts_in(source, picker, labelled=labelled)

    def __iter__(self) -> Iterator[Text]:
        """Yield the good texts in order; resets `skipped`.

        Raises UserError at the end of a pass that gave other texts than the one before.
        """
        self.skipped, self.skipped_count = [], 0
        self._left_out.clear()
        sha = hashlib.sha256()
        good = empty = 0
        for name, raw in ((writable(name), raw) for name, raw in self._read):
            text = raw if isinstance(raw, Bad) else clean(raw)
            if not visible(text):
                text = _EMPTY
            label = getattr(raw, "label", None)
            if self._labelled and label is None and not isinstance(text, Bad):
                text = UNLABELLED
            if isinstance(text, Bad):
                empty += text is _EMPTY and _NUMBERED.fullmatch(name) is not None
                self._skip(name, text)
                continue
            data = text.encode()
            sha.update(len(data).to_bytes(8, "little") + data)
            good += 1
            label = NO_CHARACTER.sub("\ufffd", label) if isinstance(label, str) else label
            yield Text(name, text, label, getattr(raw, "cues", ()))
            if good == self.limit:
                break
        self._columns |= {tuple(one.fields): None for one in self._pickers if one.fields}
        fields = next((one.columns for one in self._pickers if one.fields), {})
        self._pickers.clear()
        if not good:
            raise UserError(self._nothing_good(empty, fields))
        self.whole_passes += 1
        self.count = good
        if self._digest not in (None, sha.hexdigest()):
            raise UserError(
                f"{self.description}: the texts changed while they were measured, so nothing of it "
                "was kept: run the same command again once they stay as they are"
            )
        self._digest = sha.hexdigest()

    @property
    def columns(self) -> list[tuple[str, ...]]:
        """The fields that were read: that of the text and, of labelled ones, that of the label.

        Several where files have fields of their own; none where texts are no records. Known once a
        pass has come to its end.
        """
        return list(self._columns)

    def expect(self, digest: str) -> None:
        """Every pass is to have the digest that another process found."""
        self._digest = digest

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

    def _skip(self, name: str, reason: Bad) -> None:
        if self.strict and not isinstance(reason, LeftOut):
            raise UserError(f"{name}: {reason}")
        self.skipped_count += 1
        if isinstance(reason, LeftOut):
            self._left_out.add(name)
        if len(self.skipped) < KEPT_SKIPPED:
            self.skipped.append(Skipped(name, str(reason)))

    def _nothing_good(self, empty: int, fields: Mapping[str, str]) -> str:
        """Why no text can be used, `empty` of them because nothing stands in their `fields`."""
        if not self.skipped:
            return f"{self.description}: holds no texts; give at least one"
        wrong = [one for one in self.skipped if one.name not in self._left_out] or self.skipped
        files = [one for one in wrong if not one.name.rpartition(":")[2].isdigit()]
        worst = (files or wrong)[0]  # what is wrong with a file rather than with a record
        first = f"{worst.name}: {worst.reason}"
        if empty and self._columns and all(one.reason == _EMPTY for one in wrong):
            read = " and ".join(dict.fromkeys(repr(names[0]) for names in self._columns))
            return (
                f"{self.description}: the field {read}, read as the text, is empty in every record "
                f"({empty:,} in all); name another with --text-field (in Python: field=); "
                f"{shown(fields)}"
            )
        bad = self.skipped_count - len(self._left_out)
        if bad <= 1:
            return first
        return f"{self.description}: none of {bad} texts can be used; first, {first}"


def columns_note(columns: Sequence[tuple[str, ...]]) -> str:
    """Which fields were read, in a sentence; "" where texts are no records."""
    if not columns:
        return ""
    said = [" and ".join(repr(name) for name in names) for names in columns]
    if len(said) == 1:
        return f"Read from the field{'s' if len(columns[0]) > 1 else ''} {said[0]}."
    return f"Read from other fields in some files: {'; '.join(said)}."


class _Records:
    """The texts of records that lie in no file, numbered behind `prefix`."""

    def __init__(
        self, name: str, prefix: str, read: Callable[[], Iterable[tuple[int | None, str]]]
    ) -> None:
        self._name, self._prefix, self._read = name, prefix, read

    def __iter__(self) -> Iterator[tuple[str, str]]:
        try:
            yield from named(self._prefix, self._read())
        except UnusableError as error:
            yield self._name, Bad(error)


def _texts_in(source: Iterable[Any], picker: Picker, *, labelled: bool) -> _Records:
    """The texts that Python holds; of what can be gone through only once a copy is kept."""
    if isinstance(source, list | tuple) and source and all(map(is_file, source)):
        raise UserError(
            f"texts: a list of files ({source[0]}, ...); give one file, or the folder that "
            "holds them"
        )
    items: Iterable[Any] = source
    if hasattr(source, "itertuples"):
        items = Frame(source)
    elif labelled and isinstance(getattr(source, "features", None), Mapping):
        items = NamedClasses(source)
    kept = Kept(picked(source, picker())) if isinstance(source, Iterator) else None
    return _Records("texts from Python", "text ", lambda: kept or picked(items, picker()))


def _texts_at(
    source: str | Path, picker: Picker, *, labelled: bool, limits: Limits
) -> Iterable[tuple[str, str]]:
    """The texts of a file or folder, or of a dataset on the Hub."""
    if not str(source).strip():
        raise UserError("texts: the path is empty; give a file, a folder, or . for this folder")
    path = Path(source).expanduser()
    try:
        exists = path.exists()
    except (OSError, ValueError) as error:
        raise UserError(f"{_short(source)}: is no path ({error}); give a file name") from error
    if exists:
        refuse_arrow(path)
        return TextFiles(path, picker, labelled=labelled, limits=limits)
    hub = None if isinstance(source, Path) or kind_of_file(path) else HubDataset.parse(source)
    if hub is None:
        advice = "check the path, or give a Hub dataset as owner/name"
        if len(str(source).split()) > 2:
            advice = (
                "if it is a text, pipe it in and give - as the path (in Python: give a list, "
                "[text])"
            )
        raise UserError(f"{_short(source)}: no such file or folder; {advice}")
    rows = partial(hub.rows, class_names=labelled)
    return _Records(str(source), f"{hub.id}:", lambda: picked(rows(), picker()))


def _short(source: str | Path) -> str:
    return " ".join(str(source)[:200].split())
