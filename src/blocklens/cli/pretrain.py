"""`blocklens pretrain`: from texts to a BERT."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from blocklens.cli.shared_options import TEXTS, Strict, TextField
from blocklens.errors import UserError

EXAMPLES = """
**Examples**

    blocklens pretrain articles.jsonl.xz --out my-bert

    blocklens pretrain articles.jsonl.xz --out my-bert --resume

    blocklens pretrain texts/ --preset paper --epochs 10 --out bert-6

    blocklens pretrain articles.jsonl.xz --hours 0.5 --width 128 --heads 4 --out small

    blocklens pretrain articles.jsonl.xz --preset tiny --sizes 1000,4000,16000 --seeds 3 \\
        --steps 2000 --epochs 4 --out sizes
"""


def _from_preset(text: str) -> typer.models.OptionInfo:
    return typer.Option(help=text, show_default="the preset's")


def pretrain(
    texts: Annotated[
        str,
        typer.Argument(
            help=TEXTS,
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The run's folder.")] = Path(
        "pretrained"
    ),
    preset: Annotated[
        Literal["mini", "tiny", "paper"],
        typer.Option(
            help="mini: for two cores and two hours. tiny: for minutes, to compare many runs. "
            "paper: the group's public BERT-6."
        ),
    ] = "mini",
    text_field: TextField = None,
    articles: Annotated[
        int | None, typer.Option(help="Texts to train on.", show_default="all")
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(
            help="Numbers of articles, such as 1000,4000,16000: one run each, at equal steps "
            "(--steps) and at equal epochs (--epochs), and the table of <APT> against size.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="With --sizes: training runs of each, for intervals over them.",
            show_default="1",
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Train so many steps.", show_default="tiny: 2000")
    ] = None,
    epochs: Annotated[
        float | None, typer.Option(help="Or so many epochs.", show_default="paper: 50")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(help="Or so many hours.", show_default="mini: 2")
    ] = None,
    blocks: Annotated[int | None, _from_preset("Blocks.")] = None,
    heads: Annotated[int | None, _from_preset("Heads of a block.")] = None,
    width: Annotated[int | None, _from_preset("Width of the encoder.")] = None,
    feed_forward: Annotated[
        int | None, typer.Option(help="Inner width of a block.", show_default="4 x width")
    ] = None,
    positions: Annotated[int | None, _from_preset("Longest input of the encoder.")] = None,
    initial: Annotated[
        Literal["standard", "neighbours"] | None, _from_preset("Initial weights.")
    ] = None,
    vocabulary: Annotated[int | None, _from_preset("Entries of the new vocabulary.")] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(help="An existing tokenizer, folder or Hub id.", show_default="a new one"),
    ] = None,
    lowercase: Annotated[bool | None, _from_preset("Lower-case the texts.")] = None,
    length: Annotated[int | None, _from_preset("Tokens of a packed row.")] = None,
    long: Annotated[
        Literal["windows", "cut"] | None,
        _from_preset("Long texts: all of them in windows, or their beginning."),
    ] = None,
    validation: Annotated[float | None, _from_preset("Share of texts held out.")] = None,
    modified: Annotated[float | None, _from_preset("Share of tokens modified.")] = None,
    modified_early: Annotated[float | None, _from_preset("The same before the rate falls.")] = None,
    dropout: Annotated[float | None, _from_preset("Dropout; the group's code has 0.1.")] = None,
    rows: Annotated[int | None, _from_preset("Packed rows of a step.")] = None,
    optimiser: Annotated[Literal["muon", "adamw"] | None, _from_preset("Optimiser.")] = None,
    rate: Annotated[float | None, _from_preset("AdamW's learning rate.")] = None,
    matrix_rate: Annotated[float | None, _from_preset("Muon's learning rate.")] = None,
    beta2: Annotated[float | None, _from_preset("AdamW's second beta.")] = None,
    weight_decay: Annotated[float | None, _from_preset("Weight decay.")] = None,
    clip: Annotated[float | None, _from_preset("Largest norm of the gradient.")] = None,
    warm_up: Annotated[int | None, _from_preset("Steps of rising rate.")] = None,
    schedule: Annotated[
        Literal["stable-decay", "linear"] | None, _from_preset("Learning rate's course.")
    ] = None,
    decay: Annotated[
        float | None, _from_preset("Share of the run in which the rate falls.")
    ] = None,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"] | None,
        typer.Option(
            help="Of matrix products; auto: bfloat16 where the processor has instructions for it.",
            show_default="auto; paper: float32",
        ),
    ] = None,
    seed: Annotated[int | None, _from_preset("Seed.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the run in --out stopped.")
    ] = False,
    save_minutes: Annotated[float, typer.Option(help="Minutes between checkpoints.")] = 5.0,
    threads: Annotated[
        int | None, typer.Option(help="Processor threads.", show_default="PyTorch's choice")
    ] = None,
    strict: Strict = False,
) -> None:
    """Pre-train a BERT with masked-language modelling.

    Trains a WordPiece vocabulary (or takes a tokenizer), tokenises the texts once, packs them
    without attention across texts, and trains. The result, `model` in the run's folder, is an
    ordinary Hugging Face folder with a model card.
    """
    import torch
    from rich.console import Console

    from blocklens.inputs.texts import TextSource
    from blocklens.pretraining.pretrain import pretrain as run
    from blocklens.pretraining.pretrain_options import PretrainOptions
    from blocklens.pretraining.train_sizes import read_sizes
    from blocklens.studies.sizes_part import study_sizes

    if threads is not None:
        torch.set_num_threads(threads)
    given = {
        "articles": articles,
        "blocks": blocks,
        "heads": heads,
        "width": width,
        "feed_forward": feed_forward,
        "positions": positions,
        "initial": initial,
        "vocabulary": vocabulary,
        "tokenizer": tokenizer,
        "lowercase": lowercase,
        "length": length,
        "long_texts": long,
        "validation": validation,
        "modified": modified,
        "modified_early": modified_early,
        "dropout": dropout,
        "rows": rows,
        "optimiser": optimiser,
        "rate": rate,
        "matrix_rate": matrix_rate,
        "beta2": beta2,
        "weight_decay": weight_decay,
        "clip": clip,
        "warm_up": warm_up,
        "schedule": schedule,
        "decay": decay,
        "precision": precision,
        "seed": seed,
    }
    if seeds is not None and sizes is None:
        raise UserError(f"--seeds {seeds}: goes with --sizes; one run takes --seed")
    console = Console(stderr=True)
    source = TextSource(texts, field=text_field, strict=strict)
    if sizes is not None:
        made = study_sizes(
            source,
            out,
            read_sizes(sizes),
            preset=preset,
            given=given,
            steps=steps,
            epochs=epochs,
            seeds=seeds or 1,
            save_minutes=save_minutes,
            console=console,
        )
        table = made.table("training_sizes")
        Console().print(table.to_string(index=False), soft_wrap=True, highlight=False)
        for row in made.claims.to_dict("records"):
            Console().print(f"{row['statement']} {row['verdict']}", soft_wrap=True)
        Console().print(f"\nReport: {made.report}", soft_wrap=True, highlight=False)
        return
    options = PretrainOptions.make(preset, **given, steps=steps, epochs=epochs, hours=hours)
    model = run(
        source,
        out,
        options,
        resume=resume,
        described=source.description,
        texts_digest=source.digest(),
        save_minutes=save_minutes,
        console=console,
    )
    Console().print(f"\nModel: {model}", soft_wrap=True, highlight=False)


pretrain.__doc__ = f"{pretrain.__doc__}\n{EXAMPLES}"
