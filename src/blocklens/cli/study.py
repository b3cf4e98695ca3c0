"""`blocklens study`: from texts and an encoder to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blocklens.cli.completion import paths
from blocklens.cli.shared_options import (
    PROSE,
    TEXTS,
    EncoderOptions,
    Figures,
    Out,
    Processes,
    share_work,
)
from blocklens.cli.signature import from_options
from blocklens.cli.verdicts import summarise
from blocklens.errors import UserError
from blocklens.inputs.text_options import TextOptions
from blocklens.progress import first_process, shown
from blocklens.studies.study_options import StudyOptions

EXAMPLES = """
**Examples**

    blocklens study notes.txt --encoder sentence-transformers/all-MiniLM-L6-v2

    blocklens study articles.jsonl.xz --encoder ./my-bert --texts 1000 --out my-study

    blocklens study articles.jsonl.xz --encoder ./my-bert --parts learned --read-out lens

    blocklens study articles.jsonl.xz --encoder ./my-bert --data reviews.csv

    cat notes.txt | blocklens study - --encoder ./my-bert --window 128 --long cut

    blocklens study texts/ --encoder ./my-bert --processes 4
"""


@from_options
def study(
    encoder: EncoderOptions,
    options: StudyOptions,
    reading: TextOptions,
    texts: Annotated[
        str | None,
        typer.Argument(
            help=TEXTS,
            show_default=PROSE,
            autocompletion=paths,
        ),
    ] = None,
    out: Out = Path("study"),
    figures: Figures = False,
    processes: Processes = 1,
) -> None:
    """Measure what each head of an encoder does and what it has learned, and write a report.

    Writes a folder with tables (Parquet) and `report.html`: every claim with
    its effect, interval and control; every head with its scores, distances, anchors and maps; and,
    for an encoder with a mask token, accuracy per token, confusions and clusters on every block.
    Run the same command again and only what has changed is measured.
    """
    from blocklens.embedded.prose import texts as embedded_texts
    from blocklens.inputs.texts import TextSource

    check_parts(options)
    field, limit = reading.text_field, reading.limit
    if texts is None:
        if field is not None:
            raise UserError(f"--text-field {field}: goes with texts that have columns")
        source = embedded_texts(limit, strict=options.strict)
    else:
        source = TextSource(texts, field=field, limit=limit, strict=options.strict)
    encoder.check()
    share_work(processes, texts)

    from blocklens.studies.study import study as run

    loaded = encoder.load()
    with shown(loaded.name) as progress:
        done = run(source, loaded, out, options=options, progress=progress)
    if first_process():
        summarise(done, figures=figures)


study.__doc__ = f"{study.__doc__}\n{EXAMPLES}"


def check_parts(options: StudyOptions) -> None:
    """Refuse an option that would do nothing.

    Raises:
        UserError: of a part that is not measured, or of a training that does not take place.

    """
    parts = options.parts
    named = ",".join(parts or ())
    chosen = options.learned.model_fields_set
    if chosen and parts is not None and "learned" not in parts:
        raise UserError(f"--parts {named}: the options of what it has learned go with learned")
    if options.learned.read_out == "lens" and chosen & {"start", "train_tokens", "untrained"}:
        raise UserError("--read-out lens: trains no read-out, so takes no option of their training")
    if parts is not None and options.classes is not None and "classes" not in parts:
        raise UserError(f"--parts {named}: labelled texts (--data) go with classes")
