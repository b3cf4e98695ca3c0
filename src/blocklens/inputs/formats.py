"""The records of one file, one at a time: plain text, Markdown, JSON, CSV and Parquet.

Each reader yields `(number, text)`, numbers from 1 (None: the file is one text), with a `Bad` for
the text of a record that has none, and raises `UnusableError` where the rest of the file is lost.
"""

import csv
import io
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from blocklens.inputs.fields import Bad, FieldPicker
from blocklens.inputs.markdown import plain_text
from blocklens.inputs.opening import UnusableError

Records = Iterator[tuple[int | None, str]]

LARGEST_CSV_FIELD = 1 << 28  # bytes; a quote that is never closed must not fill the memory
_PARQUET_ROWS = 32  # decoded at a time
_JSON_CHUNK = 1 << 16  # characters
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


def read_text(stream: io.BufferedReader, picker: FieldPicker) -> Records:
    """Read a file as one text."""
    yield None, _decoded(stream.read())


def read_markdown(stream: io.BufferedReader, picker: FieldPicker) -> Records:
    """Read a Markdown file as one text, without its markup."""
    text = _decoded(stream.read())
    yield None, text if isinstance(text, Bad) else plain_text(text)


def read_jsonl(stream: io.BufferedReader, picker: FieldPicker) -> Records:
    """Read one JSON object a line; the number is the line's, blank lines are passed over."""
    for number, line in enumerate(stream, start=1):
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


def read_json(stream: io.BufferedReader, picker: FieldPicker) -> Records:
    """Read a JSON list of objects, in pieces; any other JSON file is read as JSON lines."""
    if not stream.peek(512).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        yield from read_jsonl(stream, picker)
        return
    with _as_text(stream) as text:
        yield from _json_list(text, picker)


def _json_list(text: io.TextIOWrapper, picker: FieldPicker) -> Records:
    decoder = json.JSONDecoder()
    buffer, number, wanted = text.read(_JSON_CHUNK).lstrip()[1:], 0, _JSON_CHUNK
    while True:
        buffer = buffer.lstrip(" \t\r\n,")
        if buffer.startswith("]"):
            return
        try:
            record, end = decoder.raw_decode(buffer)
        except (ValueError, RecursionError) as error:
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


def read_csv(stream: io.BufferedReader, picker: FieldPicker) -> Records:
    """Read a table with a header; commas, semicolons or tabs, whichever the header has most of."""
    with _as_text(stream) as text:
        yield from _csv_rows(text, picker)


def _csv_rows(text: io.TextIOWrapper, picker: FieldPicker) -> Records:
    csv.field_size_limit(LARGEST_CSV_FIELD)
    first = text.readline()
    delimiter = max(",;\t", key=first.count)
    try:
        header = next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error as error:
        raise UnusableError(f"has no valid CSV header ({error}); check the first line") from error
    rows = csv.reader(text, delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            yield number, Bad(f"is not valid CSV ({error}); check the quotes")
            continue
        if not row:
            number -= 1
        elif len(row) != len(header):
            yield (
                number,
                Bad(
                    f"has {len(row)} cells where the header has {len(header)}; "
                    "put texts with commas or line breaks in quotes"
                ),
            )
        else:
            if picker.field is None or number == 1:
                picker.choose(
                    {name: _cell_kind(cell) for name, cell in zip(header, row, strict=True)}
                )
            yield number, _checked(picker.pick(dict(zip(header, row, strict=True))))


def read_parquet(stream: io.BufferedReader, picker: FieldPicker) -> Records:
    """Read a Parquet table in batches of rows, the columns that are asked for alone."""
    with tempfile.TemporaryFile() as unpacked:
        if isinstance(stream.raw, io.FileIO):
            yield from _parquet_rows(stream, picker)
        else:  # Parquet is read from its end, compressed streams from their start
            shutil.copyfileobj(stream, unpacked, 1 << 20)
            unpacked.seek(0)
            yield from _parquet_rows(unpacked, picker)


def _parquet_rows(file: IO[bytes], picker: FieldPicker) -> Records:
    number = 0
    try:
        table = pq.ParquetFile(file)
        picker.choose({column.name: _arrow_kind(column.type) for column in table.schema_arrow})
        columns = [
            field if field in table.schema_arrow.names else field.split(".")[0]
            for field in picker.fields
        ]
        for batch in table.iter_batches(batch_size=_PARQUET_ROWS, columns=columns):
            for values in zip(*(batch.column(name) for name in columns), strict=True):
                number += 1
                try:
                    record = {
                        name: value.as_py() for name, value in zip(columns, values, strict=True)
                    }
                except UnicodeDecodeError as error:
                    yield number, Bad(_not_utf8(error.object[error.start]))
                else:
                    yield number, picker.pick(record)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnusableError(
            f"is damaged after record {number} ({reason}); fetch or write the file again"
        ) from error


READERS: dict[str, Callable[[io.BufferedReader, FieldPicker], Records]] = {
    "text": read_text,
    "markdown": read_markdown,
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
    if isinstance(text, Bad) or text.isascii():
        return text
    found = _ESCAPED_BYTE.search(text)
    return Bad(_not_utf8(ord(found[0]) - 0xDC00)) if found else text


def _not_utf8(byte: int, position: int | None = None) -> str:
    where = "" if position is None else f" at position {position}"
    return f"is not UTF-8 (byte 0x{byte:02X}{where}); convert it to UTF-8 (for example with iconv)"


def _cell_kind(cell: str) -> str:
    try:
        float(cell)
    except ValueError:
        return "text"
    return "a number"


def _arrow_kind(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    strings = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return "text" if any(is_string(kind) for is_string in strings) else str(kind)
