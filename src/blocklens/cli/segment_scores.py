"""The side of `blocklens segment` that scores: documents, progress, the table for people."""

from __future__ import annotations

import json
import sys
from itertools import islice
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from blocklens.cli.shared_options import refuse_over_input
from blocklens.errors import UserError
from blocklens.options import Options, option
from blocklens.progress import first_process, shown
from blocklens.storage import lone_file

if TYPE_CHECKING:
    import pandas as pd

    from blocklens.segmentation.documents import Document


class ScoringOptions(Options):
    """Which documents are scored, and how."""

    evaluate: Path | None = option(
        None,
        "Score on documents whose segments are known: JSON lines with `segments` or `sections`, a "
        "file of Choi's, or a folder of them.",
    )
    where: tuple[str, ...] = option(
        (), "Score documents with these values of a field only, such as set=1,2."
    )
    every: int = option(1, "Score the first of every so many documents.", shown="1: all", ge=1)
    by: str | None = option(None, "Summarise scores by this field, such as range.")
    unit: Literal["sentences", "words"] = option(
        "sentences", "What Pk and WindowDiff count; Choi's own figures count words."
    )
    untrained: int | None = option(
        None,
        "Untrained twins to score beside the encoder.",
        shown="1 with --out, else 0",
        ge=0,
    )
    per_document: Path | None = option(None, "Write each document's figures to this CSV file.")


def known_documents(options: ScoringOptions, limit: int | None) -> tuple[list[Document], list[str]]:
    """The documents that were asked for; refuses what could only fail once all is measured.

    Those of one segment alone are left out; their names come second, and standard error has them.

    Raises:
        UserError: none, a condition that is not FIELD=VALUE, a field that no document has, or a
            file that cannot be written.

    """
    from blocklens.segmentation.documents import read_documents, selected, without

    path, where = Path(options.evaluate or "."), options.where
    conditions = {}
    for condition in where:
        field, sign, values = condition.partition("=")
        if not (field and sign and values):
            raise UserError(f"--where {condition}: expected FIELD=VALUE, such as set=1,2")
        conditions[field] = values.split(",")
    left_out: list[str] = []
    read = read_documents(path, left_out=left_out)
    documents = list(islice(selected(read, conditions, options.every), limit))
    if first_process():
        for line in without(left_out):
            print(f"blocklens: {line}", file=sys.stderr)
    if not documents:
        asked = f" with {' and '.join(where)}" if where else " of two segments or more"
        raise UserError(f"{path}: no document{asked} to evaluate on")
    by, file = options.by, options.per_document
    if by is not None and by not in documents[0].fields:
        has = ", ".join(documents[0].fields) or "none"
        raise UserError(f"--by {by}: no such field of the documents; expected one of {has}")
    if file is not None and file.is_dir():
        raise UserError(f"--per-document {file}: a folder; name a file in it")
    if file is not None and any(parent.is_file() for parent in file.parents):
        raise UserError(f"--per-document {file}: a file is in the way of a folder")
    if file is not None:
        refuse_over_input(file, str(options.evaluate))
    return documents, left_out


def scored(
    documents: list[Document],
    encoder: Any,
    methods: list[str],
    options: ScoringOptions,
    *,
    heads: str,
    out: Path | None,
    description: str,
    left_out: list[str],
) -> pd.DataFrame | None:
    """Scores of the methods asked for, or of all beside the baselines, with a bar of progress."""
    from blocklens.segmentation.baselines import BASELINES
    from blocklens.segmentation.evaluate import evaluate
    from blocklens.segmentation.methods import METHODS
    from blocklens.studies.segments_part import evaluate_in_folder

    chosen: dict[str, Any] = {"heads": heads, "unit": options.unit}
    if methods:
        chosen["methods"] = [name for name in METHODS if name in methods]
        chosen["baselines"] = [name for name in BASELINES if name in methods]
    untrained = (1 if out else 0) if options.untrained is None else options.untrained
    with shown(encoder.name) as progress:
        if out is None:
            twins = [encoder.untrained(seed) for seed in range(untrained)]
            return evaluate(documents, encoder, twins=twins, progress=progress, **chosen)
        reads_separators = not methods or bool({"attention", "both"} & set(methods))
        return evaluate_in_folder(
            documents, encoder, out, untrained=untrained, borders=reads_separators,
            description=description, left_out=left_out, progress=progress, **chosen,
        )  # fmt: skip


def print_scores(scores: pd.DataFrame, options: ScoringOptions, *, as_json: bool) -> None:
    """The summary as a table for people, or as JSON; each document's figures to a file."""
    from blocklens.segmentation.summary import SUMMARISED, summarise

    by = options.by
    summary = summarise(scores, by)
    if options.per_document is not None:
        with lone_file(options.per_document) as partial:
            scores.to_csv(partial, index=False)
    if as_json:
        rows = summary.astype(object).where(summary.notna(), None)  # JSON has no NaN
        print(json.dumps(rows.to_dict("records"), indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    columns = [*([by] if by else []), "method", "segments", "documents"]
    for name in (*columns, *SUMMARISED.values()):
        table.add_column(name, justify="left" if name in (by, "method", "segments") else "right")
    order = [*([by] if by else []), "known", "pk"]
    for row in summary.sort_values(order, kind="stable").to_dict("records"):
        figures = [_figure(row, name) for name in SUMMARISED]
        number = "known" if row["known"] else "found"
        first = [str(row[by])] if by else []
        table.add_row(*first, row["method"], number, str(row["documents"]), *figures)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    console.print(
        "Means with 95 % intervals over documents. Pk, WindowDiff: 0 is perfect. Boundary "
        "similarity: 1 is. Corrected: 1 is perfect, 0 is one segment for all."
    )


def _figure(row: dict[str, Any], name: str) -> str:
    """A mean and its interval; a single document has none."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[name]:.3f}" + ("" if isnan(low) else f" ({low:.3f} to {high:.3f})")
