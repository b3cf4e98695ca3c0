"""A table of delimited text: the names of its columns, and its rows."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from blocklens.inputs.delimited import DELIMITERS, NO_DELIMITER, Dialect, dialect_of, rows_of
from blocklens.inputs.fields import Bad
from blocklens.inputs.limits import Limits
from blocklens.inputs.opening import UnusableError

_SAMPLE_LINES, _SAMPLE_CHARACTERS = 1000, 1 << 18
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


def table_of(text: io.TextIOWrapper, most: int) -> tuple[list[str], Iterator[list[str] | Bad]]:
    """The names of the columns, and the rows below them; `Bad` in the place of a broken row.

    `most`: characters of a row. Raises `UnusableError` for a header that cannot be right.
    """
    csv.field_size_limit(most)
    lines = _lines(text, most)
    sample: list[str] = []
    characters = 0
    for line in islice((line for line in lines if sample or line.strip()), _SAMPLE_LINES):
        sample.append(line)
        characters += len(line)
        if characters > _SAMPLE_CHARACTERS:
            break
    told = _SEP_LINE.fullmatch(sample[0]) if sample else None  # Excel's own first line
    if told:
        sample = sample[1:]
    dialect = dialect_of(sample, told[1] if told else None)
    if dialect.delimiter == NO_DELIMITER and (cells := _cells_below(sample)):
        raise UnusableError(
            f"begins with a line that is not of its table: the lines below it have {cells} cells "
            "each; delete what stands above the header"
        )
    rows = rows_of(chain(sample, lines), dialect, doubted=True)
    header = next(rows, [])
    if isinstance(header, Bad):
        raise UnusableError(f"has no valid CSV header (it {header}); check the first line")
    header = [name.strip() for name in header]
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise UnusableError(
            f"has two columns called {twice[0]!r}; give every column a name of its own"
        )
    return header, rows


def _cells_below(sample: Sequence[str]) -> int | None:
    """How many cells every line below a title has, where they are of a table and the title is not.

    Two cells may be a text with a comma in it: then there must be several, and no space after it.
    """
    for delimiter in DELIMITERS:
        try:
            rows = [row for row in Dialect(delimiter).reader(sample[1:]) if row]
        except csv.Error:
            continue
        cells = len(rows[0]) if rows else 0
        prose = any(cell.startswith(" ") for row in rows for cell in row[1:])
        fewest = 2 if cells > 2 else 4
        if cells > 1 and len(rows) >= fewest and not prose and {cells} == set(map(len, rows)):
            return cells
    return None


def _lines(text: io.TextIOWrapper, most: int) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: text.readline(most + 1), ""), start=1):
        if len(line) > most:
            raise UnusableError(f"line {number} {Limits(most).record_too_long('characters')}")
        yield line.removeprefix("\ufeff")  # also where files were joined
