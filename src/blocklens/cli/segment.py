"""`blocklens segment`: a text in segments, or how good the segments are."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from blocklens.cli.segment_scores import ScoringOptions, known_documents, print_scores, scored
from blocklens.cli.shared_options import EncoderOptions, check_texts
from blocklens.cli.signature import from_options
from blocklens.errors import UserError
from blocklens.inputs.text_options import TextOptions
from blocklens.launched import refuse_torchrun
from blocklens.options import Options, called
from blocklens.progress import first_process, shown
from blocklens.safe_text import writable
from blocklens.segmentation.segment_options import SegmentOptions

if TYPE_CHECKING:
    from blocklens.segmentation.segmented import Segmentation

EXAMPLES = """
**Examples**

    blocklens segment report.txt --encoder sentence-transformers/all-MiniLM-L6-v2

    blocklens segment notes.txt --encoder ./my-bert --segments 5 --format markdown

    blocklens segment notes.txt --encoder ./my-bert --out my-segments

    cat notes.txt | blocklens segment - --encoder ./my-bert --json

    blocklens segment --evaluate choi.jsonl.xz --where set=1,2 --encoder ./my-bert --json

    blocklens segment --evaluate articles.jsonl --every 10 --encoder ./my-bert --out my-scores
"""


@from_options
def segment(
    encoder: EncoderOptions,
    dividing: SegmentOptions,
    scoring: ScoringOptions,
    reading: TextOptions,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="Texts to segment: files, folders, Hub datasets, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Also write a folder with tables, figures and report.html: the strength of every "
            "border along the text, or with --evaluate the scores and claims.",
            show_default=False,
        ),
    ] = None,
    format: Annotated[
        Literal["text", "markdown", "json"], typer.Option(help="How segments are printed.")
    ] = "text",
    as_json: Annotated[
        bool, typer.Option("--json", help="The same as --format json; for --evaluate as well.")
    ] = False,
) -> None:
    """Print texts in segments, found by what an encoder attends to, without training."""
    if scoring.evaluate is None or out is None:
        refuse_torchrun("segment", "only --evaluate with --out shares its documents")
    evaluate, as_json = scoring.evaluate, as_json or format == "json"
    limit, text_field = reading.limit, reading.text_field
    if (evaluate is None) == (not files):
        raise UserError(
            "segment: expected files to segment, or --evaluate with documents; not both"
        )
    if evaluate is None:
        _refuse("with", scoring, scoring.model_fields_set)
    else:
        _refuse("without", dividing, dividing.model_fields_set - {"method", "heads"})
        for flag, value in (("--text-field", text_field), ("--format", format)):
            if value not in (None, "text", "json"):
                raise UserError(f"{flag} {value}: goes without --evaluate only; leave it out")
    encoder.check()
    for file in files or []:
        check_texts(file)
    methods = list(dividing.method) if "method" in dividing.model_fields_set else []
    _check_methods(methods, scoring=evaluate is not None)
    # What cannot be read is refused before an encoder is loaded.
    documents, left_out = known_documents(scoring, limit) if evaluate else ([], [])
    if out is not None:
        from blocklens.storage import output_folder

        if first_process():
            output_folder(out, "study.json")

    loaded = encoder.load()
    if documents:
        description = _description(
            str(evaluate), where=scoring.where, every=scoring.every, limit=limit
        )
        scores = scored(
            documents, loaded, methods, scoring, heads=dividing.heads, out=out,
            description=description, left_out=left_out,
        )  # fmt: skip
        if scores is None:  # another process has those of all
            return
        print_scores(scores, scoring, as_json=as_json)
        if out is not None:
            _say_where(out)
        return
    segmentations = _segmentations(files or [], loaded, limit, text_field, dividing)
    if not segmentations:
        raise UserError(f"{', '.join(files or [])}: no text in it that could be segmented")
    if as_json:
        records = [one.as_record() for one in segmentations]
        print(json.dumps(records, ensure_ascii=False, indent=1))
    else:
        rule = "\n" + 72 * "=" + "\n\n"
        markdown = format == "markdown"
        pages = (one.as_markdown() if markdown else one.as_text() for one in segmentations)
        print(("\n" if markdown else rule).join(pages), end="")
    if out is not None:
        from blocklens.studies.segments_part import write_segmentations

        write_segmentations(
            segmentations, loaded, out, options=dividing, description=_description(*(files or []))
        )
        _say_where(out)


segment.__doc__ = f"{segment.__doc__}\n{EXAMPLES}"


def _refuse(side: str, options: Options, names: set[str]) -> None:
    """Refuse an option that would do nothing: one that goes with (or without) --evaluate only."""
    for name in sorted(names):
        value = getattr(options, name)
        value = ",".join(value) if isinstance(value, tuple) else value
        raise UserError(
            f"{called(type(options), (name,))} {value}: goes {side} --evaluate only; leave it out"
        )


def _check_methods(methods: list[str], *, scoring: bool) -> None:
    """Refuse an unknown method before an encoder is loaded."""
    from blocklens.segmentation.baselines import BASELINES
    from blocklens.segmentation.methods import METHODS

    known = [*METHODS, *(BASELINES if scoring else ())]
    for method in methods:
        if method not in known:
            raise UserError(f"--method {method}: expected one of {', '.join(known)}")
    if len(methods) > 1 and not scoring:
        raise UserError(f"--method {', '.join(methods)}: expected one, unless with --evaluate")


def _segmentations(
    files: list[str], encoder: Any, limit: int | None, text_field: str | None,
    options: SegmentOptions,
) -> list[Segmentation]:  # fmt: skip
    """Every text of every file in segments; names what was skipped."""
    from blocklens.inputs.texts import TextSource
    from blocklens.inputs.tokenising import unknown_tokens
    from blocklens.segmentation.segment import segment as segmented

    chosen = options.model_dump()
    segmentations, skipped = [], []
    with shown(encoder.name) as progress:
        for file in files:
            source = TextSource(file, field=text_field, limit=limit)
            for one in source:
                segmentations.append(
                    segmented(
                        one.text, encoder, name=one.name, cues=one.cues, progress=progress, **chosen
                    )
                )
            skipped += source.skipped
    for text in skipped:
        print(f"blocklens: skipped {text.name}: {text.reason}", file=sys.stderr)
    if warning := unknown_tokens(encoder.tokenizer, (one.text for one in segmentations)).warning:
        print(f"blocklens: {warning}", file=sys.stderr)
    for one in segmentations:
        if options.segments is None and len(one.spans) > 1 and not len(one.starts):
            said = "one segment: no borders stand out; --segments N divides it all the same"
            print(f"blocklens: {one.name}: {said}", file=sys.stderr)
    return segmentations


def _description(
    *sources: str, where: tuple[str, ...] = (), every: int = 1,
    limit: int | None = None,
) -> str:  # fmt: skip
    """Where the texts are from, for the report's head."""
    words = [", ".join(writable(Path(source).name) for source in sources)]
    words += where
    words += [f"every {every}th"] if every > 1 else []
    words += [f"the first {limit}"] if limit else []
    return ", ".join(words)


def _say_where(out: Path) -> None:
    """On standard error: standard output holds the segments or scores."""
    print(f"\nReport: {out / 'report.html'}", file=sys.stderr)
