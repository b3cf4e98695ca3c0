"""A study of labelled texts alone: the classes part, and a block exported where it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from blocklens.embedded.bert6 import EMBEDDED
from blocklens.encoder.given import texts_and_encoder
from blocklens.errors import UserError
from blocklens.inputs.texts import TextSource
from blocklens.progress import SILENT, Progress
from blocklens.studies.classifiers import check_exportable, export_block
from blocklens.studies.exported import remove_stale
from blocklens.studies.labelled_samples import Given, check
from blocklens.studies.runner import Study
from blocklens.studies.study import study
from blocklens.studies.study_options import ClassOptions, StudyOptions


def finetune(
    data: Any,
    encoder: Any = EMBEDDED,
    out: str | Path = "finetune-study",
    *,
    export: int | None = None,
    progress: Progress = SILENT,
    report: bool = True,
    **options: Any,
) -> Study:
    """Read out, or fine-tune, the classes of labelled texts on every block of an encoder.

    Args:
        data: labelled texts: a file, a folder or a Hub data set id, or records of a text and a
            label (a table of pandas, dictionaries); or `ClassOptions`.
        encoder: an encoder, or what `Encoder.of` makes one of; by default the embedded one.
        out: the study's folder; one that holds a study already is brought up to date.
        export: write the classifier up to this block into `block-<number>` as well.
        progress: told how far each step is.
        report: write the page as well.
        **options: those of `ClassOptions`.

    Raises:
        UserError: an input that cannot be used, or a folder that cannot be written.

    Examples:
        >>> import blocklens
        >>> import pandas as pd
        >>> words = ["good", "fine", "bad", "poor"] * 20
        >>> labels = ["up", "up", "down", "down"] * 20
        >>> texts = [f"Day {number} was {word}." for number, word in enumerate(words)]
        >>> table = pd.DataFrame({"text": texts, "label": labels})
        >>> study = blocklens.finetune(
        ...     table, "embedded", "my-classes", seeds=1, untrained=0, confidence=False
        ... )
        >>> study.table("learning")["block"].dropna().unique().tolist()
        [0, 1, 2, 3, 4, 5, 6]

    """
    data, encoder = texts_and_encoder(data, encoder)
    classes = ClassOptions.of(data, **options)
    if classes.data == "-":
        raise UserError("-: labelled texts are read twice; give a file or a Hub data set id")
    check(encoder, classes)
    if export is not None:
        check_exportable(encoder, classes, export)
    given = Given.of(classes)
    source = TextSource(given.texts.texts)
    source.description = given.data.description

    def then(folder: Path) -> None:
        if export is not None:
            export_block(encoder, classes, export, folder)
        for line in remove_stale(folder):
            progress.say(line)

    return study(
        source, encoder, out,
        options=StudyOptions(parts=("classes",), classes=classes),
        progress=progress, report=report, kind="finetune", then=then,
    )  # fmt: skip
