"""The records of one file, one at a time: plain text, Markdown, JSON, CSV and Parquet.

Each reader yields `(number, text)`, numbers from 1 (None: the file is one text), with a `Bad` for
the text of a record that has none, and raises `UnusableError` where the rest of the file is lost.
"""

import io
import shutil
import tempfile
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any

from blocklens.inputs.decoding import as_text, checked, decoded, not_utf8
from blocklens.inputs.field_names import TEXT_FIELDS
from blocklens.inputs.fields import Bad, FieldPicker, kinds_in
from blocklens.inputs.json_records import read_json, read_jsonl
from blocklens.inputs.limits import Limits
from blocklens.inputs.markdown import plain_text
from blocklens.inputs.opening import UnusableError
from blocklens.inputs.picking import Records, picks
from blocklens.inputs.tables import table_of
from blocklens.inputs.transcripts import TranscriptError, transcript

if TYPE_CHECKING:
    import pyarrow as pa

_PARQUET_ROWS = 32  # decoded at a time


def read_text(stream: io.BufferedReader, picker: FieldPicker, limits: Limits) -> Records:
    """Read a file as one text."""
    data = stream.read(limits.record + 1)
    yield None, Bad(limits.record_too_long()) if len(data) > limits.record else decoded(data)


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


def read_csv(stream: io.BufferedReader, picker: FieldPicker, limits: Limits) -> Records:
    """Read a table with a header, in the dialect that its header and rows agree on."""
    with as_text(stream) as text:
        header, rows = table_of(text, limits.record, picker.fields)
        records = (
            (number, row if isinstance(row, Bad) else dict(zip(header, row, strict=True)))
            for number, row in enumerate(rows, start=1)
        )
        try:
            yield from picks(records, picker, _cell_kinds)
        except UnusableError:
            if isinstance(wrong := checked("\n".join(header)), Bad):
                raise UnusableError(f"has a header that {wrong}") from None
            raise


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
        names = table.schema_arrow.names
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UnusableError(
                f"has two columns called {twice!r}; give every column a name of its own"
            )
        kinds = {column.name: _arrow_kind(column.type) for column in table.schema_arrow}
        picker.choose(kinds, whole=True)  # a column of nothing has a type of its own
        columns = [
            field if field in table.schema_arrow.names else field.split(".")[0]
            for field in picker.fields
        ]
        columns += [name for name in picker.looked_at if name in names and name not in columns]
        _check_parquet(table, limits)
        for batch in table.iter_batches(batch_size=_PARQUET_ROWS, columns=columns):
            for values in zip(*(batch.column(name) for name in columns), strict=True):
                number += 1
                try:
                    record = {
                        name: value.as_py() for name, value in zip(columns, values, strict=True)
                    }
                except UnicodeDecodeError as error:
                    yield number, Bad(not_utf8(error.object[error.start]))
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


def _cell_kinds(record: Mapping[str, str]) -> dict[str, str]:
    kinds = kinds_in(record)
    for name, kind in kinds.items():
        if kind == "text" and name.casefold() not in TEXT_FIELDS and _is_number(record[name]):
            kinds[name] = "a number"
        elif kind == "empty":  # as much as no value: a table cannot tell one from the other
            kinds[name] = "null"
    return kinds


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _arrow_kind(kind: "pa.DataType") -> str:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_nested(kind):
        return "an object" if pa.types.is_struct(kind) or pa.types.is_map(kind) else "a list"
    strings = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return "text" if any(is_string(kind) for is_string in strings) else str(kind)
