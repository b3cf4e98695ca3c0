"""The film of a training run: every checkpoint studied, and when each statement begins to hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from blocklens.claims.comparison import Comparison
from blocklens.distributed import join
from blocklens.encoder.trunk import Encoder
from blocklens.inputs.texts import TextSource
from blocklens.progress import SILENT, Progress
from blocklens.storage import locked, output_folder, write_json
from blocklens.studies.study import study
from blocklens.studies.study_options import StudyOptions
from blocklens.studies.training_run import checkpoints


def film(
    texts: Any,
    run: str | Path,
    out: str | Path = "film",
    *,
    options: StudyOptions | None = None,
    progress: Progress = SILENT,
    **loading: Any,
) -> Comparison | None:
    """Study every checkpoint of a training run on the same texts, and compare them.

    Controls that do not depend on the weights, the untrained twins, are measured once. What was
    measured is kept in `out/studies`: given again, the command goes on, and of a run that has gone
    on measures the new checkpoints alone.

    Args:
        texts: a file, a folder, a Hub dataset id, or strings; texts that the run was not trained
            on.
        run: a folder of `blocklens pretrain` with its `milestones`, or any folder of checkpoints
            called after their steps, such as `checkpoint-500` of the Trainer.
        out: the folder of the page, the tables and the studies.
        options: what to measure of each checkpoint, and how.
        progress: told how far each step is.
        **loading: of `Encoder.load`, such as `device`.

    Returns:
        The comparison with its `series`; None on all but the first of several processes.

    Raises:
        UserError: fewer than two checkpoints, an input that cannot be used, or a folder that
            cannot be written.

    Examples:
        >>> import blocklens
        >>> from pathlib import Path
        >>> texts = [f"Day {n}: the river rose {n * n} times and fell." for n in range(60)]
        >>> made = blocklens.PretrainOptions.make("tiny", steps=2, vocabulary=64)
        >>> model = blocklens.pretrain(texts, Path("my-bert"), made, milestones=2)
        >>> options = blocklens.StudyOptions(parts="heads", untrained=0, shuffled=False)
        >>> comparison = blocklens.film(texts, "my-bert", options=options)
        >>> comparison.series["step"].unique().tolist()
        [0, 2]

    """
    from blocklens.report.compare import FILE, compare

    places = checkpoints(Path(run))
    source = texts if isinstance(texts, TextSource) else TextSource(texts)
    out, share = Path(out), join()
    if share.rank == 0:
        output_folder(out, FILE)
        with locked(out):
            write_json({"studies": []}, out / FILE)
    share.wait()
    studies: list[Path] = []
    for number, place in enumerate(places, 1):
        within = progress.within(f"{place.name} ({number} of {len(places)})")
        made = study(
            source, Encoder.load(place, **loading), out / "studies" / place.name,
            options=options, progress=within, like=studies[-1:],
        )  # fmt: skip
        studies.append(made.folder)
    return compare(*studies, out=out) if share.rank == 0 else None
