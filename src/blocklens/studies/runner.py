"""Running parts in a folder: the one way in which blocklens measures, keeps and shows.

    study.json             what was measured of what: options, versions, digests, notes
    tables/*.parquet       what was measured, and the claims
    examples/*.npz         maps of a few texts
    figures/*.{svg,png}    every chart, where `blocklens figures` was asked for them
    report.html            one page that opens offline
    runs/<part>/<step>/    each step's result, to go on from (see `kept.py`)

A step is measured where no result with its key is kept, so a stopped study goes on where it
stopped. One process writes at a time; files appear whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd

from blocklens.claims import evaluate
from blocklens.distributed import ALONE, Share
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.progress import SILENT, Progress
from blocklens.provenance import made_with
from blocklens.storage import locked, manifest, output_folder, write_table
from blocklens.studies.kept import keep, read_kept
from blocklens.studies.part import Part, Result, Step, Tables
from blocklens.studies.study_record import FILE, KINDS, Kind, StudyRecord

PACKAGES = (
    "blocklens", "torch", "transformers", "tokenizers", "numpy", "scipy", "pandas", "sentencex",
    "nltk", "scikit-learn", "pillow",
)  # fmt: skip
"""Whose versions are recorded."""


@dataclass(frozen=True)
class Study:
    """A study on disk."""

    folder: Path

    def table(self, name: str) -> pd.DataFrame:
        """One of the study's tables, such as heads, labels or claims.

        Raises:
            UserError: no table of this name; the message says which there are.

        """
        folder = self.folder / "tables"
        file = folder / f"{name}.parquet"
        if not file.is_file():
            there = ", ".join(sorted(one.stem for one in folder.glob("*.parquet")))
            raise UserError(f"{self.folder}: no table {name!r}; there are {there or 'none'}")
        return pd.read_parquet(file)

    @cached_property
    def claims(self) -> pd.DataFrame:
        """Every claim with its effect, interval, control and verdict."""
        return self.table("claims")

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.folder / "report.html"

    def _repr_html_(self) -> str:
        from blocklens.report.notebook import study_html

        return study_html(self.folder)


@dataclass(frozen=True)
class Measured:
    """A part and the result of each of its steps, by the step's name."""

    part: Part
    results: dict[str, Result]

    @property
    def facts(self) -> dict[str, dict[str, Any]]:
        """The facts of every step, by its name."""
        return {step: dict(result.facts) for step, result in self.results.items()}


_RUNS = count()
"""Numbers of a process's runs: processes that share them begin them in one order."""


