"""`blocklens study`: from texts and an encoder to a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from blocklens.cli.shared_options import (
    TEXTS,
    AllowPickle,
    Device,
    EncoderName,
    Language,
    Limit,
    Strict,
    TextField,
    TrustRemoteCode,
)
from blocklens.embedded.bert6 import EMBEDDED
from blocklens.errors import UserError
from blocklens.progress import first_process, shown

if TYPE_CHECKING:
    from blocklens.studies.runner import Study

LEARNED = "What it has learned"
"""Panel of the help."""

EXAMPLES = """
**Examples**

    blocklens study notes.txt --encoder sentence-transformers/all-MiniLM-L6-v2

    blocklens study articles.jsonl.xz --encoder ./my-bert --texts 1000 --out my-study

    blocklens study articles.jsonl.xz --encoder ./my-bert --parts learned --read-out lens

    blocklens study articles.jsonl.xz --encoder ./my-bert --data reviews.csv

    cat notes.txt | blocklens study - --encoder ./my-bert --window 128 --long cut

    torchrun --nproc_per_node 4 -m blocklens study texts/ --encoder ./my-bert
"""


def study(
    encoder: EncoderName = EMBEDDED,
    texts: Annotated[
        str | None,
        typer.Argument(
            help=TEXTS,
            show_default="English prose that comes with Python",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The study's folder.")] = Path("study"),
    parts: Annotated[
        str | None,
        typer.Option(
            help="What to measure: heads, learned, classes, or several by commas.",
            show_default="all that the encoder allows",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Labelled texts whose classes are read out on every block too, as `blocklens "
            "finetune` does.",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        Literal["fewrel", "dbpedia", "agnews"] | None,
        typer.Option(help="Sizes and format of the labelled texts.", show_default=False),
    ] = None,
    text_field: TextField = None,
    limit: Limit = None,
    window: Annotated[
        int | None,
        typer.Option(
            help="Tokens of a window.", show_default="the longest the encoder takes, at most 512"
        ),
    ] = None,
    overlap: Annotated[
        int | None,
        typer.Option(help="Tokens shared by neighbouring windows.", show_default="an eighth"),
    ] = None,
    long: Annotated[
        Literal["windows", "cut"], typer.Option(help="Long texts: all of them in windows, or cut.")
    ] = "windows",
    language: Language = "en",
    similarity: Annotated[
        Literal["raw", "cosine", "centered", "max"],
        typer.Option(help="How head output vectors are compared."),
    ] = "raw",
    rule: Annotated[
        Literal["top", "relative"],
        typer.Option(help="High pairs: the top share of all, or above a share of the largest."),
    ] = "top",
    cut: Annotated[
        float | None,
        typer.Option(help="That share.", show_default="0.01; 0.5 where --rule relative"),
    ] = None,
    shifts: Annotated[
        int, typer.Option(help="Shifts drawn for the spread of the same-sentence null.")
    ] = 0,
    untrained: Annotated[int, typer.Option(help="Untrained twins to compare with.")] = 3,
    shuffled: Annotated[bool, typer.Option(help="Compare with shuffled tokens.")] = True,
    read_out: Annotated[
        Literal["read-out", "lens"] | None,
        typer.Option(
            help="A trained head on every block and the model's own beside it, or the model's own "
            "alone (lens), which trains nothing.",
            show_default="read-out",
            rich_help_panel=LEARNED,
        ),
    ] = None,
    start: Annotated[
        Literal["own", "fresh"] | None,
        typer.Option(
            help="Trained heads start from the model's own where it has one, or from new ones.",
            show_default="own",
            rich_help_panel=LEARNED,
        ),
    ] = None,
    train_tokens: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Most modified tokens that a read-out trains on.",
            show_default="20,000",
            rich_help_panel=LEARNED,
        ),
    ] = None,
    learned_texts: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Most texts to measure on; with read-outs, half of all texts at most.",
            show_default="all",
            rich_help_panel=LEARNED,
        ),
    ] = None,
    passes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Modifications of each of these texts.",
            show_default="1",
            rich_help_panel=LEARNED,
        ),
    ] = None,
    untrained_read_outs: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Untrained twins with read-outs to compare with.",
            show_default="1",
            rich_help_panel=LEARNED,
        ),
    ] = None,
    examples: Annotated[int, typer.Option(help="Texts whose maps the report shows.")] = 3,
    strict: Strict = False,
    device: Device = "cpu",
    trust_remote_code: TrustRemoteCode = False,
    allow_pickle: AllowPickle = False,
) -> None:
    """Measure what each head of an encoder does and what it has learned, and write a report.

    Writes a folder with tables (Parquet), figures (SVG and PNG) and `report.html`: every claim with
    its effect, interval and control; every head with its scores, distances, anchors and maps; and,
    for an encoder with a mask token, accuracy per token, confusions and clusters on every block.
    Run the same command again and only what has changed is measured.
    """
    from pydantic import ValidationError

    from blocklens.embedded.prose import texts as embedded_texts
    from blocklens.encoder.trunk import Encoder
    from blocklens.heads.head_options import HeadOptions
    from blocklens.inputs.texts import TextSource
    from blocklens.studies.study import study as run
    from blocklens.studies.study_options import ClassOptions, LearnedOptions, StudyOptions

    learned = {
        "read_out": read_out,
        "start": start,
        "train_tokens": train_tokens,
        "texts": learned_texts,
        "passes": passes,
        "untrained": untrained_read_outs,
    }
    learned = {name: value for name, value in learned.items() if value is not None}
    wanted = None if parts is None else tuple(name.strip() for name in parts.split(","))
    if learned and wanted is not None and "learned" not in wanted:
        raise UserError(f"--parts {parts}: the options of what it has learned go with learned")
    if read_out == "lens" and {"start", "train_tokens", "untrained"} & learned.keys():
        raise UserError("--read-out lens: trains no read-out, so takes no option of their training")
    if preset is not None and data is None:
        raise UserError(f"--preset {preset}: goes with labelled texts (--data)")
    if wanted is not None and data is not None and "classes" not in wanted:
        raise UserError(f"--parts {parts}: labelled texts (--data) go with classes")
    chosen = {"similarity": similarity, "rule": rule, "shifts": shifts}
    if cut is not None:
        chosen["cut"] = cut
    try:
        options = StudyOptions(
            parts=wanted,
            heads=HeadOptions(**chosen),  # type: ignore[arg-type]
            learned=LearnedOptions(**learned),  # type: ignore[arg-type]
            classes=None if data is None else ClassOptions(data=data, preset=preset),
            window=window,
            overlap=overlap,
            long=long,
            language=language,
            untrained=untrained,
            shuffled=shuffled,
            examples=examples,
            strict=strict,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"--{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    if texts is None:
        if text_field is not None:
            raise UserError(f"--text-field {text_field}: goes with texts that have columns")
        source = embedded_texts(limit, strict=strict)
    else:
        source = TextSource(texts, field=text_field, limit=limit, strict=strict)
    loaded = Encoder.load(
        encoder, device=device, trust_remote_code=trust_remote_code, allow_pickle=allow_pickle
    )
    first = first_process()
    with shown(loaded.name) as progress:
        found = run(source, loaded, out, options=options, progress=progress)
    if first:
        summarise(found)


study.__doc__ = f"{study.__doc__}\n{EXAMPLES}"


def summarise(found: Study) -> None:
    """Print every claim's verdict, and where the report is."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("claim", "effect", "95 % interval", "control", "verdict"):
        table.add_column(name, justify="left" if name in ("claim", "verdict") else "right")
    for row in found.claims.to_dict("records"):
        table.add_row(
            row["id"],
            f"{row['effect']:.3g}",
            f"{row['low']:.3g} to {row['high']:.3g}",
            f"{row['control_low']:.3g} to {row['control_high']:.3g}",
            row["verdict"],
        )
    console = Console()
    console.print(table)
    console.print(f"\nReport: {found.report}", soft_wrap=True, highlight=False)
