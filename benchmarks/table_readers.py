"""Readers of delimited text on the faults of people's files: the table in docs/texts.md.

    python -m benchmarks.table_readers        # DuckDB's column where it is installed

The texts of each table are known. Counted are those that a reader gives letter by letter, what it
gives beside them, and the rows that it names as broken; each table that has a broken row has one.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
import pyarrow.csv

from blocklens.inputs.texts import TextSource

Answer = tuple[list[str], int]
"""The texts, and how many rows were named as broken."""

PLAIN = [f"river {n}" for n in range(1001)]
QUOTED = [f"a bridge, number {n}" for n in range(10)]


def rows(texts: list[str], mark: str = "") -> str:
    """Lines of a table with these texts and a label."""
    return "".join(f"{mark}{text}{mark},{n % 2}\n" for n, text in enumerate(texts))


OPEN, BROKEN, HEADER = '"five stars,1\n', "a,b,c,d,e\n", "text,label\n"
TABLES: dict[str, tuple[str, list[str]]] = {
    "`sep=;` in the first line": ("sep=;\ntext;label\none;a\ntwo;b\n", ["one", "two"]),
    "tabs, lonely quotation marks": (
        'text\tlabel\nplain\ta\n"Hello\tb\nthird\tb\nhe said."\ta\nlast\tb\n',
        ["plain", '"Hello', "third", 'he said."', "last"],
    ),
    "one mark never closed, none else quoted": (
        HEADER + rows(PLAIN[:5]) + OPEN + rows(PLAIN[5:]), [*PLAIN, '"five stars'],
    ),
    "one mark never closed, 10 rows quoted": (
        HEADER + rows(QUOTED, '"') + rows(PLAIN[:5]) + OPEN + rows(PLAIN[5:]), [*QUOTED, *PLAIN],
    ),
    "a row of five cells below the header": (HEADER + BROKEN + rows(QUOTED, '"'), QUOTED),
    "spaces after commas, quoted texts": (
        'label, text\npos, "Good, indeed"\nneg, "Bad, too"\n', ["Good, indeed", "Bad, too"],
    ),
    '`\\"` within quotes': (
        HEADER + '"he said \\"no, not\\" now",a\n"plain, text",b\n',
        ['he said "no, not" now', "plain, text"],
    ),
    "one row that is no UTF-8": (HEADER + rows(PLAIN[:9]) + "caf\udce9,1\n", PLAIN[:9]),
}  # fmt: skip


def own(file: Path) -> Answer:
    """The reader of this package."""
    source = TextSource(file, field="text")
    return [one.text for one in source], source.skipped_count


def duckdb(file: Path) -> Answer:
    """DuckDB's sniffer, with its table of rejected rows."""
    import duckdb  # pyright: ignore[reportMissingImports]

    connection = duckdb.connect()
    read = f"read_csv('{file}', store_rejects = true, all_varchar = true)"
    texts = [text for (text,) in connection.execute(f"select text from {read}").fetchall()]
    (named,) = connection.execute("select count(distinct line) from reject_errors").fetchone()
    return texts, named


def sniffing_pandas(file: Path) -> Answer:
    """The reader of pandas with Python's sniffer."""
    return [str(text) for text in pd.read_csv(file, sep=None, engine="python")["text"]], 0


def arrow(file: Path) -> Answer:
    """PyArrow, which has no sniffer."""
    return [str(text) for text in pyarrow.csv.read_csv(file)["text"].to_pylist()], 0


READERS = {"here": own, "DuckDB": duckdb, "pandas, `sep=None`": sniffing_pandas, "PyArrow": arrow}


def main() -> None:
    """Print the table."""
    print("| table | rows |", " | ".join(READERS), "|")
    print("|---" * (2 + len(READERS)) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for name, (content, wanted) in TABLES.items():
            file = Path(folder, "table.tsv" if "tabs" in name else "table.csv")
            file.write_text(content, encoding="utf-8", errors="surrogateescape")
            cells = []
            for read in READERS.values():
                try:
                    texts, named = read(file)
                except Exception as error:  # each library has errors of its own
                    cells.append(f"refused ({type(error).__name__})")
                    continue
                right = len(set(wanted) & {text.strip() for text in texts})
                said = [str(right), f"{len(texts) - right} wrong", f"{named} named"]
                cells.append(", ".join(one for one in said if not one.startswith("0 ")))
            print(f"| {name} | {len(wanted)} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
