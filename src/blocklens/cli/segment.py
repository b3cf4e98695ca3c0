"""`blocklens segment`: a text in segments, or how good the segments are."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from blocklens.cli.segment_scores import check_outputs, known_documents, print_scores, scored
from blocklens.cli.shared_options import EncoderOptions, Limit, TextField, check_texts
from blocklens.cli.signature import from_options
from blocklens.errors import UserError
from blocklens.launched import refuse_torchrun
from blocklens.progress import shown

if TYPE_CHECKING:
    from blocklens.segmentation import Segmentation

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
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="Texts to segment: files, folders, Hub datasets, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    segments: Annotated[
        int | None,
        typer.Option("--segments", "-n", min=1, help="How many segments.", show_default="found"),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="joint (similarity of head output vectors and of the last block's outputs), "
            "context (of head output vectors), blocks (of block outputs), attention (received by "
            "separators), both, change-points or cosine-drop; with --evaluate also no-cut, "
            "texttiling, c99, random, even, and several may be given.",
            show_default="joint; with --evaluate all",
        ),
    ] = None,
    heads: Annotated[
        Literal["chosen", "all", "middle", "last"],
        typer.Option(
            help="Which count: a quarter chosen by a rule without labels, all, or those of the "
            "middle or last third of the blocks."
        ),
    ] = "chosen",
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
    evaluate: Annotated[
        Path | None,
        typer.Option(
            help="Score on documents whose segments are known: JSON lines with `segments` or "
            "`sections`, a file of Choi's, or a folder of them.",
            show_default=False,
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="Score documents with these values of a field only, such as set=1,2.",
            show_default=False,
        ),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(
            min=1, help="Score the first of every so many documents.", show_default="1: all"
        ),
    ] = None,
    limit: Limit = None,
    by: Annotated[
        str | None,
        typer.Option(help="Summarise scores by this field, such as range.", show_default=False),
    ] = None,
    unit: Annotated[
        Literal["sentences", "words"] | None,
        typer.Option(
            help="What Pk and WindowDiff count; Choi's own figures count words.",
            show_default="sentences",
        ),
    ] = None,
    untrained: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Untrained twins to score beside the encoder.",
            show_default="1 with --out, else 0",
        ),
    ] = None,
    per_document: Annotated[
        Path | None,
        typer.Option(help="Write each document's figures to this CSV file.", show_default=False),
    ] = None,
    text_field: TextField = None,
    language: Annotated[str, typer.Option(help="Language of the sentence splitter.")] = "en",
) -> None:
    """Print texts in segments, found by what an encoder attends to, without training."""
    refuse_torchrun("segment", "each text is cut by itself")
    as_json = as_json or format == "json"
    if (evaluate is None) == (not files):
        raise UserError(
            "segment: expected files to segment, or --evaluate with documents; not both"
        )
    _refuse_misplaced(
        evaluate is not None,
        scoring={
            "--where": where, "--every": every, "--by": by, "--unit": unit,
            "--untrained": untrained, "--per-document": per_document,
        },
        cutting={
            "--segments": segments, "--text-field": text_field,
            "--language": None if language == "en" else language,
            "--format": format if format == "markdown" else None,
        },
    )  # fmt: skip
    encoder.check()
    for file in files or []:
        check_texts(file)
    _check_methods(method or [], scoring=evaluate is not None)
    # What cannot be read is refused before an encoder is loaded.
    documents = evaluate and known_documents(evaluate, where or [], every or 1, limit)
    if documents:
        check_outputs(documents, by, per_document)
    if out is not None:
        from blocklens.storage import output_folder

        output_folder(out, "study.json")

    loaded = encoder.load()
    if documents:
        scores = scored(
            documents, loaded, method, heads=heads, unit=unit or "sentences",
            untrained=(1 if out else 0) if untrained is None else untrained,
            out=out, description=_description(str(evaluate), where=where, every=every, limit=limit),
        )  # fmt: skip
        print_scores(scores, by, per_document, as_json=as_json)
        if out is not None:
            _say_where(out)
        return
    options = {"segments": segments, "method": (method or ["joint"])[0], "heads": heads,
               "language": language}  # fmt: skip
    found = _segmentations(files or [], loaded, limit, text_field, options)
    if not found:
        raise UserError(f"{', '.join(files or [])}: no text in it that could be segmented")
    if as_json:
        print(json.dumps([one.as_record() for one in found], ensure_ascii=False, indent=1))
    else:
        rule = "\n" + 72 * "=" + "\n\n"
        shown = (one.as_markdown() if format == "markdown" else one.as_text() for one in found)
        print(rule.join(shown), end="")
    if out is not None:
        from blocklens.studies.segments_part import write_segmentations

        write_segmentations(
            found, loaded, out, options=options, description=_description(*(files or []))
        )
        _say_where(out)


segment.__doc__ = f"{segment.__doc__}\n{EXAMPLES}"


def _refuse_misplaced(
    evaluating: bool, *, scoring: dict[str, Any], cutting: dict[str, Any]
) -> None:
    """Refuse an option that would do nothing."""
    for option, value in (cutting if evaluating else scoring).items():
        if value is not None and value != []:
            goes = "without --evaluate" if evaluating else "with --evaluate"
            shown = ",".join(value) if isinstance(value, list) else value
            raise UserError(f"{option} {shown}: goes {goes} only; leave it out")


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
    options: dict[str, Any],
) -> list[Segmentation]:  # fmt: skip
    """Every text of every file in segments; names what was skipped."""
    from blocklens.inputs.texts import TextSource
    from blocklens.segmentation.segment import segment as cut

    found, skipped = [], []
    with shown(encoder.name) as progress:
        for file in files:
            source = TextSource(file, field=text_field, limit=limit)
            for text in source:
                found.append(
                    cut(
                        text.text,
                        encoder,
                        name=text.name,
                        progress=progress,
                        **options,
                    )
                )
            skipped += source.skipped
    for text in skipped:
        print(f"blocklens: skipped {text.name}: {text.reason}", file=sys.stderr)
    return found


def _description(
    *sources: str, where: list[str] | None = None, every: int | None = None,
    limit: int | None = None,
) -> str:  # fmt: skip
    """Where the texts are from, for the report's head."""
    words = [", ".join(Path(source).name for source in sources)]
    words += where or []
    words += [f"every {every}th"] if every and every > 1 else []
    words += [f"the first {limit}"] if limit else []
    return ", ".join(words)


def _say_where(out: Path) -> None:
    """On standard error: standard output holds the segments or scores."""
    print(f"\nReport: {out / 'report.html'}", file=sys.stderr)