class StudyRun:
    """A study's folder while it is measured; a context manager that holds the folder's lock.

    `like`: studies whose kept results are taken where this one has none of their key.

    Raises:
        UserError: a folder that holds something else or cannot be written, or in which another
            process is writing.

    """

    def __init__(
        self,
        out: str | Path,
        kind: Kind,
        *,
        share: Share = ALONE,
        progress: Progress = SILENT,
        like: Sequence[Path] = (),
    ) -> None:
        self.folder, self.share, self.progress = Path(out), share, progress
        self.kind: Kind = kind
        self.like = like
        self.number = next(_RUNS)
        self._measured: list[Measured] = []
        self._open = ExitStack()

    def __enter__(self) -> StudyRun:
        if self.share.rank == 0:
            output_folder(self.folder, FILE)
            self._open.enter_context(locked(self.folder))
            try:
                refuse_links(self.folder)
                if (self.folder / FILE).exists():
                    refuse_other_kinds(self.folder, self.kind)
                else:  # the mark of a study: a folder without it is not gone on with
                    StudyRecord(kind=self.kind).write(self.folder)
            except BaseException:
                self._open.close()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def measure(self, part: Part) -> Measured:
        """Every step of a part, measured where it is not kept; empty but on the first process."""
        share, first = self.share, self.share.rank == 0
        kept = {step.name: self._kept(part, step) for step in part.steps if first}
        missing = share.same([name for name, result in kept.items() if result is None])
        done = []
        for step in sorted(part.steps, key=lambda step: step.keeps is None):
            name = f"{part.name}, {step.name}"
            if step.name not in missing:
                continue
            asked = f"{self.number}, {len(self._measured)}, {name}"
            if step.alone and not (first if step.keeps is not None else share.claims(asked)):
                continue
            result = step.measure(self.progress.within(name) if first else SILENT)
            if result is not None and (first or step.alone):
                keep(result, part, step, self.folder)
                done.append(step.name)
        new = {name for names in share.gather(done) or [] for name in names}
        for step in part.steps:
            if step.name in new:
                kept[step.name] = self._kept(part, step)
                if kept[step.name] is None:
                    raise UserError(
                        f"{self.folder}: the result of {part.name}, {step.name} was changed "
                        "while it was written: run the same command again"
                    )
        results = {name: result for name, result in kept.items() if result is not None}
        measured = Measured(part, results)
        self._measured.append(measured)
        share.wait()
        return measured

    def _kept(self, part: Part, step: Step) -> Result | None:
        """What is kept of a step: here, or in a study like this one, from where it is taken."""
        result = read_kept(part, step, self.folder)
        if result is None and step.keeps is None:
            results = (read_kept(part, step, folder) for folder in self.like)
            result = next((one for one in results if one is not None), None)
            if result is not None:
                keep(result, part, step, self.folder)
        return result

    def facts(self, part: str, step: str) -> dict[str, Any]:
        """The facts of a step that was measured; none of one that was not."""
        facts = [one.facts.get(step, {}) for one in self._measured if one.part.name == part]
        return facts[0] if facts else {}

    def finish(
        self, record: StudyRecord, notes: Iterable[str] = (), *, report: bool = True
    ) -> Study:
        """Write joined tables, judged claims, examples, `study.json` and the report.

        Args:
            record: what was measured; this fills in facts, notes, files and versions.
            notes: what is to be said before the parts' own notes.
            report: write the page as well.

        """
        if self.share.rank == 0:
            before = StudyRecord.read(self.folder)
            before.model_copy(update={"finished": False}).write(self.folder)
            tables = self._tables()
            tables["claims"] = evaluate(tables)
            files = [self.folder / "tables" / f"{name}.parquet" for name in tables]
            for file, table in zip(files, tables.values(), strict=True):
                write_table(table, file)
            notes = list(notes)
            for one in self._measured:
                files += one.part.extras(self.folder, tables)
                notes += one.part.notes(one.facts, tables)
            listed = {k: v for file in files for k, v in manifest(file, of=self.folder).items()}
            for old in before.files.keys() - listed.keys():  # of a part no longer asked for
                (self.folder / old).unlink(missing_ok=True)
                with suppress(OSError):  # other things lie there too
                    (self.folder / old).parent.rmdir()
            hashes = dict(record.hashes)
            for one in self._measured:
                hashes |= one.part.hashes
            added = {
                "finished": True, "hashes": hashes, "files": listed, "notes": notes,
                **made_with(PACKAGES),
                "parts": {one.part.name: one.facts for one in self._measured},
            }  # fmt: skip
            record.model_copy(update=added).write(self.folder)
            if report:
                from blocklens.report import write_report

                write_report(self.folder)
        self.share.wait()
        return Study(self.folder)

    def _tables(self) -> Tables:
        """The tables of all parts; parts that share a name are told apart by a column `task`."""
        frames: dict[str, list[pd.DataFrame]] = {}
        for one in self._measured:
            for result in one.results.values():
                for name, frame in result.tables.items():
                    frames.setdefault(name, []).append(frame)
        tables = {name: pd.concat(some, ignore_index=True) for name, some in frames.items()}
        for one in self._measured:
            tables |= one.part.derive(tables)
        return tables


def encoder_facts(encoder: Encoder) -> dict[str, Any]:
    """What `study.json` says of an encoder."""
    return {
        "encoder": encoder.name,
        "architecture": encoder.config.model_type,
        "blocks": encoder.blocks,
        "heads": encoder.heads,
        "precision": encoder.precision,
    }


def refuse_other_kinds(folder: Path, kind: Kind) -> None:
    """Leave a study of another kind alone. Raises UserError where the folder holds one."""
    there = StudyRecord.read(folder).kind
    if there != kind:
        raise UserError(
            f"{folder}: holds {KINDS[there]}, not {KINDS[kind]}; give another folder with --out"
        )


def refuse_links(folder: Path) -> None:
    """Nothing is written or deleted through a link. Raises UserError for a linked subfolder."""
    for path in folder.iterdir():
        if path.is_symlink() and path.is_dir():
            raise UserError(
                f"{path}: a link to a folder; results are not written through links: remove it, or "
                "give another folder with --out"
            )
