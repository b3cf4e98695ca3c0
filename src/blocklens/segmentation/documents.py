"""Texts whose true segments are known: Choi's format and articles with sections.

Read are, by content and not by name: JSON lines with ``segments`` (lists of sentences), JSON
lines with ``sections`` (a list of ``{heading, paragraphs: [[sentence, ...], ...]}``; the headings
are left out, since they would give the answer away), and Choi's own plain text: one sentence a
line, a line of ten or more ``=`` before, between and after segments. Files ending in .xz, .gz,
.zst or .bz2 are unpacked as they are read; of a folder every ``*.ref`` file below it is read, in
the order of names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from blocklens.errors import UserError
from blocklens.inputs.decoding import lines_of
from blocklens.inputs.limits import Limits
from blocklens.inputs.opening import COMPRESSIONS, UnusableError, opened
from blocklens.safe_text import writable
from blocklens.wording import counted


@dataclass(frozen=True, slots=True)
class Document:
    """A text in sentences, and the lengths of its true segments in sentences."""

    name: str
    sentences: list[str]
    masses: list[int]
    fields: dict[str, Any]
    """The record's other fields, e.g. ``set`` and ``range`` of Choi's documents."""

    def in_words(self, masses: Sequence[int]) -> list[int]:
        """The segments' lengths in words (split at spaces) in place of sentences.

        Choi's own figures (2000) count words, which lets long sentences weigh more.
        """
        words = [len(sentence.split()) for sentence in self.sentences]
        ends = np.cumsum([0, *words])[np.cumsum([0, *masses])]
        return [int(length) for length in np.diff(ends)]


def read_documents(path: str | Path, *, left_out: list[str] | None = None) -> Iterator[Document]:
    """Documents with true segments from a file or a folder, in order, one at a time.

    Documents of fewer than two segments have nothing to be scored and are left out; their names
    are added to `left_out`.

    Raises:
        UserError: the path is missing or unreadable, a record has neither ``segments`` nor
            ``sections``, or is not made of lists of sentences; the message names file and line.

    """
    path = Path(path)
    if path.is_dir():
        files = sorted(path.rglob("*.ref"))
        if not files:
            raise UserError(f"{path}: expected Choi's *.ref files below this folder, found none")
    elif path.exists():
        files = [path]
    else:
        raise UserError(f"{path}: no such file or folder; give a .jsonl, .ref or folder of .ref")
    for document in chain.from_iterable(map(_read_file, files)):
        if len(document.masses) > 1:
            yield document
        elif left_out is not None:
            left_out.append(document.name)


def without(left_out: Sequence[str]) -> list[str]:
    """A line on the documents that `read_documents` left out, where there are any."""
    if not left_out:
        return []
    many = counted(len(left_out), "document")
    return [f"left out, of fewer than two segments: {many}; first, {left_out[0]}"]


def selected(
    documents: Iterable[Document], where: Mapping[str, Collection[str]], every: int = 1
) -> Iterator[Document]:
    """Documents whose fields have one of the values given, and of those every n-th.

    Args:
        documents: in order.
        where: for each field the values that are taken, written as text, e.g. {"set": ["1", "2"]}.
        every: take the first of every so many.

    Raises:
        UserError: a document without such a field.

    """
    place = 0
    for document in documents:
        for name, values in where.items():
            if name not in document.fields:
                has = ", ".join(document.fields) or "none"
                raise UserError(f"{document.name}: no field {name} to choose by; it has {has}")
            if str(document.fields[name]) not in values:
                break
        else:
            if place % every == 0:
                yield document
            place += 1


def _read_file(file: Path) -> Iterator[Document]:
    """Documents of one file: JSON lines where the first line starts with a brace."""
    suffix, limits = file.suffix.lower(), Limits()
    try:
        with opened(file, suffix if suffix in COMPRESSIONS else None) as stream:
            lines = (line.decode("utf-8-sig") for line in lines_of(stream, limits))
            numbered = enumerate(lines, start=1)
            visible = ((number, line) for number, line in numbered if line.strip())
            begin, first = next(visible, (0, ""))
            if not first:
                raise UserError(f"{file}: empty; expected documents with segments or sections")
            if not first.lstrip().startswith("{"):
                yield _choi_text(file, [first, *_capped(lines, limits)])
                return
            for number, line in chain([(begin, first)], visible):
                yield _record(f"{file}:{number}", line)
    except UnusableError as error:
        raise UserError(f"{file}: {error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: cannot be read as UTF-8 text ({error})") from error


def _capped(lines: Iterable[str], limits: Limits) -> Iterator[str]:
    """The lines of one document. Raises `UnusableError` where it is longer than a record may be."""
    read = 0
    for line in lines:
        read += len(line)
        if read > limits.record:
            raise UnusableError(f"holds a document that {limits.record_too_long('characters')}")
        yield line


def _document(name: str, segments: list[list[str]], fields: dict[str, Any]) -> Document:
    """A document from its segments; empty sentences and segments without a sentence are dropped."""
    cleaned = [[s.strip() for s in segment if s.strip()] for segment in segments]
    cleaned = [segment for segment in cleaned if segment]
    sentences = [sentence for segment in cleaned for sentence in segment]
    return Document(writable(name), sentences, [len(segment) for segment in cleaned], fields)


def _record(name: str, line: str) -> Document:
    """A document from one JSON line."""
    expected = (
        'expected {"segments": [[sentence, ...], ...]} or '
        '{"sections": [{"paragraphs": [[sentence, ...], ...]}, ...]}'
    )
    try:
        record = json.loads(line)
        if not isinstance(record, dict):
            raise TypeError("the record is not an object")
        if "segments" in record:
            segments = _sentences(record["segments"], "segment")
        elif "sections" in record:
            segments = _of_sections(record["sections"])
        else:
            raise UserError(f"{name}: no segments in this record; {expected}")
        fields = {k: v for k, v in record.items() if k not in ("segments", "sections")}
        return _document(name, segments, fields)
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{name}: cannot be used ({error}); {expected}") from error


def _of_sections(sections: Any) -> list[list[str]]:
    """One segment of each section, without its heading; `TypeError` where it is none."""
    if not isinstance(sections, list):
        raise TypeError("the sections are not a list")
    if not all(isinstance(section, dict) and "paragraphs" in section for section in sections):
        raise TypeError("a section is not an object with paragraphs")
    paragraphs = [_sentences(section["paragraphs"], "paragraph") for section in sections]
    return [list(chain.from_iterable(section)) for section in paragraphs]


def _sentences(parts: Any, kind: str) -> list[list[str]]:
    """The parts as they are; `TypeError` where they are no list of lists of sentences."""
    if not isinstance(parts, list):
        raise TypeError(f"the {kind}s are not a list")
    if not all(isinstance(s, list) and all(isinstance(x, str) for x in s) for s in parts):
        raise TypeError(f"a {kind} is not a list of sentences")
    return parts


def _choi_text(file: Path, lines: list[str]) -> Document:
    """A document from Choi's plain text; range and set come from the folders' names."""
    segments: list[list[str]] = [[]]
    for line in lines:
        if re.fullmatch(r"={10,}", line.strip()):
            segments.append([])
        else:
            segments[-1].append(line)
    if len(segments) == 1:
        raise UserError(f"{file}: no line of ten '=' signs found; expected Choi's format")
    range_of = re.search(r"(\d+-\d+)$", file.parent.name)
    return _document(str(file), segments, {"range": range_of.group(1)} if range_of else {})
