"""`blocklens film`: every checkpoint of a training run studied, and when each statement begins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blocklens.cli.completion import paths
from blocklens.cli.shared_options import MeasuringOptions, Out, Processes, Texts, share_work
from blocklens.cli.signature import from_options
from blocklens.cli.study import check_parts
from blocklens.errors import UserError
from blocklens.inputs.text_options import TextOptions
from blocklens.progress import first_process, shown
from blocklens.studies.study_options import StudyOptions

EXAMPLES = """
**Examples**

    blocklens pretrain articles.jsonl --out my-bert --milestones 20

    blocklens film held-out.jsonl --run my-bert --texts 200

    blocklens film held-out.jsonl --run trainer-output --data reviews.csv --out film
"""


@from_options
def film(
    texts: Texts,
    loading: MeasuringOptions,
    options: StudyOptions,
    reading: TextOptions,
    run: Annotated[
        Path,
        typer.Option(
            help="A folder of `blocklens pretrain`, or any with checkpoints such as "
            "`checkpoint-500`.",
            show_default=False,
            autocompletion=paths,
        ),
    ],
    out: Out = Path("film"),
    processes: Processes = 1,
) -> None:
    """Study every checkpoint of a training run, and say when each statement begins to hold.

    Writes a study of each checkpoint, and `report.html`, which shows the verdicts along the run,
    what was learned meanwhile, and every effect. Untrained controls are measured once for all
    checkpoints. Stopped and given again, it goes on.
    """
    from blocklens.inputs.texts import TextSource
    from blocklens.studies.training_run import checkpoints

    check_parts(options)
    if texts == "-":
        raise UserError("-: the texts are read at every checkpoint; give a file")
    source = TextSource(texts, field=reading.text_field, limit=reading.limit, strict=options.strict)
    checkpoints(run)  # refuses a folder without any, before PyTorch is imported
    share_work(processes, texts)

    from blocklens.studies.film import film as run_film

    with shown(str(run)) as progress:
        run_film(source, run, out, options=options, progress=progress, **loading.model_dump())
    if first_process():
        typer.echo(f"\nFilm: {out / 'report.html'}")


film.__doc__ = f"{film.__doc__}\n{EXAMPLES}"
