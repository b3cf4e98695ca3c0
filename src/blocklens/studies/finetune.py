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
) -> Study:
    """Read out, or fine-tune, the classes of labelled texts on every block of an encoder.

    Args:
        data: labelled texts: a file, a folder or a Hub data set id, or records of a text and a
            label (a table of pandas, dictionaries); or a file with all options, as `ClassOptions`.
        encoder: an encoder, or what `Encoder.of` makes one of; by default the embedded one.
        out: the study's folder; one that holds a study already is brought up to date.
        export: write the classifier up to this block into `block-<number>` as well.
        progress: told how far each step is.
        report: write the page as well.

    Raises:
        UserError: an input that cannot be used, or a folder that cannot be written.

    """
    data, encoder = texts_and_encoder(data, encoder)
    options = ClassOptions.of(data)
    if options.data == "-":
        raise UserError("-: labelled texts are read twice; give a file or a Hub data set id")
    check(encoder, options)
    if export is not None:
        check_exportable(encoder, options, export)
    given = Given.of(options)
    source = TextSource(given.texts.texts)
    source.description = given.data.description

    def then(folder: Path) -> None:
        if export is not None:
            export_block(encoder, options, export, folder)

    return study(
        source, encoder, out,
        options=StudyOptions(parts=("classes",), classes=options),
        progress=progress, report=report, kind="finetune", then=then,
    )  # fmt: skip
