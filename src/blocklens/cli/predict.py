"""`blocklens predict`: labels with confidences on new texts."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer

from blocklens.cli.completion import encoders, paths
from blocklens.cli.shared_options import (
    DeviceOptions,
    Limit,
    Strict,
    TextField,
    Texts,
    check_model,
)
from blocklens.cli.signature import from_options
from blocklens.launched import refuse_torchrun
from blocklens.safe_text import without_formula

if TYPE_CHECKING:
    from blocklens.readouts.prediction import Prediction

EXAMPLES = """
**Examples**

    blocklens predict finetune-study new.jsonl

    blocklens predict finetune-study/block-4 new.csv --text-field body --out labels.csv

    echo "A bridge over the river." | blocklens predict finetune-study -
"""


@from_options
def predict(
    model: Annotated[
        str,
        typer.Argument(
            help="A folder that finetune wrote, any sequence classifier's, or a Hub id.",
            show_default=False,
            autocompletion=encoders,
        ),
    ],
    texts: Texts,
    where: DeviceOptions,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="A .jsonl or .csv file.",
            show_default="standard output",
            autocompletion=paths,
        ),
    ] = None,
    form: Annotated[
        Literal["jsonl", "csv"] | None,
        typer.Option("--format", help="Lines of JSON, or a table.", show_default="jsonl"),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Write the probability of every class as well.")
    ] = False,
    text_field: TextField = None,
    limit: Limit = None,
    strict: Strict = False,
) -> None:
    """Say which class each text belongs to, and how sure that is.

    A line a text: its name, its label, and the label's probability as the confidence.
    """
    refuse_torchrun("predict", "answers are written in the order of the texts")
    from blocklens.inputs.texts import TextSource

    source = TextSource(texts, field=text_field, limit=limit, strict=strict)
    check_model(model)

    from blocklens.readouts.prediction import load_classifier
    from blocklens.readouts.prediction import predict as answers
    from blocklens.storage import whole_file

    classifier = load_classifier(model, device=where.device)
    form = form or ("csv" if out is not None and out.suffix.casefold() == ".csv" else "jsonl")
    with whole_file(out) if out is not None else nullcontext() as place:
        if place is None:
            _write(sys.stdout, answers(classifier, source), form, classifier.names, every)
        else:
            with Path(place).open("w", encoding="utf-8", newline="") as file:
                _write(file, answers(classifier, source), form, classifier.names, every)
    for bad in source.skipped:
        typer.echo(f"blocklens: skipped {bad.name}: {bad.reason}", err=True)


predict.__doc__ = f"{predict.__doc__}\n{EXAMPLES}"


def _write(
    file: IO[str], found: Iterable[Prediction], form: str, names: list[str], every: bool
) -> None:
    table = csv.writer(file, lineterminator="\n") if form == "csv" else None
    for number, one in enumerate(found):
        row = one.row(every=every)
        if table is None:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            continue
        probabilities = row.pop("probabilities", {})
        if "labels" in row:
            row["labels"] = "; ".join(row["labels"])
        if number == 0:
            table.writerow([without_formula(head) for head in (*row, *(names if every else ()))])
        cells = [*row.values(), *(probabilities[n] for n in names if n in probabilities)]
        table.writerow([without_formula(x) if isinstance(x, str) else x for x in cells])
