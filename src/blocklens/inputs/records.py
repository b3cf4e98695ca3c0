"""The records of one file, one at a time: plain text, Markdown, JSON, CSV and Parquet.

Each reader yields `(number, text)`, numbers from 1 (None: the file is one text), with a `Bad` for
the text of a record that has none, and raises `UnusableError` where the rest of the file is lost.
"""

import io
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from blocklens.inputs.delimited import table_of
from blocklens.inputs.fields import TEXT_FIELDS, Bad, FieldPicker
from blocklens.inputs.limits import Limits
from blocklens.inputs.markdown import plain_text
from blocklens.inputs.opening import UnusableError
from blocklens.inputs.transcripts import TranscriptError, transcript

if TYPE_CHECKING:
    import pyarrow as pa

Records = Iterator[tuple[int | None, str]]

_PARQUET_ROWS = 32  # decoded at a time
_JSON_CHUNK = 1 << 16  # characters
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


def read_text(stream: io.BufferedReader, picker: FieldPicker, limits: Limits) -> Records:
    """Read a file as one text."""
    data = stream.read(limits.record + 1)
    yield None, Bad(limits.record_too_long()) if len(data) > limits.record else _decoded(data)


def read_markdown(stream: io.BufferedReader, picker: FieldPicker, limits: Limits) -> Records:
    """Read a Markdown file as one text, without its markup."""
    for number, text in read_text(stream, picker, limits):
        yield number, text if isinstance(text, Bad) else plain_text(text)


def read_transcript(stream: io.BufferedReader, picker: FieldPicker, limits: Limits) -> Records:
    """Read the words of an .srt or .vtt file as one text, a `Timed` with the times of its cues."""
    for number, text in read_text(stream, picker, limits):
        try:
            yield number, text if isinstance(text, Bad) else transcript(text)
        except TranscriptError as error:
            yield number, Bad(error)


def read_jsonl(stream: io.BufferedReader, picker: FieldPicker, limits: Limits) -> Records:
    """Read one JSON object a line; the number is the line's, blank lines are passed over."""
    return _json_lines(lines_of(stream, limits), picker)


def lines_of(stream: io.BufferedReader, limits: Limits) -> Iterator[bytes]:
    """The lines of a file. Raises `UnusableError` at one longer than a record may be."""
    for number, line in enumerate(iter(lambda: stream.readline(limits.record + 1), b""), start=1):
        if len(line) > limits.record:
            raise UnusableError(f"line {number} {limits.record_too_long()}")
        yield line


def _json_lines(lines: Iterator[bytes], picker: FieldPicker) -> Records:
    for number, line in enumerate(lines, start=1):
        text = _decoded(line)
        if isinstance(text, Bad):
            yield number, text
        elif not text.isspace() and text:
            try:
                record = json.loads(text)
            except (ValueError, RecursionError) as error:
                yield number, Bad(f"is not valid JSON ({error}); expected one object a line")
            else:
                yield number, picker.pick(record)


def read_json(stream: io.BufferedReader, picker: FieldPicker, limits: Limits) -> Records:
    """Read a JSON list of objects, in pieces; one object that holds the list; or JSON lines."""
    if stream.peek(512).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        with _as_text(stream) as text:
            yield from _json_list(text, picker, limits)
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
        for number, record in enumerate(_records_in(value), start=1):
            yield number, picker.pick(record)
    else:
        yield from _json_lines(chain(head, lines), picker)


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


def _records_in(value: dict[str, Any]) -> list[Any]:
    """The records of a file that is one object: the list it holds, or the object itself."""
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


def _json_list(text: io.TextIOWrapper, picker: FieldPicker, limits: Limits) -> Records:
    decoder = json.JSONDecoder()
    buffer, number, wanted = text.read(_JSON_CHUNK).lstrip()[1:], 0, _JSON_CHUNK
    while True:
        buffer = buffer.lstrip(" \t\r\n,")
        if buffer.startswith("]"):
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
            yield number, _checked(picker.pick(record))


def read_csv(stream: io.BufferedReader, picker: FieldPicker, limits: Limits) -> Records:
    """Read a table with a header, in the dialect that its header and rows agree on."""
    with _as_text(stream) as text:
        header, rows = table_of(text, limits.record)
        chosen = False
        for number, row in enumerate(rows, start=1):
            if isinstance(row, Bad):
                yield number, row
                continue
            record = dict(zip(header, row, strict=True))
            if not chosen:
                picker.choose({name: _cell_kind(name, cell) for name, cell in record.items()})
                chosen = True
            yield number, _checked(picker.pick(record))


