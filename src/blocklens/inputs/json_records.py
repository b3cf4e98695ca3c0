"""The records of JSON files: one object a line, a list of objects, or one object that holds it."""

import io
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

from blocklens.inputs.decoding import as_text, decoded, lines_of
from blocklens.inputs.fields import Bad, FieldPicker, kind_of
from blocklens.inputs.limits import Limits
from blocklens.inputs.opening import UnusableError
from blocklens.inputs.picking import Records, picks

Objects = Iterator[tuple[int, Any]]

_JSON_CHUNK = 1 << 16  # characters


def read_jsonl(stream: io.BufferedReader, picker: FieldPicker, limits: Limits) -> Records:
    """Read one JSON object a line; the number is the line's, blank lines are passed over."""
    return picks(_json_lines(lines_of(stream, limits)), picker)


def _json_lines(lines: Iterator[bytes]) -> Objects:
    for number, line in enumerate(lines, start=1):
        text = decoded(line)
        if isinstance(text, Bad):
            yield number, text
        elif not text.isspace() and text:
            try:
                yield number, _an_object(json.loads(text))
            except (ValueError, RecursionError) as error:
                yield number, Bad(f"is not valid JSON ({error}); expected one object a line")


def _an_object(value: Any) -> Any:
    """A record, or a `Bad` in the place of what is none."""
    if isinstance(value, dict):
        return value
    return Bad(f"is {kind_of(value)}; expected an object with named fields")


def read_json(stream: io.BufferedReader, picker: FieldPicker, limits: Limits) -> Records:
    """Read a JSON list of objects, in pieces; one object that holds the list; or JSON lines."""
    if stream.peek(512).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        with as_text(stream) as text:
            yield from picks(_json_list(text, limits), picker)
        return
    lines = lines_of(stream, limits)
    head = _to_first_visible(lines)
    value = _loaded(b"".join(head))
    if value is None:  # an object over several lines, or no JSON
        rest = stream.read(limits.record + 1)
        if len(rest) > limits.record:
            raise UnusableError(f"holds one object that {limits.record_too_long()}")
        value = _loaded(b"".join([*head, rest]))
        lines = iter(rest.splitlines(keepends=True))
    else:
        head += (more := _to_first_visible(lines))
        value = None if b"".join(more).strip() else value
    if isinstance(value, dict):
        yield from picks(enumerate(_records_in(value, picker), start=1), picker)
    else:
        yield from picks(_json_lines(chain(head, lines)), picker)


def _to_first_visible(lines: Iterator[bytes]) -> list[bytes]:
    """The next lines up to one that is not blank, which is among them."""
    taken = []
    for line in lines:
        taken.append(line)
        if line.strip():
            break
    return taken


def _loaded(data: bytes) -> Any:
    """What JSON says; None where it is no JSON."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def _records_in(value: dict[str, Any], picker: FieldPicker) -> list[Any]:
    """The records of a file that is one object: the list it holds, or the object itself.

    An object with a text of its own is the record, whatever lists stand in it (as of entities).
    """
    if picker.has_text(value):
        return [value]
    lists = [
        name for name, one in value.items()
        if isinstance(one, list) and one and all(isinstance(record, dict) for record in one)
    ]  # fmt: skip
    if len(lists) > 1:
        raise UnusableError(
            f"holds one object with several lists of records ({', '.join(lists[:10])}); "
            "save one of them as a file of its own"
        )
    columns = [name for name, one in value.items() if isinstance(one, list)]
    if all(isinstance(one, dict) and "0" in one for one in value.values()):  # pandas' to_json
        columns = list(value)
    if not lists and len(columns) == len(value) > 1:
        raise UnusableError(
            f"holds one object of columns ({', '.join(columns[:10])}); write one object a record"
        )
    return value[lists[0]] if lists else [value]


def _json_list(text: io.TextIOWrapper, limits: Limits) -> Objects:
    decoder = json.JSONDecoder()
    buffer, number, wanted = text.read(_JSON_CHUNK).lstrip()[1:], 0, _JSON_CHUNK
    while True:
        buffer = buffer.lstrip(" \t\r\n,")
        if buffer.startswith("]"):
            if rest := (buffer[1:].strip() or text.read(_JSON_CHUNK).strip()):
                raise UnusableError(
                    f"goes on after its list of records ends ({rest[:40]!r}): only the list was "
                    "read; make one list of all, or write one object a line as .jsonl"
                )
            return
        try:
            record, end = decoder.raw_decode(buffer)
        except (ValueError, RecursionError) as error:
            if len(buffer) > limits.record:
                raise UnusableError(f"record {number + 1} {limits.record_too_long()}") from error
            more = text.read(wanted) if _may_go_on(error, buffer) else ""
            if not more:
                raise UnusableError(
                    f"is not a valid JSON list after record {number} ({error}); "
                    "correct it, or write one object a line as .jsonl"
                ) from error
            buffer, wanted = buffer + more, 2 * wanted
        else:
            buffer, number, wanted = buffer[end:], number + 1, _JSON_CHUNK
            yield number, _an_object(record)


def _may_go_on(error: Exception, buffer: str) -> bool:
    """Tell whether JSON is cut off at the buffer's end rather than wrong within it."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated string") or error.pos > len(buffer) - 16
