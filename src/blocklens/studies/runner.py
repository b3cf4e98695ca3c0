"""A study: everything that blocklens measures of one encoder on one set of texts, in one folder.

    study.json             every option, seed, version and input hash
    tables/*.parquet       what was measured, and the claims
    examples/*.npz         maps of a few texts
    figures/*.{svg,png}    every chart of the report
    report.html            one page that opens offline

A study has parts (`PARTS`), each with its steps: the encoder and its controls, by the same code. A
step is kept under `runs/` with a hash of what went into it: it is measured again only where that
has changed, so a killed study goes on where it stopped. Files appear whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from blocklens.distributed import join
from blocklens.embedded.bert6 import EMBEDDED
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.texts import TextSource
from blocklens.storage import output_folder, write_json
from blocklens.studies import heads_part as heads
from blocklens.studies import text_classes_part as classes
from blocklens.studies import tokens_part as learned
from blocklens.studies.kept import fingerprint, keep, kept_key, read_kept
from blocklens.studies.part import Inputs, Part, Result, Step, StepProgress, Work
from blocklens.studies.study_folder import Found, write_study
from blocklens.studies.study_options import StudyOptions

PARTS: tuple[Part, ...] = (heads.PART, learned.PART, classes.PART)
"""The parts of a study, in the order in which they are measured and shown."""


@dataclass(frozen=True)
class Study:
    """A study on disk."""

    folder: Path

    def table(self, name: str) -> pd.DataFrame:
        """One of the study's tables, such as heads, labels or claims."""
        return pd.read_parquet(self.folder / "tables" / f"{name}.parquet")

    @cached_property
    def claims(self) -> pd.DataFrame:
        """Every claim with its effect, interval, control and verdict."""
        return self.table("claims")

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.folder / "report.html"


Progress = Callable[[str, int, int], None]
"""Called with the name of a part's step, how much of it is done, and of how much."""


def study(
    texts: str | Path | list[str] | TextSource,
    encoder: Encoder | str | Path = EMBEDDED,
    out: str | Path = "study",
    *,
    options: StudyOptions | None = None,
    progress: Progress | None = None,
    report: bool = True,
) -> Study:
    """Measure an encoder and its controls on texts, judge every claim, and write the report.

    Under `torchrun` each process takes its share of the texts; the first one trains read-outs and
    writes.

    Args:
        texts: a file, a folder, a Hub dataset id, or strings.
        encoder: an encoder, or the folder or Hub id of one; by default the embedded one.
        out: the study's folder; one that holds a study already is brought up to date.
        options: what to measure and how.
        progress: told how far each step is.
        report: write the page and the figures as well.

    Raises:
        UserError: an input that cannot be used, a part asked for by name that cannot be measured,
            or a folder that cannot be written.

    """
    options = options or StudyOptions()
    parts = chosen_parts(options)
    share = join()
    folder = Path(out)
    if share.rank == 0:
        output_folder(folder, "study.json")
    source = texts if isinstance(texts, TextSource) else TextSource(texts, strict=options.strict)
    encoder = encoder if isinstance(encoder, Encoder) else Encoder.load(encoder)
    if share.rank == 0 and not (folder / "study.json").exists():
        # The mark of a study: a folder with this file may be gone on with, any other is left alone.
        write_json({"encoder": encoder.name, "finished": False}, folder / "study.json")
    inputs = share.same(Inputs.of(source, encoder) if share.rank == 0 else None)
    assert inputs is not None
    work = Work(encoder, source, options, inputs, share, folder)
    planned: list[tuple[Part, list[Step]]] = []
    notes: list[str] = []
    for part in parts:
        reason = part.left_out(work)
        if reason is None:
            planned.append((part, part.steps(work)))
        elif options.parts is None:
            notes.append(reason)
        else:
            raise UserError(reason)
    # Every part has read what it needs by now: nothing is measured in vain.
    found = [
        Found(part, measure_part(part, steps, work, folder, progress)) for part, steps in planned
    ]
    if share.rank == 0:
        write_study(folder, work, found, notes)
        if report:
            from blocklens.report import write_report

            write_report(folder)
    share.wait()
    return Study(folder)


def chosen_parts(options: StudyOptions) -> list[Part]:
    """The parts that the options name, or all. Raises UserError for an unknown name."""
    if options.parts is None:
        return list(PARTS)
    known = {part.name: part for part in PARTS}
    unknown = [name for name in options.parts if name not in known]
    if unknown or not options.parts:
        raise UserError(
            f"parts {','.join(options.parts)}: {f'{unknown[0]!r} is' if unknown else 'there are'} "
            f"none of a study; the parts are {', '.join(known)}"
        )
    return [part for part in PARTS if part.name in options.parts]


def measure_part(
    part: Part, steps: list[Step], work: Work, folder: Path, progress: Progress | None
) -> dict[str, Result]:
    """The result of every step, measured where it is not kept; empty but on the first process."""
    results: dict[str, Result] = {}
    first = work.share.rank == 0
    inputs = (work.inputs.encoder, work.inputs.texts, version("blocklens"))
    for step in steps:
        key = fingerprint([part.name, step.name, step.made_of, inputs])
        place = folder / "runs" / part.name / step.name.replace(" ", "-")
        if work.share.same(kept_key(place)) != key:
            shown = _named(progress, f"{part.name}, {step.name}") if progress and first else None
            result = step.measure(shown)
            if result is not None:
                keep(result, place, key)
        if first:
            results[step.name] = read_kept(place, part.tables)
    return results


def _named(progress: Progress, step: str) -> StepProgress:
    """Progress of one step, named with its part and its stage."""

    def update(stage: str, done: int, count: int) -> None:
        progress(f"{step}: {stage}" if stage else step, done, count)

    return update
