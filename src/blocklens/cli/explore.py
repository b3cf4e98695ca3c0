"""`blocklens explore`: a text and its heads, live, on a local page."""

from __future__ import annotations

import secrets
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from blocklens.cli.completion import paths
from blocklens.cli.shared_options import PROSE, TEXTS, EncoderOptions
from blocklens.cli.signature import from_options
from blocklens.inputs.text_options import ColumnOptions
from blocklens.studies.study_record import StudyRecord


@from_options
def explore(
    encoder: EncoderOptions,
    reading: ColumnOptions,
    texts: Annotated[
        str | None,
        typer.Argument(
            help=f"Texts to label the heads on where no study does. {TEXTS}",
            show_default=PROSE,
            autocompletion=paths,
        ),
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(
            help="A study of this encoder: shows its labels, scores, APT and clusters.",
            autocompletion=paths,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, show_default="a free one")] = 0,
    browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Type a text and see an encoder's heads, live, on a page of your own machine.

    Shows attention as lines and maps, context similarity, high pairs, every head at a glance, and,
    with a token hidden, what each block predicts there. Needs `pip install 'blocklens[explore]'`.
    """
    from blocklens.embedded.prose import texts as prose
    from blocklens.exploring.server import check_installed, listening, serve
    from blocklens.inputs.texts import TextSource

    check_installed()
    if study is not None:
        record = StudyRecord.read(study)
        if "encoder" not in encoder.model_fields_set:
            encoder = encoder.model_copy(update={"encoder": record.encoder})
    source = prose() if texts is None else TextSource(texts, field=reading.text_field)
    encoder.check()
    where = listening(port)

    from blocklens.exploring.explorer import Explorer

    typer.echo("Loading the encoder and labelling its heads ...", err=True)
    explorer = Explorer(encoder.load(), source, study=study)
    token = secrets.token_urlsafe(16)
    host, port = where.getsockname()
    address = f"http://{host}:{port}/?token={token}"
    typer.echo(f"Explore at {address}\nOnly this machine can open it; Ctrl+C ends it.")
    if browser:
        webbrowser.open(address)
    serve(explorer, token, where)
