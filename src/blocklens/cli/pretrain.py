"""`blocklens pretrain`: from texts to a BERT."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from blocklens.cli.shared_options import DeviceOptions, Out, Texts, Threads
from blocklens.cli.signature import from_options
from blocklens.cli.verdicts import summarise
from blocklens.errors import UserError
from blocklens.inputs.text_options import STRICT, ColumnOptions
from blocklens.pretraining.pretrain_options import MILESTONES, PretrainOptions
from blocklens.progress import first_process, shown

EXAMPLES = """
**Examples**

    blocklens pretrain articles.jsonl.xz --out my-bert

    blocklens pretrain articles.jsonl.xz --out my-bert --resume

    blocklens pretrain articles.jsonl.xz --out my-bert --milestones 20

    blocklens pretrain texts/ --preset paper --epochs 10 --out bert-6

    blocklens pretrain articles.jsonl.xz --hours 0.5 --width 128 --heads 4 --out small

    blocklens pretrain articles.jsonl.xz --preset tiny --sizes 1000,4000,16000 --seeds 3 \\
        --steps 2000 --epochs 4 --out sizes

    torchrun --nproc_per_node 2 -m blocklens pretrain articles.jsonl.xz --out my-bert
"""


class ReadingOptions(ColumnOptions):
    """How the texts are read; how many of them, `PretrainOptions.articles` says."""

    strict: bool = STRICT


@from_options
def pretrain(
    texts: Texts,
    given: Annotated[dict[str, Any], PretrainOptions],
    reading: ReadingOptions,
    computing: DeviceOptions,
    preset: Annotated[
        Literal["mini", "tiny", "paper"],
        typer.Option(
            help="mini: for two cores and two hours. tiny: for minutes, to compare many runs. "
            "paper: the group's public BERT-6."
        ),
    ] = "mini",
    sizes: Annotated[
        str | None,
        typer.Option(
            help="Numbers of articles, such as 1000,4000,16000: one run each, at equal steps "
            "(--steps) and at equal epochs (--epochs), and the table of <APT> against size."
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
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the run in --out stopped.")
    ] = False,
    save_minutes: Annotated[float, typer.Option(help="Minutes between checkpoints.")] = 5.0,
    milestones: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Encoders to keep from the start to the end, milestones/checkpoint-STEP: "
            "`blocklens film` shows how they came into being.",
            show_default=str(MILESTONES),
        ),
    ] = None,
    threads: Threads = None,
    out: Out = Path("pretrained"),
) -> None:
    """Pre-train a BERT with masked-language modelling.

    Trains a WordPiece vocabulary (or takes a tokenizer), tokenises the texts once, packs them
    without attention across texts, and trains. The result, `model` in the run's folder, is an
    ordinary Hugging Face folder with a model card.
    """
    from blocklens.inputs.texts import TextSource

    if seeds is not None and sizes is None:
        raise UserError(f"--seeds {seeds}: goes with --sizes; one run takes --seed")
    if milestones is not None and sizes is not None:
        raise UserError(f"--milestones {milestones}: goes with one run, not with --sizes")
    source = TextSource(texts, field=reading.text_field, strict=reading.strict)
    options = None if sizes else PretrainOptions.make(preset, **given)

    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    if options is not None:
        from blocklens.pretraining.pretrain import pretrain as run

        with shown(source.description) as progress:
            model = run(
                source, out, options, resume=resume, save_minutes=save_minutes,
                milestones=MILESTONES if milestones is None else milestones,
                device=computing.device, progress=progress,
            )  # fmt: skip
        if first_process():
            typer.echo(f"\nModel: {model}")
        return
    from blocklens.pretraining.train_sizes import read_sizes
    from blocklens.studies.sizes_part import study_sizes

    budget = {name: given.pop(name, None) for name in ("steps", "epochs")}
    with shown(source.description) as progress:
        made = study_sizes(
            source, out, read_sizes(str(sizes)), preset=preset, given=given, **budget,
            seeds=seeds or 1, save_minutes=save_minutes, device=computing.device, progress=progress,
        )  # fmt: skip
    if first_process():
        typer.echo(made.table("training_sizes").to_string(index=False))
        summarise(made)


pretrain.__doc__ = f"{pretrain.__doc__}\n{EXAMPLES}"
