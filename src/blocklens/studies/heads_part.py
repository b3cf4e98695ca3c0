"""The heads part of a study: the encoder and its controls, the same code over the same texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np

from blocklens.heads.maps_of_texts import first_examples
from blocklens.heads.measurement import FEW_TEXTS, check_measured, measure
from blocklens.heads.specialisation import labels_beyond_twins
from blocklens.inputs.sentence_choice import Choice, chosen
from blocklens.progress import Progress
from blocklens.statistics.groups import GROUPS
from blocklens.storage import whole_file, write_json
from blocklens.studies.part import Facts, Part, Result, Step, Tables
from blocklens.studies.study_options import StudyOptions
from blocklens.studies.work import Work

VERSION = 7
MANY_TEXTS = 100
"""With fewer texts than this every twin is measured on all of them."""

MEASURED = {"heads", "long", "most_windows", "strict"}
"""Options that a run's figures depend on: not how many controls there are, or what is shown."""


@dataclass(frozen=True)
class Pass:
    """One pass over the texts: the encoder itself, or a control."""

    name: str
    untrained: int | None = None
    shuffle: int | None = None


def runs(options: StudyOptions) -> list[Pass]:
    """The encoder and its controls."""
    runs = [Pass("encoder")]
    runs += [Pass(f"untrained {seed}", untrained=seed) for seed in range(options.untrained)]
    if options.shuffled:
        runs.append(Pass("shuffled", shuffle=0))
    return runs


def encoder_of(run: Pass, work: Work) -> str:
    """A hash of the encoder that a pass measures."""
    return work.inputs.encoder if run.untrained is None else work.twins


def sampling_unit(work: Work) -> Literal["text", "window"]:
    """The unit that intervals leave out: texts, or windows where there are few texts."""
    if work.options.unit != "auto":
        return work.options.unit
    return "text" if work.inputs.count >= FEW_TEXTS else "window"


def groups_of_twins(work: Work) -> int:
    """How many groups of texts a twin is measured on.

    Twins differ far more by their seed than by the texts, so twelve of them on two fifths of many
    texts tell more than five on all, in the same time.
    """
    return GROUPS * 2 // 5 if work.inputs.count >= MANY_TEXTS else GROUPS


def window_and_overlap(work: Work) -> tuple[int, int]:
    """Tokens of a window, and those that neighbours share."""
    window = work.options.window or min(512, work.encoder.max_tokens)
    overlap = work.options.overlap
    return window, window // 8 if overlap is None else overlap


def sentence_choice(work: Work) -> Choice:
    """What a sentence is, guessed from the first texts where the options leave it open."""
    options = work.options
    return chosen(options.sentences, options.language, (text.text for text in work.source))


def heads_part(work: Work) -> Part:
    """One step a run."""
    choice = sentence_choice(work)
    made_of = {
        **work.options.model_dump(mode="json", include=MEASURED),
        "window and overlap": window_and_overlap(work),
        "unit": sampling_unit(work),
        "sentences": choice.made_of(text.text for text in work.source),
        "texts": work.inputs.texts,
    }
    steps = [
        Step(
            run.name,
            {"run": run, "encoder": encoder_of(run, work), **made_of},
            partial(run_once, run, work, choice),
        )
        for run in runs(work.options)
    ]
    cut = work.options.heads.cut
    return Part(
        "heads",
        VERSION,
        steps,
        notes=partial(notes, work, choice),
        derive=lambda tables: {"labels": labels_beyond_twins(tables["heads"], cut)},
        extras=partial(write_examples, work, choice),
    )


def run_once(run: Pass, work: Work, choice: Choice, progress: Progress) -> Result | None:
    """One pass over the texts; the merged result on the first process, None on the others."""
    encoder, options, share = work.encoder, work.options, work.share
    window, overlap = window_and_overlap(work)
    measurement = measure(
        work.source,
        encoder if run.untrained is None else encoder.untrained(run.untrained),
        options=options.heads,
        window=window,
        overlap=overlap,
        long=options.long,
        most_windows=options.most_windows,
        unit=sampling_unit(work),
        language=choice.language,
        sentences=choice.sentences,
        shuffle=run.shuffle,
        groups=GROUPS if run.untrained is None else groups_of_twins(work),
        strict=options.strict,
        share=share,
        progress=progress,
    )
    measurement.run = run.name
    parts = share.gather(measurement.sums)
    if parts is None:
        return None
    for sums in parts[1:]:
        measurement.sums.merge(sums)
    check_measured(measurement, work.source)
    return Result(
        {
            "heads": measurement.table,
            "sums": measurement.groups,
            "distances": measurement.distances,
            "labels": measurement.labels,
            "anchors": measurement.anchors,
        },
        {
            "windows": measurement.sums.windows,
            "tokens": measurement.sums.tokens,
            "unit": measurement.unit,
            "skipped": measurement.skipped,
        },
    )


def notes(work: Work, choice: Choice, facts: Facts, _: Tables) -> list[str]:
    """How long texts went through, sentences, the unit of the intervals, and a missing control."""
    options = work.options
    window, overlap = window_and_overlap(work)
    unit, notes = facts["encoder"]["unit"], []
    if options.long == "windows":
        first = "" if unit == "window" else f", at most {options.most_windows} of a text"
        notes.append(
            f"Texts longer than {window} tokens went through in windows of {window} tokens, "
            f"{overlap} of them shared by neighbours{first}."
        )
    else:
        notes.append(f"Texts longer than {window} tokens were cut there.")
    if unit == "window":
        notes.append(
            "There are few texts, so the intervals leave out windows of them in turn: they "
            "describe these texts, not texts in general."
        )
    else:
        notes.append("The intervals leave out texts in turn.")
    notes.append(choice.note())
    if not options.untrained:
        notes.append("No untrained twin was measured, so no claim that needs one has a verdict.")
    return notes


def write_examples(work: Work, choice: Choice, folder: Path, _: Tables) -> list[Path]:
    """Every head's maps on the first texts; returns the files."""
    options = work.options
    examples = first_examples(
        work.encoder, work.source, options.examples,
        similarity=options.heads.similarity, language=choice.language, sentences=choice.sentences,
    )  # fmt: skip
    files = [folder / "examples" / "examples.json"]
    for number, example in enumerate(examples):
        buffer = BytesIO()
        np.savez_compressed(buffer, attention=example.attention, similarity=example.similarity)
        files.append(folder / "examples" / f"{number}.npz")
        with whole_file(files[-1]) as partial_file:
            partial_file.write_bytes(buffer.getvalue())
    write_json([e.description() for e in examples], files[0])
    return files
