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
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from blocklens.claims import evaluate
from blocklens.distributed import Share, join
from blocklens.encoder import Encoder
from blocklens.examples import first_examples
from blocklens.measurement import FEW_TEXTS, Measurement, measure
from blocklens.measures import HeadOptions
from blocklens.storage import output_folder, whole_file, write_json, write_table
from blocklens.texts.reading import TextSource

RUN_TABLES = ("heads", "sums", "distances", "labels", "anchors")
PACKAGES = ("blocklens", "torch", "transformers", "tokenizers", "numpy", "pandas", "sentencex")


class StudyOptions(BaseModel):
    """What can be chosen in a study; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    heads: HeadOptions = Field(default=HeadOptions())
    window: int | None = Field(default=None, ge=4, description="tokens of a window")
    overlap: int | None = Field(
        default=None, ge=0, description="tokens shared by neighbouring windows"
    )
    long: Literal["windows", "cut"] = Field(
        default="windows", description="what becomes of long texts"
    )
    unit: Literal["auto", "text", "window"] = Field(default="auto", description="the sampling unit")
    language: str = Field(default="en", description="language of the sentence splitter")
    untrained: int = Field(
        default=3, ge=0, description="number of untrained twins, seeds 0, 1, ..."
    )
    shuffled: bool = Field(
        default=True, description="measure the texts with their tokens shuffled as well"
    )
    examples: int = Field(default=3, ge=0, description="texts whose maps are kept for the report")
    strict: bool = Field(
        default=False, description="stop at the first text that cannot be measured"
    )


@dataclass(frozen=True)
class Run:
    """One pass over the texts: the encoder itself, or a control."""

    name: str
    untrained: int | None = None
    shuffle: int | None = None


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
    counted = (source.digest(), sum(1 for _ in source)) if share.rank == 0 else ("", 0)
    digest, count = share.same(counted)
    unit = options.unit
    if unit == "auto":
        unit = "text" if count >= FEW_TEXTS else "window"
    weights = encoder.fingerprint()
    found: dict[str, dict[str, pd.DataFrame]] = {}
    facts: dict[str, Any] = {}
    # What a run's figures depend on: not on how many controls there are, or what the report shows.
    measured = options.model_dump(exclude={"untrained", "shuffled", "examples", "unit"})
    for run in runs(options):
        key = fingerprint([run, measured, unit, weights, digest, version("blocklens")])
        place = folder / "runs" / run.name.replace(" ", "-")
        kept = share.same(kept_key(place)) == key
        if not kept:
            measurement = run_once(
                run, encoder, source, options, unit, share,
                _counted(progress, run.name, count, share),
            )  # fmt: skip
            if measurement is not None:
                keep(measurement, place, key)
        if share.rank == 0:
            found[run.name] = {
                name: pd.read_parquet(place / f"{name}.parquet") for name in RUN_TABLES
            }
            facts[run.name] = pd.read_json(place / "facts.json", typ="series").to_dict()
    if share.rank == 0:
        write_study(folder, encoder, source, options, found, facts["encoder"], weights, digest)
        if report:
            from blocklens.report import write_report

            write_report(folder)
    share.wait()
    return Study(folder)


def runs(options: StudyOptions) -> list[Run]:
    """The encoder and its controls."""
    found = [Run("encoder")]
    found += [Run(f"untrained {seed}", untrained=seed) for seed in range(options.untrained)]
    if options.shuffled:
        found.append(Run("shuffled", shuffle=0))
    return found


def run_once(
    run: Run,
    encoder: Encoder,
    source: TextSource,
    options: StudyOptions,
    unit: Literal["text", "window"],
    share: Share,
    progress: Callable[[int], None] | None,
) -> Measurement | None:
    """One pass over the texts; the merged measurement on the first process, None on the others."""
    measurement = measure(
        encoder if run.untrained is None else encoder.untrained(run.untrained),
        source,
        options=options.heads,
        window=options.window,
        overlap=options.overlap,
        long=options.long,
        unit=unit,
        language=options.language,
        shuffle=run.shuffle,
        strict=options.strict,
        share=share,
        progress=progress,
    )
    measurement.run = run.name
    parts = share.gather((measurement.sums, measurement.skipped))
    if parts is None:
        return None
    for sums, skipped in parts[1:]:
        measurement.sums.merge(sums)
        measurement.skipped.extend(skipped)
    return measurement


def kept_key(place: Path) -> str | None:
    """The hash of what went into a run that is kept, or None."""
    done = place / "key.txt"
    return done.read_text("utf-8") if done.is_file() else None


def keep(measurement: Measurement, place: Path, key: str) -> None:
    """Write a run's tables, and its key last: a run without its key is not there."""
    (place / "key.txt").unlink(missing_ok=True)
    tables = {
        "heads": measurement.table,
        "sums": measurement.groups,
        "distances": measurement.distances,
        "labels": measurement.labels,
        "anchors": measurement.anchors,
    }
    for name, frame in tables.items():
        write_table(frame, place / f"{name}.parquet")
    facts = {
        "windows": measurement.sums.windows,
        "tokens": measurement.sums.tokens,
        "unit": measurement.unit,
        "skipped": measurement.skipped,
    }
    write_json(facts, place / "facts.json")
    with whole_file(place / "key.txt") as partial:
        partial.write_text(key, "utf-8")


