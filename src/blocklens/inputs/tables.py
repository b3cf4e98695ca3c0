"""A table of delimited text: the names of its columns, and its rows.

The first line is the header, unless it and the lines below it speak against that: then the table is
refused, since its first text would be lost, or its header read as a text.
"""

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, islice, pairwise
from statistics import median

from blocklens.inputs.delimited import (
    DELIMITERS,
    Dialect,
    dialect_of,
    fit_of,
    rows_of,
)
from blocklens.inputs.field_names import is_known, is_number, names_a_field
from blocklens.inputs.fields import Bad
from blocklens.inputs.limits import Limits
from blocklens.inputs.opening import UnusableError

_SAMPLE_LINES, _SAMPLE_CHARACTERS = 1000, 1 << 18
_LINES_ABOVE = 5  # of a title and comments above a header, at most
_NEARLY_ALL = 0.9
_WORDS_OF_A_TEXT = 4  # and more: a column's name has fewer
_NO_NAME = re.compile(r"""[{\[]\s*["{\[]|<[\w!?/]|\+--|\|""")  # JSON, HTML, a database's box
_MARKS = ("::", *"^~\x01\x1f\u00ac\u00a7", "  ")
"""What exports put between columns, and nobody between words; two spaces stand for more, too."""
_YEAR = re.compile("(19|20)[0-9]{2}")
_LINE_BREAK = re.compile(r"\s*[\r\n]\s*")
_NULLS = frozenset(["\\N", "NULL", "#N/A", "#NAME?", "#VALUE!", "#REF!"])
_QUALTRICS = '{"ImportId":'
_DASHES = re.compile(r"\s*(?::?-{2,}:?\s*)?")
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


