"""Rows of delimited text: CSV and TSV in whatever dialect, as people and spreadsheets write them.

A dialect is believed when the header and the first rows agree on it. Python's `csv` reads the rows.
A quotation mark that is never closed swallows all that follows in other readers: here its line
alone is lost, and named. docs/texts.md compares the readers that were tried.
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from blocklens.inputs.fields import Bad
from blocklens.inputs.opening import UnusableError
from blocklens.wording import counted

DELIMITERS = ",;\t|"
NO_DELIMITER = "\x1f"  # for a table of one column
_LINES_OF_A_HEADER = 10  # whose names, in quotes, have line breaks
_LINES_READ_AGAIN = 1_000_000  # in all, after quotation marks that are never closed
_LINES_OF_A_TEXT = 4  # in quotes that hold, by chance, as many commas each as a row


@dataclass(frozen=True)
class Dialect:
    """How the cells of a table are told apart.

    `escape` is a backslash where quotation marks inside a cell are written after one; otherwise
    they are doubled. `spaced`: the spaces after a delimiter belong to it.
    """

    delimiter: str
    quoted: bool = True
    escape: str | None = None
    spaced: bool = False

    def reader(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Rows of cells; raises `csv.Error` for a line that is not in this dialect."""
        if self.escape:  # of a mark, itself, a delimiter or a line's end; all others are characters
            escapes = re.compile(rf'\\(["\\{self.delimiter}\r\n])|\\')
            lines = (escapes.sub(lambda one: one[0] if one[1] else r"\\", x) for x in lines)
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
            escapechar=self.escape,
            skipinitialspace=self.spaced,
            strict=True,
        )


def dialect_of(sample: Sequence[str], delimiter: str | None = None) -> Dialect:
    """The dialect in which most of the rows have as many cells as the header.

    `sample`: the first lines, with their ends. Among dialects that fit equally well: more columns,
    then quoted cells, doubled quotation marks, and spaces that belong to the cells.
    """
    if not sample:
        return Dialect(",")
    first = _first_row(sample)
    among = [delimiter] if delimiter else [d for d in DELIMITERS if d in first]
    everything = "".join(sample)
    options = product(
        among or [NO_DELIMITER],
        (True, False),
        (None, "\\") if '\\"' in everything else (None,),
        (False, True),
    )
    best, best_fit = Dialect(among[0] if among else NO_DELIMITER), (0.0, 0, 0)
    for candidate in (Dialect(*option) for option in options):
        if candidate.spaced and not _spaced(first, everything, candidate.delimiter):
            continue
        if (fit := fit_of(candidate, sample)) > best_fit:
            best, best_fit = candidate, fit
    return best


def _first_row(sample: Sequence[str]) -> str:
    """The header: its first line, with those that a quotation mark in it opens on to."""
    row = ""
    for line in sample[:_LINES_OF_A_HEADER]:
        row += line
        if row.count('"') % 2 == 0:
            return row
    return sample[0]


def _spaced(header: str, everything: str, delimiter: str) -> bool:
    """Whether the header has a space after every delimiter, or a quotation mark follows spaces."""
    after_all = header.count(f"{delimiter} ") == header.count(delimiter) > 0
    return delimiter != "\t" and (after_all or f'{delimiter} "' in everything)


def fit_of(dialect: Dialect, sample: Sequence[str]) -> tuple[float, int, int]:
    """How well a dialect fits: the share of rows that agree with the header, columns, rows."""
    tabs = dialect.delimiter == "\t"
    header, *rows = rows_of(iter(sample), dialect, doubted=not tabs)
    if isinstance(header, Bad) or (len(header) < 2 and dialect.delimiter != NO_DELIMITER):
        return 0.0, 0, 0
    agreeing = [row for row in rows if isinstance(row, list)]
    share = len(agreeing) / len(rows) if rows else 1.0
    # Where tabs delimit, quotation marks are often nothing but characters: then every line is a
    # row, and reading them as quotes would merge some. Who quotes all names means them.
    may_hold_marks = dialect.quoted or (tabs and share == 1 and not all(map(_is_quoted, header)))
    if not may_hold_marks and any(_is_quoted(cell) for row in [header, *agreeing] for cell in row):
        return 0.0, 0, 0
    return share, len(header), len(rows) if tabs else 0


def _is_quoted(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"'


def _lone_marks(lines: Sequence[str], dialect: Dialect, cells: int) -> list[list[str]]:
    """The rows in lines that were read as one row, where their quotation marks are but characters.

    So it is if every one of the lines is a whole row without them. Two lines of a quoted text do
    not hold as many tabs as a row; as many commas they may, but hardly several in a row. In a table
    of two columns a letter does: after a comma in prose there is a space, or the line ends.
    """
    fewest = 2 if dialect.delimiter == "\t" else _LINES_OF_A_TEXT
    if not dialect.quoted or dialect.delimiter == NO_DELIMITER or len(lines) < fewest:
        return []
    try:
        rows = list(replace(dialect, quoted=False).reader(lines))
    except csv.Error:
        return []
    if len(rows) != len(lines) or any(len(row) != cells for row in rows):
        return []
    prose = sum(all(not cell or cell[0] == " " for cell in row[1:]) for row in rows)
    return rows if dialect.spaced or 2 * prose < len(rows) else []


def rows_of(
    lines: Iterator[str], dialect: Dialect, *, doubted: bool = False
) -> Iterator[list[str] | Bad]:
    """The rows of a table, its header first; where one is broken, anew from the line after it.

    `doubted`: rows of several lines are looked at once more, see `_lone_marks`.
    """
    again: deque[str] = deque()
    taken: list[str] = []

    def source() -> Iterator[str]:
        for line in iter(lambda: again.popleft() if again else next(lines, None), None):
            taken.append(line)
            yield line

    cells, read_again = None, 0
    reader = dialect.reader(source())
    while True:
        taken.clear()
        try:
            row: list[str] | Bad = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row = Bad(f"is not valid CSV ({error}); check the quotes")
            again.extendleft(reversed(taken[1:]))
            read_again += len(taken)
            if read_again > _LINES_READ_AGAIN:
                raise UnusableError(
                    "has too many quotation marks that are never closed; the rest is not read: "
                    "check the quotes"
                ) from error
            reader = dialect.reader(source())
        if not row:
            continue  # a blank line
        if isinstance(row, list):
            lone = _lone_marks(taken, dialect, cells) if doubted and cells is not None else []
            if lone:
                yield from lone
                continue
            cells = len(row) if cells is None else cells
            while len(row) > cells and not row[-1]:
                row.pop()
            if len(row) != cells:
                row = Bad(
                    f"has {counted(len(row), 'cell')} where the header has {cells}; "
                    "put texts with commas or line breaks in quotes"
                )
        yield row