def read_parquet(stream: io.BufferedReader, picker: FieldPicker, limits: Limits) -> Records:
    """Read a Parquet table in batches of rows, the columns that are asked for alone."""
    with tempfile.TemporaryFile() as unpacked:
        if isinstance(stream.raw, io.FileIO):
            yield from _parquet_rows(stream, picker, limits)
        else:  # Parquet is read from its end, compressed streams from their start
            shutil.copyfileobj(stream, unpacked, 1 << 20)
            unpacked.seek(0)
            yield from _parquet_rows(unpacked, picker, limits)


def _parquet_rows(file: IO[bytes], picker: FieldPicker, limits: Limits) -> Records:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        table = pq.ParquetFile(file)
        picker.choose({column.name: _arrow_kind(column.type) for column in table.schema_arrow})
        columns = [
            field if field in table.schema_arrow.names else field.split(".")[0]
            for field in picker.fields
        ]
        _check_parquet(table, limits)
        for batch in table.iter_batches(batch_size=_PARQUET_ROWS, columns=columns):
            for values in zip(*(batch.column(name) for name in columns), strict=True):
                number += 1
                try:
                    record = {
                        name: value.as_py() for name, value in zip(columns, values, strict=True)
                    }
                except UnicodeDecodeError as error:
                    yield number, Bad(_not_utf8(error.object[error.start]))
                    continue
                text = picker.pick(record)
                yield number, Bad(limits.record_too_long()) if len(text) > limits.record else text
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnusableError(
            f"is damaged after record {number} ({reason}); fetch or write the file again"
        ) from error


def _check_parquet(table: Any, limits: Limits) -> None:
    """Refuse before anything is unpacked what its own sizes say is too long.

    A page is unpacked whole, whatever the rows of a batch. The sizes are those of all columns:
    PyArrow ends the process where it is asked for those of a damaged one.
    """
    whole = 0
    for group in map(table.metadata.row_group, range(table.num_row_groups)):
        whole += group.total_byte_size
        if group.num_rows and group.total_byte_size > limits.record * group.num_rows:
            raise UnusableError(f"holds a record that {limits.record_too_long()}")
    if whole > limits.file:
        raise UnusableError(limits.file_too_long())


READERS: dict[str, Callable[[io.BufferedReader, FieldPicker, Limits], Records]] = {
    "text": read_text,
    "markdown": read_markdown,
    "transcript": read_transcript,
    "jsonl": read_jsonl,
    "json": read_json,
    "csv": read_csv,
    "parquet": read_parquet,
}


def _may_go_on(error: Exception, buffer: str) -> bool:
    """Tell whether JSON is cut off at the buffer's end rather than wrong within it."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated string") or error.pos > len(buffer) - 16


@contextmanager
def _as_text(stream: io.BufferedReader) -> Iterator[io.TextIOWrapper]:
    """Decode a stream and leave it open; bytes that are not UTF-8 become lone surrogates."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield text
    finally:
        if not text.closed:  # a reader that was left early closes its file first
            text.detach()


def _decoded(data: bytes) -> str:
    if b"\0" in data:
        return Bad("is binary (it has NUL bytes); give text in UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Bad(_not_utf8(data[error.start], error.start))


def _checked(text: str) -> str:
    """Turn a text with bytes that were no UTF-8 (kept as lone surrogates) into a `Bad`."""
    label = getattr(text, "label", None)
    for part in (text, label):
        if isinstance(part, Bad) or not isinstance(part, str) or part.isascii():
            continue
        if byte := _ESCAPED_BYTE.search(part):
            return Bad(_not_utf8(ord(byte[0]) - 0xDC00))
    return text


def _not_utf8(byte: int, position: int | None = None) -> str:
    where = "" if position is None else f" at position {position}"
    return f"is not UTF-8 (byte 0x{byte:02X}{where}); convert it to UTF-8 (for example with iconv)"


def _cell_kind(name: str, cell: str) -> str:
    try:
        float(cell)
    except ValueError:
        return "text"
    return "text" if name.casefold() in TEXT_FIELDS else "a number"


def _arrow_kind(kind: "pa.DataType") -> str:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    strings = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return "text" if any(is_string(kind) for is_string in strings) else str(kind)
