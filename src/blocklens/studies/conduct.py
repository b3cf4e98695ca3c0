"""A study: everything that blocklens measures of one encoder on one set of texts, in one folder.

    study.json             every option, seed, version and input hash
    tables/*.parquet       what was measured, and the claims
    examples/*.npz         maps of a few texts
    figures/*.{svg,png}    every chart of the report
    report.html            one page that opens offline

The encoder and its controls are runs of the same code. A run is kept under `runs/` with a hash of
what went into it: it is measured again only where that has changed, so a killed study goes on where
it stopped. Files appear whole or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from blocklens.distributed import Share, join
from blocklens.encoder import Encoder
from blocklens.measurement import FEW_TEXTS
from blocklens.storage import output_folder, write_json
from blocklens.studies.folder import Inputs, write_study
from blocklens.studies.options import StudyOptions
from blocklens.studies.runs import TABLES, keep, kept_key, run_once, runs
from blocklens.texts.reading import TextSource


@dataclass(frozen=True)
class Study:
    """A study on disk."""

    folder: Path

    def table(self, name: str) -> pd.DataFrame:
        """One of the study's tables: heads, sums, distances, labels, anchors or claims."""
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
"""Called with a run's name, texts done in it, and texts in all."""


def study(
    texts: str | Path | list[str] | TextSource,
    encoder: Encoder | str | Path,
    out: str | Path = "study",
    *,
    options: StudyOptions | None = None,
    progress: Progress | None = None,
    report: bool = True,
) -> Study:
    """Measure an encoder and its controls on texts, judge every claim, and write the report.

    Under `torchrun` each process takes its share of the texts and the first one writes.

    Args:
        texts: a file, a folder, a Hub dataset id, or strings.
        encoder: an encoder, or the folder or Hub id of one.
        out: the study's folder; one that holds a study already is brought up to date.
        options: what to measure and how.
        progress: told how far each run is.
        report: write the page and the figures as well.

    Raises:
        UserError: an input that cannot be used, or a folder that cannot be written.

    """
    options = options or StudyOptions()
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
    unit = options.unit
    if unit == "auto":
        unit = "text" if inputs.count >= FEW_TEXTS else "window"
    found: dict[str, dict[str, pd.DataFrame]] = {}
    facts: dict[str, Any] = {}
    # What a run's figures depend on: not on how many controls there are, or what the report shows.
    measured = options.model_dump(exclude={"untrained", "shuffled", "examples", "unit"})
    for run in runs(options):
        key = fingerprint([run, measured, unit, inputs.encoder, inputs.texts, version("blocklens")])
        place = folder / "runs" / run.name.replace(" ", "-")
        kept = share.same(kept_key(place)) == key
        if not kept:
            measurement = run_once(
                run, encoder, source, options, unit, share,
                _counted(progress, run.name, inputs.count, share),
            )  # fmt: skip
            if measurement is not None:
                keep(measurement, place, key)
        if share.rank == 0:
            found[run.name] = {name: pd.read_parquet(place / f"{name}.parquet") for name in TABLES}
            facts[run.name] = pd.read_json(place / "facts.json", typ="series").to_dict()
    if share.rank == 0:
        write_study(folder, encoder, source, options, found, facts["encoder"], inputs)
        if report:
            from blocklens.report import write_report

            write_report(folder)
    share.wait()
    return Study(folder)


def fingerprint(values: Any) -> str:
    """A hash of anything that prints the same when it is the same."""
    return hashlib.sha256(repr(values).encode("utf-8")).hexdigest()


def _counted(
    progress: Progress | None, run: str, count: int, share: Share
) -> Callable[[int], None] | None:
    """From "so many more texts" to "so many of all", on the first process alone."""
    if progress is None or share.rank:
        return None
    done = 0

    def add(more: int) -> None:
        nonlocal done
        done += more * share.world
        progress(run, min(done, count), count)

    return add