def table_of(
    text: io.TextIOWrapper, most: int, asked: Collection[str] = ()
) -> tuple[list[str], Iterator[list[str] | Bad]]:
    """The names of the columns, and the rows below them; `Bad` in the place of a broken row.

    `most`: characters of a row. `asked`: fields that were asked for; a header that has one is
    right. Raises `UnusableError` for a header that cannot be right.
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
    rows = rows_of(chain(sample, lines), dialect, doubted=True)
    first = next(rows, [])
    if isinstance(first, Bad):
        raise UnusableError(f"has no valid CSV header (it {first}); check the first line")
    header = [_LINE_BREAK.sub(" ", name.strip()) for name in first]
    if not any(one.strip() in header for one in asked):
        _check_header(header, sample, dialect)
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise UnusableError(
            f"has two columns called {twice[0]!r}; give every column a name of its own"
        )
    below = list(islice(rows_of(iter(sample), dialect), 1, 3))
    of_qualtrics = len(below) == 2 and all(cell.startswith(_QUALTRICS) for cell in below[1])
    return header, _without_nulls(_records(first, rows, 2 if of_qualtrics else 0))


def _records(
    header: list[str], rows: Iterator[list[str] | Bad], more: int
) -> Iterator[list[str] | Bad]:
    """The rows below a header; a `Bad` for what belongs to a header itself.

    That is dashes below it, as SQL Server and Markdown write them, the `more` lines of Qualtrics,
    and the header once more, as where files were joined.
    """
    for number, row in enumerate(rows):
        if number < more:
            yield Bad("is a line of the header, as Qualtrics writes three; left out")
        elif isinstance(row, Bad):
            yield row
        elif number == 0 and "--" in "".join(row) and all(map(_DASHES.fullmatch, row)):
            yield Bad("is a line of dashes below the header; left out")
        elif row == header:
            yield Bad("repeats the header; left out")
        else:
            yield row


def _without_nulls(rows: Iterator[list[str] | Bad]) -> Iterator[list[str] | Bad]:
    """Rows in which what databases and spreadsheets write for no value is an empty cell."""
    for row in rows:
        none = isinstance(row, Bad) or _NULLS.isdisjoint(row)
        yield row if none else ["" if cell in _NULLS else cell for cell in row]


def _check_header(header: Sequence[str], sample: Sequence[str], dialect: Dialect) -> None:
    """Raise `UnusableError` where the first line is a title, a first row, or not taken apart."""
    alone = len(header) == 1
    if alone and (cells := _cells_below(sample)):
        raise UnusableError(
            f"begins with a line that is not of its table: the lines below it have {cells} cells "
            "each; delete what stands above the header"
        )
    if _in_quotes_together(header):
        raise UnusableError(
            "has quotation marks around whole lines; take them away (in a spreadsheet: text to "
            "columns)"
        )
    if not header or names_a_field(header):
        return
    doubtful = alone or "" in header or fit_of(dialect, sample)[0] < _NEARLY_ALL
    if doubtful and (below := _header_below(sample, alone=alone)):
        raise UnusableError(
            f"begins with a line that is not of its table, whose header is {_quoted(below)}; "
            "delete what stands above the header"
        )
    name = "if it is the name of a column, give it with --text-field (in Python: field=)"
    rows = [row for row in rows_of(iter(sample), dialect) if isinstance(row, list)][1:]
    rows = [row for row in rows if len(row) == len(header)]
    columns = list(zip(*rows, strict=True)) or [()] * len(header)
    if alone and (mark := _mark_between(header[0], columns[0])):
        raise UnusableError(
            f"has one column, {header[0][:64]!r}, with {mark!r} in all rows: write commas or tabs "
            f"between the columns, or, {name}"
        )
    if _is_text(header[0], columns[0]) if alone else _is_first_row(header, columns):
        raise UnusableError(
            f"has no field that is clearly the text; it has {_quoted(header)}, which reads like a "
            f"first row: put a header above it, or, {name}"
        )


def _quoted(header: Sequence[str]) -> str:
    return ", ".join(repr(name[:64]) for name in header[:20])


def _in_quotes_together(header: Sequence[str]) -> bool:
    """Whether a mark opens in the first name and closes in the last, as around a whole line."""
    first, last = (header[0], header[-1]) if len(header) > 1 else ("", "")
    return first.startswith('"') and last.endswith('"') and first.count('"') % 2 == 1


def _is_text(header: str, cells: Sequence[str]) -> bool:
    """Whether the first line of a table of one column is clearly one of its texts.

    It is if it has many words, occurs again or is written in a computer's language. Fewer words,
    and letters without spaces between them, may be a name: the report says which field was read.
    """
    return (
        len(header.split()) >= _WORDS_OF_A_TEXT
        or header in cells
        or _NO_NAME.match(header) is not None
    )


def _is_first_row(header: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Whether numbers in the first line are of a row: over numbers, and beside texts alone.

    Names that are numbers stand over other things, are years or count up, or stand beside a name
    that is known. A text has several words, or is as long as those below it.
    """
    numbered = [(n, cells) for n, cells in zip(header, columns, strict=True) if is_number(n)]
    others = [(n, cells) for n, cells in zip(header, columns, strict=True) if not is_number(n)]
    if not numbered or not columns[0] or any(is_known(name) for name, _ in others if name):
        return False
    values = [float(name) for name, _ in numbered]
    counts_up = len({b - a for a, b in pairwise(values)}) == 1 and values[0] < values[1]
    years = all(_YEAR.fullmatch(name) for name, _ in numbered) and not all(
        map(_YEAR.fullmatch, numbered[0][1])
    )
    if counts_up or years or not all(all(map(is_number, cells)) for _, cells in numbered):
        return False
    texts = [(name, cells) for name, cells in others if name]
    return bool(texts) and all(
        len(name.split()) > 1 or len(name) >= median(map(len, cells)) for name, cells in texts
    )


def _mark_between(header: str, cells: Sequence[str]) -> str | None:
    """A mark of exports between words of the header, and as often between those of nearly all rows.

    What a name may have, such as `/` or `?`, is none, nor are vowel signs.
    """
    for mark in _MARKS:
        pattern = re.compile(re.escape(mark) if mark.strip(" ") else " {2,}")
        parts = len(_between(pattern, header))
        agreeing = sum(len(_between(pattern, cell)) == parts for cell in cells)
        if parts > 1 and len(cells) > 1 and agreeing >= _NEARLY_ALL * len(cells):
            return mark
    return None


def _between(mark: re.Pattern[str], line: str) -> list[str]:
    """The parts of a line between marks; none where one of them is blank."""
    parts = mark.split(line.strip(" \r\n"))
    return parts if all(map(str.strip, parts)) else []


def _header_below(sample: Sequence[str], *, alone: bool) -> list[str] | None:
    """The header that stands below a title: it names a text or a label, and the rows agree.

    In a table of one column, where a text may be the word alone, the title has many words.
    """
    for above in range(1, min(_LINES_ABOVE, len(sample) - 1) + 1):
        below = sample[above:]
        if not names_a_field(re.split(r"[\W_]+", below[0])):
            continue
        dialect = dialect_of(below)
        header = next(rows_of(iter(below), dialect), [])
        if isinstance(header, list) and fit_of(dialect, below)[0] >= _NEARLY_ALL:
            names = [name.strip() for name in header]
            more = len(names) > 1 or len(sample[0].split()) >= _WORDS_OF_A_TEXT or not alone
            if more and names_a_field(names) and not any(map(is_number, names)):
                return names
    return None


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
