"""`blocklens predict`: labels with confidences on new texts."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal, get_args

import typer

from blocklens.cli.completion import encoders
from blocklens.cli.shared_options import DeviceOptions, Texts, check_model, refuse_over_input
from blocklens.cli.signature import from_options
from blocklens.errors import UserError
from blocklens.inputs.text_options import STRICT, TextOptions
from blocklens.launched import refuse_torchrun
from blocklens.options import option
from blocklens.safe_text import without_formula
from blocklens.storage import lone_file

if TYPE_CHECKING:
    from blocklens.readouts.prediction import Prediction

FORMAT = Literal["jsonl", "csv", "tsv"]
TABLES = {"csv": ",", "tsv": "\t"}
EXAMPLES = """
**Examples**

    blocklens predict finetune-study new.jsonl

    blocklens predict finetune-study/block-4 new.csv --text-field body --out labels.csv

    echo "A bridge over the river." | blocklens predict finetune-study -
"""


class PredictOptions(DeviceOptions):
    """Where answers go, and what is in them."""

    out: Path | None = option(
        None,
        "A .jsonl, .csv or .tsv file.",
        flag="-o --out",
        shown="standard output",
        complete="path",
    )
    form: FORMAT | None = option(
        None, "Lines of JSON, or a table.", flag="--format", shown="as the file is called, or jsonl"
    )
    every: bool = option(False, "Write the probability of every class as well.", flag="--all")
    strict: bool = STRICT

    def format(self) -> str:
        """The format that is written. Raises UserError for a file name that says another."""
        if self.form is not None or self.out is None or not self.out.suffix:
            return self.form or "jsonl"
        ending = self.out.suffix.casefold().removeprefix(".")
        if ending not in get_args(FORMAT):
            raise UserError(
                f"{self.out}: expected a name that ends in .jsonl, .csv or .tsv, or --format with "
                "one of them"
            )
        return ending


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
    options: PredictOptions,
    reading: TextOptions,
) -> None:
    """Say which class each text belongs to, and how sure that is.

    A line a text: its name, its label, and the label's probability as the confidence.
    """
    refuse_torchrun("predict", "answers are written in the order of the texts")
    from blocklens.inputs.texts import TextSource

    source = TextSource(texts, field=reading.text_field, limit=reading.limit, strict=options.strict)
    form = options.format()
    if options.out is not None:
        refuse_over_input(options.out, texts)
    check_model(model)

    from blocklens.inputs.tokenising import FIRST_TEXTS, unknown_tokens
    from blocklens.readouts.prediction import load_classifier
    from blocklens.readouts.prediction import predict as answers

    classifier, out = load_classifier(model, device=options.device), options.out
    rest = iter(source)
    first = list(islice(rest, FIRST_TEXTS))
    if warning := unknown_tokens(classifier.tokenizer, (one.text for one in first)).warning:
        typer.echo(f"blocklens: {warning}", err=True)
    said = answers(chain(first, rest), classifier)
    names = [*classifier.names] if options.every else []
    write = _write_lines if form == "jsonl" else partial(_write_table, TABLES[form])
    with lone_file(out) if out is not None else nullcontext() as place:
        if place is None:
            write(sys.stdout, said, names)
        else:
            with Path(place).open("w", encoding="utf-8", newline="") as file:
                write(file, said, names)
    for bad in source.skipped:
        typer.echo(f"blocklens: skipped {bad.name}: {bad.reason}", err=True)


predict.__doc__ = f"{predict.__doc__}\n{EXAMPLES}"


def _write_lines(file: IO[str], answers: Iterable[Prediction], names: list[str]) -> None:
    for one in answers:
        file.write(json.dumps(one.row(every=bool(names)), ensure_ascii=False) + "\n")


def _write_table(
    delimiter: str, file: IO[str], answers: Iterable[Prediction], names: list[str]
) -> None:
    table = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    for number, one in enumerate(answers):
        row = one.row(every=bool(names))
        probabilities = row.pop("probabilities", {})
        if "labels" in row:
            row["labels"] = "; ".join(row["labels"])
        if number == 0:
            table.writerow([without_formula(head) for head in (*row, *names)])
        cells = [*row.values(), *(probabilities[n] for n in names if n in probabilities)]
        table.writerow([without_formula(x) if isinstance(x, str) else x for x in cells])
