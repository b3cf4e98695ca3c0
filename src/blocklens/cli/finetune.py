"""`blocklens finetune`: the classes of labelled texts, read out or fine-tuned on every block."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from blocklens.cli.shared_options import (
    AllowPickle,
    Device,
    EncoderName,
    Strict,
    TextField,
    TrustRemoteCode,
)
from blocklens.cli.study import summarise
from blocklens.embedded.bert6 import EMBEDDED
from blocklens.errors import UserError
from blocklens.progress import first_process, shown

EXAMPLES = """
**Examples**

    blocklens finetune reviews.csv

    blocklens finetune fewrel_val.json --preset fewrel --out fewrel-study

    blocklens finetune fancyzhx/ag_news --preset agnews --encoder google-bert/bert-base-uncased

    blocklens finetune reviews.csv --variant both --blocks 2,4,6 --export-block 4
"""

TUNING = "Fine-tuning (--variant truncate)"
SAMPLES = "Samples"


def finetune(
    data: Annotated[
        str,
        typer.Argument(
            help="A .jsonl, .csv or .parquet file (also .gz, .xz, .zst) with a column of texts and "
            "one of classes, a folder of them, or a Hub dataset id.",
            show_default=False,
        ),
    ],
    encoder: EncoderName = EMBEDDED,
    out: Annotated[Path, typer.Option("--out", "-o", help="The study's folder.")] = Path(
        "finetune-study"
    ),
    preset: Annotated[
        Literal["fewrel", "dbpedia", "agnews"] | None,
        typer.Option(
            help="Sizes of the group's runs: 630 and 70 texts a class, 100 and 100, 1,000 and "
            "1,000. fewrel reads FewRel's own format as well.",
            show_default=False,
        ),
    ] = None,
    variant: Annotated[
        Literal["read-out", "truncate", "both"],
        typer.Option(
            help="read-out: a new head on every block of the frozen encoder. truncate: the encoder "
            "cut after every block, all of it fine-tuned; takes blocks times seeds trainings."
        ),
    ] = "read-out",
    export_block: Annotated[
        int | None,
        typer.Option(
            help="Write the encoder up to this block as a text classifier too.", show_default=False
        ),
    ] = None,
    margin: Annotated[
        float, typer.Option(help="Points of accuracy that the advised block may lose.")
    ] = 1.0,
    text_field: TextField = None,
    label_field: Annotated[
        str | None, typer.Option(help="The column that holds the class.", show_default="found")
    ] = None,
    markers: Annotated[
        bool, typer.Option("--markers", help="Put signs around FewRel's entities.")
    ] = False,
    test: Annotated[
        str | None,
        typer.Option(
            help="Other such texts to measure on.",
            show_default="a fifth of each class",
            rich_help_panel=SAMPLES,
        ),
    ] = None,
    train_size: Annotated[
        int | None,
        typer.Option(
            "--train",
            help="Texts of a class to train on.",
            show_default="all but the test's",
            rich_help_panel=SAMPLES,
        ),
    ] = None,
    test_size: Annotated[
        int | None,
        typer.Option(
            help="Texts of a class to measure on.",
            show_default="a fifth",
            rich_help_panel=SAMPLES,
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Samples of texts and trainings.", rich_help_panel=SAMPLES)
    ] = 5,
    untrained: Annotated[int, typer.Option(help="Untrained twins to compare with.")] = 1,
    tokens: Annotated[int, typer.Option(help="First tokens of a text that are used.")] = 128,
    pooling: Annotated[
        Literal["first", "mean"],
        typer.Option(help="A read-out sees the first token, [CLS], or the mean over tokens."),
    ] = "first",
    confidence: Annotated[
        bool,
        typer.Option(help="Set confidence against the accuracy of the input's tokens."),
    ] = True,
    epochs: Annotated[int, typer.Option(help="Epochs.", rich_help_panel=TUNING)] = 5,
    rate: Annotated[float, typer.Option(help="Learning rate.", rich_help_panel=TUNING)] = 2e-4,
    batch: Annotated[int, typer.Option(help="Texts of a step.", rich_help_panel=TUNING)] = 32,
    blocks: Annotated[
        str | None,
        typer.Option(
            help="Blocks to fine-tune up to, by commas.",
            show_default="all",
            rich_help_panel=TUNING,
        ),
    ] = None,
    strict: Strict = False,
    device: Device = "cpu",
    trust_remote_code: TrustRemoteCode = False,
    allow_pickle: AllowPickle = False,
) -> None:
    """Train classifiers on every block of an encoder, and write a report.

    Says how accuracy grows along the blocks, beside an untrained encoder and TF-IDF; which classes
    are taken for one another; where the encoder may be cut; and whether confidence depends on what
    the encoder knows of the input's tokens. The last block's classifier is kept in the folder
    `model`; `blocklens predict` uses it.
    """
    from blocklens.encoder.trunk import Encoder
    from blocklens.labels.depth import advice_line
    from blocklens.studies.finetune import finetune as run

    given = {
        "data": data, "test": test, "preset": preset, "text_field": text_field,
        "label_field": label_field, "markers": markers, "train": train_size,
        "test_size": test_size, "variant": variant, "blocks": read_blocks(blocks), "seeds": seeds,
        "untrained": untrained, "tokens": tokens, "pooling": pooling, "epochs": epochs,
        "rate": rate, "batch": batch, "confidence": confidence, "margin": margin / 100,
        "strict": strict,
    }  # fmt: skip
    options = class_options(given)
    loaded = Encoder.load(
        encoder, device=device, trust_remote_code=trust_remote_code, allow_pickle=allow_pickle
    )
    first = first_process()
    with shown(loaded.name) as progress:
        found = run(options, loaded, out, export=export_block, progress=progress)
    if not first:
        return
    summarise(found)
    for task, words in (("text", "Read-outs"), ("text, fine-tuned", "Fine-tuned")):
        advice = found.table("advice")
        advice = advice.loc[advice["task"] == task]
        if len(advice):
            typer.echo(f"{words}: {advice_line(advice, options.margin)}")
    if export_block is not None:
        typer.echo(f"Exported: {found.folder / f'block-{export_block}'}")


finetune.__doc__ = f"{finetune.__doc__}\n{EXAMPLES}"


def read_blocks(text: str | None) -> tuple[int, ...] | None:
    """Block numbers of "1,3,6". Raises UserError for anything else."""
    if text is None:
        return None
    try:
        return tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError as error:
        raise UserError(f"--blocks {text}: expected numbers of blocks, such as 1,3,6") from error


def class_options(given: dict[str, Any]) -> Any:
    """Options of the classes part, each fault named with its option of the command line.

    Raises:
        UserError: a value that is not allowed.

    """
    from pydantic import ValidationError

    from blocklens.studies.study_options import ClassOptions

    try:
        return ClassOptions.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise UserError(f"{option} {first['input']}: {first['msg']}") from error
