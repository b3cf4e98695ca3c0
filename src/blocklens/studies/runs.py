"""The runs of a study: the encoder and its controls, the same code over the same texts.

A run is kept in a folder of its own with a hash of what went into it, written last: a run without
its hash is not there, and a run with another hash is measured again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from blocklens.distributed import Share
from blocklens.encoder import Encoder
from blocklens.measurement import Measurement, check_measured, measure
from blocklens.storage import whole_file, write_json, write_table
from blocklens.studies.options import StudyOptions
from blocklens.texts.reading import TextSource

TABLES = ("heads", "sums", "distances", "labels", "anchors")
"""The tables of a run, and so of a study."""


@dataclass(frozen=True)
class Run:
    """One pass over the texts: the encoder itself, or a control."""

    name: str
    untrained: int | None = None
    shuffle: int | None = None


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
    check_measured(measurement, source)
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
