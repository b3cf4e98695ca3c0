"""What a part of a study is: heads, what was learned, and whatever else is measured of an encoder.

A part is a name, its tables and its steps. A step is one measurement, such as that of the encoder
or of one untrained twin; its result is kept in `runs/<part>/<step>` with a hash of what went into
it. To add a part, write a module with a `PART` like `heads_part.py` and name it in `runner.PARTS`;
its options become one more field of `StudyOptions`, its tables go to the claims and to the report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from blocklens.distributed import Share
from blocklens.encoder.trunk import Encoder
from blocklens.inputs.texts import TextSource
from blocklens.studies.study_options import StudyOptions


@dataclass(frozen=True)
class Inputs:
    """What a study reads, looked through once before anything is measured.

    Attributes:
        texts: a hash of the texts.
        encoder: a hash of the encoder.
        count: number of texts that could be read.
        skipped: those that could not, as "name: reason" (the first thousand).
        skipped_count: how many they are.

    """

    texts: str
    encoder: str
    count: int
    skipped: list[str]
    skipped_count: int

    @classmethod
    def of(cls, source: TextSource, encoder: Encoder) -> Inputs:
        """Look through the texts; the same pass counts, hashes and names what is skipped."""
        count = sum(1 for _ in source)
        skipped = [f"{bad.name}: {bad.reason}" for bad in source.skipped]
        return cls(source.digest(), encoder.fingerprint(), count, skipped, source.skipped_count)


@dataclass(frozen=True)
class Work:
    """What every part is given: encoder, texts, options, this process's share, the folder."""

    encoder: Encoder
    source: TextSource
    options: StudyOptions
    inputs: Inputs
    share: Share
    folder: Path


@dataclass(frozen=True)
class Result:
    """What a step found: tables by name, each with a column `run`, and facts that JSON can hold."""

    tables: Mapping[str, pd.DataFrame]
    facts: Mapping[str, Any]


StepProgress = Callable[[str, int, int], None]
"""Called with a stage of the step ("" where it has but one), how much is done, and of how much."""


@dataclass(frozen=True)
class Step:
    """One measurement of a part.

    Attributes:
        name: the run's name in the tables, such as "encoder" or "untrained 0".
        made_of: what its figures depend on besides the encoder and the texts, to know it again.
        measure: called on every process, with a callback for progress on the first one; returns
            the result on the first process and None on the others.

    """

    name: str
    made_of: Any
    measure: Callable[[StepProgress | None], Result | None]


def _nothing(*_: Any) -> None:
    return None


def _no_notes(*_: Any) -> list[str]:
    return []


@dataclass(frozen=True)
class Part:
    """A part of a study.

    Attributes:
        name: the name that `--parts` knows it by, and of its folder under `runs/`.
        tables: names of the tables its steps give; no two parts share one.
        steps: what is to be measured; the same on every process.
        left_out: why this part cannot be measured here, in one sentence, or None where it can.
        notes: what a reader must know before reading its numbers, from the facts of each step.
        extras: writes what is not a table into the study's folder, on the first process.

    """

    name: str
    tables: Sequence[str]
    steps: Callable[[Work], list[Step]]
    left_out: Callable[[Work], str | None] = _nothing
    notes: Callable[[Work, Mapping[str, Mapping[str, Any]]], list[str]] = _no_notes
    extras: Callable[[Work, Path], None] = _nothing
