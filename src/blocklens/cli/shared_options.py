"""Options that several commands share, with one wording each."""

from __future__ import annotations

from typing import Annotated

import typer

EncoderName = Annotated[
    str,
    typer.Option(
        "--encoder",
        "-e",
        help="A model folder or a Hub id.",
        show_default="the BERT-6 that comes with blocklens",
    ),
]
TextField = Annotated[
    str | None, typer.Option(help="The column that holds the text.", show_default="found")
]
Limit = Annotated[
    int | None, typer.Option("--texts", help="Take the first so many texts.", show_default="all")
]
Language = Annotated[str, typer.Option(help="Language of the sentence splitter.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Stop at the first bad text, do not count and go on.")
]
Device = Annotated[str, typer.Option(help="Where to compute.")]
TrustRemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run code that comes with the model.")
]
AllowPickle = Annotated[
    bool, typer.Option("--allow-pickle", help="Read pickled weights, which may run any code.")
]
TEXTS = (
    "A .txt, .md, .jsonl, .csv or .parquet file (also .gz, .xz, .zst), a folder of them, a Hub "
    "dataset id, or - for standard input."
)
"""What can be given as texts."""
