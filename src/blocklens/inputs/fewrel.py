"""FewRel's own records: a sentence as tokens, a head and a tail entity, and their relation.

The published files are one JSON object, `{"P931": [{"tokens": [...], "h": [name, id, positions],
"t": [...]}, ...], ...}`, in one line; over several, or with one such record a line with its `pid`
or `relation`, it is read as well. The papers feed the sentence. With `markers` the entities stand
between signs that every vocabulary has, `$ head $` and `# tail #` (as in R-BERT, Wu and He 2019).
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from blocklens.errors import UserError
from blocklens.inputs.decoding import lines_of
from blocklens.inputs.fields import Bad
from blocklens.inputs.limits import Limits
from blocklens.inputs.opening import UnusableError, format_of, opened

NAMES = "pid2name.json"
"""FewRel's own list of the relations' names, looked for beside the records."""

NAMES_READ = TypeAdapter(dict[str, Annotated[list[str], Field(min_length=1)]])

MARKERS = {"h": "$", "t": "#"}


class FewRel:
    """The records of a FewRel file as `{"text", "label"}`, for `TextSource`.

    Raises:
        UserError: no such file, or not JSON.

    """

    def __init__(self, path: str | Path, *, markers: bool = False) -> None:
        self.path, self.markers = Path(path).expanduser(), markers
        if not self.path.is_file():
            raise UserError(f"{path}: no such file; expected FewRel's records, .json or .jsonl")
        try:
            kind, self.compression = format_of(self.path)
        except UnusableError as error:
            raise UserError(f"{path}: {error}") from error
        if kind not in ("json", "jsonl"):
            raise UserError(f"{path}: expected FewRel's records as .json or .jsonl")
        names = self.path.with_name(NAMES)
        self.names: dict[str, list[str]] = {}
        if names.is_file():
            try:
                self.names = NAMES_READ.validate_json(names.read_bytes())
            except (OSError, ValidationError) as error:
                raise UserError(
                    f"{names}: not FewRel's list of names; expected one object of "
                    '"P931": ["name", "what it means"]: correct it, or move it away'
                ) from error

    def __iter__(self) -> Iterator[Mapping[str, Any] | str]:
        try:
            with opened(self.path, self.compression) as stream:
                for number, value in _values(stream):
                    yield from self._of_line(value, number)
        except UnusableError as error:
            raise UserError(f"{self.path}: {error}") from error
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"{self.path}: is not valid JSON ({error}); expected FewRel's object of relations, "
                "or one record a line"
            ) from error

    def _of_line(self, value: Any, number: int) -> Iterator[Mapping[str, Any] | str]:
        if not isinstance(value, dict):
            yield Bad(f"is no FewRel record (line {number}); expected tokens, h and t")
        elif "tokens" in value:
            yield self._record(value, str(value.get("pid") or ""), value.get("relation"))
        else:
            for pid, records in value.items():
                for record in records if isinstance(records, list) else [records]:
                    yield self._record(record, str(pid), None)

    def _record(self, record: Any, pid: str, relation: Any) -> Mapping[str, Any] | str:
        tokens = record.get("tokens") if isinstance(record, dict) else None
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            return Bad("is no FewRel record; expected tokens, a list of strings")
        if self.markers:
            try:
                tokens = marked(tokens, {name: record[name][2][0] for name in MARKERS})
            except (KeyError, IndexError, TypeError):
                return Bad("has no positions of its entities (h, t); read it without markers")
        label = relation or self.names.get(pid, [pid])[0] or None
        return {"text": " ".join(token for token in tokens if token.strip()), "label": label}


def _values(stream: io.BufferedReader) -> Iterator[tuple[int, Any]]:
    """What the lines of a file hold, with their numbers; or its one object over several lines."""
    limits = Limits()
    first = True
    for number, line in enumerate(lines_of(stream, limits), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode("utf-8-sig"))
        except ValueError:
            if not first:
                raise
            rest = stream.read(limits.record + 1)
            if len(rest) > limits.record:
                raise UnusableError(f"holds one object that {limits.record_too_long()}") from None
            value = json.loads((line + rest).decode("utf-8-sig"))
        first = False
        yield number, value


def marked(tokens: list[str], positions: Mapping[str, list[int]]) -> list[str]:
    """`tokens` with the sign of each entity before its first and after its last position."""
    before: dict[int, list[str]] = {}
    after: dict[int, list[str]] = {}
    for entity, where in positions.items():
        before.setdefault(min(where), []).append(MARKERS[entity])
        after.setdefault(max(where), []).insert(0, MARKERS[entity])
    if max(after) >= len(tokens):
        raise IndexError("an entity beyond the last token")
    return [
        part
        for i, token in enumerate(tokens)
        for part in (*before.get(i, ()), token, *after.get(i, ()))
    ]