def write_study(
    folder: Path,
    encoder: Encoder,
    source: TextSource,
    options: StudyOptions,
    found: dict[str, dict[str, pd.DataFrame]],
    facts: dict[str, Any],
    weights: str,
    digest: str,
) -> None:
    """Join the runs' tables, judge the claims, keep the examples, and say what was done."""
    tables = {
        name: pd.concat([parts[name] for parts in found.values()], ignore_index=True)
        for name in RUN_TABLES
    }
    tables["claims"] = evaluate(tables)
    for name, frame in tables.items():
        write_table(frame, folder / "tables" / f"{name}.parquet")
    examples = first_examples(
        encoder, source, options.examples,
        similarity=options.heads.similarity, language=options.language,
    )  # fmt: skip
    for number, example in enumerate(examples):
        with whole_file(folder / "examples" / f"{number}.npz") as partial:
            buffer = BytesIO()
            np.savez_compressed(buffer, attention=example.attention, similarity=example.similarity)
            partial.write_bytes(buffer.getvalue())
    write_json([e.description() for e in examples], folder / "examples" / "examples.json")
    skipped = [*(f"{bad.name}: {bad.reason}" for bad in source.skipped), *facts["skipped"]]
    description = {
        "encoder": encoder.name,
        "finished": True,
        "architecture": encoder.config.model_type,
        "blocks": encoder.blocks,
        "heads": encoder.heads,
        "texts": {
            "description": source.description,
            "count": sum(1 for _ in source) - len(facts["skipped"]),
            "windows": facts["windows"],
            "tokens": facts["tokens"],
            "unit": facts["unit"],
            "skipped": source.skipped_count + len(facts["skipped"]),
            "skipped_list": skipped[:1000],
        },
        "options": options.model_dump(mode="json"),
        "hashes": {"texts": digest, "encoder": weights},
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "notes": notes(options, facts, encoder),
    }
    write_json(description, folder / "study.json")


def notes(options: StudyOptions, facts: dict[str, Any], encoder: Encoder) -> list[str]:
    """What a reader must know before reading a number."""
    window = options.window or min(512, encoder.max_tokens)
    found = []
    if options.long == "windows":
        overlap = window // 8 if options.overlap is None else options.overlap
        found.append(
            f"Texts longer than {window} tokens went through in windows of {window} tokens, "
            f"{overlap} of them shared by neighbours."
        )
    else:
        found.append(f"Texts longer than {window} tokens were cut there.")
    if facts["unit"] == "window":
        found.append(
            "There are few texts, so the intervals resample windows of them: they describe these "
            "texts, not texts in general."
        )
    else:
        found.append("The intervals resample texts.")
    if not options.untrained:
        found.append("No untrained twin was measured, so no claim that needs one has a verdict.")
    return found


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
