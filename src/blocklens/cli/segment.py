"""`blocklens segment`: a text in segments, or how good the segments are."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from blocklens.cli.options import (
    AllowPickle,
    Device,
    EncoderName,
    Language,
    Limit,
    TextField,
    TrustRemoteCode,
)
from blocklens.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = """
**Examples**

    blocklens segment report.txt --encoder sentence-transformers/all-MiniLM-L6-v2

    blocklens segment notes.txt --encoder ./my-bert --segments 5 --format markdown

    cat notes.txt | blocklens segment - --encoder ./my-bert --json

    blocklens segment --evaluate choi.jsonl.xz --encoder ./my-bert --json
"""


def segment(
    encoder: EncoderName,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="Texts to segment: files, folders, Hub datasets, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    segments: Annotated[
        int | None,
        typer.Option("--segments", "-n", help="How many segments.", show_default="found"),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="context (similarity of head output vectors), attention (received by separators), "
            "both, blocks (similarity of block outputs) or cosine-drop.",
            show_default="context; with --evaluate all, beside the baselines",
        ),
    ] = None,
    heads: Annotated[
        Literal["all", "middle", "last", "chosen"],
        typer.Option(help="Which count: all, a third of the blocks, or chosen without labels."),
    ] = "all",
    format: Annotated[
        Literal["text", "markdown", "json"], typer.Option(help="How segments are printed.")
    ] = "text",
    as_json: Annotated[
        bool, typer.Option("--json", help="The same as --format json; for --evaluate as well.")
    ] = False,
    evaluate: Annotated[
        Path | None,
        typer.Option(
            help="Score on documents whose segments are known: JSON lines with `segments` or "
            "`sections`, a file of Choi's, or a folder of them.",
            show_default=False,
        ),
    ] = None,
    limit: Limit = None,
    unit: Annotated[
        Literal["sentences", "words"],
        typer.Option(help="What Pk and WindowDiff count; Choi's own figures count words."),
    ] = "sentences",
    per_document: Annotated[
        Path | None,
        typer.Option(help="Write each document's figures to this CSV file.", show_default=False),
    ] = None,
    text_field: TextField = None,
    language: Language = "en",
    device: Device = "cpu",
    trust_remote_code: TrustRemoteCode = False,
    allow_pickle: AllowPickle = False,
) -> None:
    """Print texts in segments, found by what an encoder attends to, without training."""
    as_json = as_json or format == "json"
    if (evaluate is None) == (not files):
        raise UserError(
            "segment: expected files to segment, or --evaluate with documents; not both"
        )
    misplaced = (
        {"--per-document": per_document}
        if evaluate is None
        else {"--segments": segments, "--text-field": text_field}
    )
    for option, value in misplaced.items():
        if value is not None:
            goes = "with --evaluate" if evaluate is None else "without --evaluate"
            raise UserError(f"{option} {value}: goes {goes} only; leave it out")
    if limit is not None and limit < 1:
        raise UserError(f"--texts {limit}: expected 1 or more")
    if segments is not None and segments < 1:
        raise UserError(f"--segments {segments}: expected 1 or more")
    if method is not None:
        _check_method(method, scoring=evaluate is not None)

    from blocklens.encoder import Encoder

    loaded = Encoder.load(
        encoder, device=device, trust_remote_code=trust_remote_code, allow_pickle=allow_pickle
    )
    if evaluate is not None:
        scores = _scores(evaluate, loaded, method, heads, unit, limit)
        if per_document is not None:
            try:
                scores.to_csv(per_document, index=False)
            except OSError as error:
                raise UserError(f"{per_document}: cannot be written ({error})") from error
        _print_scores(scores, as_json=as_json)
        return
    found = _segmentations(
        files or [], loaded, limit, text_field,
        segments=segments, method=method or "context", heads=heads, language=language,
    )  # fmt: skip
    if as_json:
        print(json.dumps([one.as_record() for one in found], ensure_ascii=False, indent=1))
        return
    for number, one in enumerate(found):
        if number:
            print("\n" + 72 * "=" + "\n")
        print(one.as_markdown() if format == "markdown" else one.as_text(), end="")


segment.__doc__ = f"{segment.__doc__}\n{EXAMPLES}"


def _check_method(method: str, *, scoring: bool) -> None:
    """Refuse an unknown method before an encoder is loaded."""
    from blocklens.segmentation.evaluate import BASELINES
    from blocklens.segmentation.methods import METHODS

    known = [*METHODS, *(BASELINES if scoring else ())]
    if method not in known:
        raise UserError(f"--method {method}: expected one of {', '.join(known)}")


def _segmentations(
    files: list[str], encoder: Any, limit: int | None, text_field: str | None, **options: Any
) -> Iterator[Any]:
    """Every text of every file in segments, one at a time; names what was skipped."""
    from blocklens.segmentation.segment import segment as cut
    from blocklens.texts.reading import TextSource

    for file in files:
        source = TextSource(file, field=text_field, limit=limit)
        for text in source:
            yield cut(text.text, encoder, name=text.name, **options)
        for skipped in source.skipped:
            print(f"blocklens: skipped {skipped.name}: {skipped.reason}", file=sys.stderr)


def _scores(
    path: Path, encoder: Any, method: str | None, heads: str, unit: Any, limit: int | None
) -> pd.DataFrame:
    """Scores of one method, or of all beside the baselines, with a line of progress."""
    from blocklens.segmentation.documents import read_documents
    from blocklens.segmentation.evaluate import BASELINES
    from blocklens.segmentation.evaluate import evaluate as run
    from blocklens.segmentation.methods import METHODS

    chosen = {}
    if method is not None:
        chosen = {
            "methods": [method] if method in METHODS else [],
            "baselines": [method] if method in BASELINES else [],
        }
    elif heads == "chosen":
        chosen = {"methods": [name for name in METHODS if name != "blocks"]}
    done = 0

    def progress(name: str) -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            print(f"\r{done} documents", end="", file=sys.stderr, flush=True)

    documents = islice(read_documents(path), limit)
    scores = run(documents, encoder, heads=heads, unit=unit, progress=progress, **chosen)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return scores


def _print_scores(scores: pd.DataFrame, *, as_json: bool) -> None:
    """The summary as a table for people, or as JSON."""
    from blocklens.segmentation.evaluate import summarise

    summary = summarise(scores)
    if as_json:
        print(json.dumps(summary.to_dict("records"), indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("method", "segments", "documents", "Pk", "WindowDiff", "boundary similarity"):
        table.add_column(name, justify="left" if name in ("method", "segments") else "right")
    for row in summary.sort_values(["known", "pk"], kind="stable").to_dict("records"):
        figures = [
            f"{row[name]:.3f} ({row[f'{name}_low']:.3f} to {row[f'{name}_high']:.3f})"
            for name in ("pk", "windowdiff", "boundary_similarity")
        ]
        number = "known" if row["known"] else "found"
        table.add_row(row["method"], number, str(row["documents"]), *figures)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    console.print("Means with 95 % intervals over documents. Pk, WindowDiff: 0 is perfect; "
                  "boundary similarity: 1 is.")  # fmt: skip
