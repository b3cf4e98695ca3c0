"""`blocklens finetune`: the classes of labelled texts, read out or fine-tuned on every block."""

from __future__ import annotations

from pathlib import Path

import typer

from blocklens.cli.shared_options import EncoderOptions, ExportBlock, Figures, Out, check_texts
from blocklens.cli.signature import from_options
from blocklens.cli.verdicts import summarise
from blocklens.progress import first_process, shown
from blocklens.studies.study_options import ClassOptions

EXAMPLES = """
**Examples**

    blocklens finetune reviews.csv

    blocklens finetune fewrel_val.json --preset fewrel --out fewrel-study

    blocklens finetune fancyzhx/ag_news --preset agnews --encoder google-bert/bert-base-uncased

    blocklens finetune reviews.csv --variant both --blocks 2,4,6 --export-block 4
"""


@from_options
def finetune(
    encoder: EncoderOptions,
    options: ClassOptions,
    export_block: ExportBlock = None,
    out: Out = Path("finetune-study"),
    figures: Figures = False,
) -> None:
    """Train classifiers on every block of an encoder, and write a report.

    Says how accuracy grows along the blocks, beside an untrained encoder and TF-IDF; which classes
    are taken for one another; how far the encoder may be shortened; and whether confidence
    depends on what the encoder knows of the input's tokens. The last block's classifier is kept
    in the folder `model`; `blocklens predict` uses it.
    """
    for source in (options.data, options.test):
        if source not in (None, "-"):
            check_texts(source, labelled=True)
    encoder.check()

    from blocklens.labels.depth import advice_line
    from blocklens.studies.finetune import finetune as run

    loaded = encoder.load()
    with shown(loaded.name) as progress:
        done = run(options, loaded, out, export=export_block, progress=progress)
    if not first_process():
        return
    summarise(done, figures=figures)
    for task, words in (("text", "Read-outs"), ("text, fine-tuned", "Fine-tuned")):
        advice = done.table("advice")
        advice = advice.loc[advice["task"] == task]
        if len(advice):
            typer.echo(f"{words}: {advice_line(advice, options.margin)}")
    if export_block is not None:
        typer.echo(f"Exported: {done.folder / f'block-{export_block}'}")


finetune.__doc__ = f"{finetune.__doc__}\n{EXAMPLES}"
