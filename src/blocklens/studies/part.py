"""What a part of a study is: heads, what was learned, and whatever else is measured of an encoder.

A part is named steps. A step is one measurement, such as that of the encoder or of one untrained
twin; its result is kept in `runs/<part>/<step>` with a key of what it is made of. To add a part to
the study of texts, write a module with a builder like `heads_part.py` and name it in `study.PARTS`;
its options become one more field of `StudyOptions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from blocklens.progress import Progress

Tables = dict[str, pd.DataFrame]
Facts = Mapping[str, Mapping[str, Any]]
"""What JSON can hold about each step, by the step's name."""


@dataclass(frozen=True)
class Result:
    """What a step measured: tables by name, each with a column `run`, and facts for JSON."""

    tables: Mapping[str, pd.DataFrame]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One measurement of a part.

    Attributes:
        name: the run's name in the tables, such as "encoder" or "untrained 0".
        made_of: all that its figures depend on, to know it again: options with every default
            resolved, and digests of what is used.
        measure: called on every process; returns the result on the first.
        keeps: a folder of the study that `measure` may write beside its tables, such as the model
            it trains. It is part of the result: if it is damaged, the step is measured again.
        alone: one process measures it, whichever is free, while others measure other steps; the
            first one where it `keeps` something, since transformers saves models on no other, and
            says nothing.

    """

    name: str
    made_of: Any
    measure: Callable[[Progress], Result | None]
    keeps: str | None = None
    alone: bool = False


@dataclass(frozen=True)
class Part:
    """A part of a study.

    Attributes:
        name: the name that `--parts` knows it by, and of its folder under `runs/`.
        version: raised whenever a formula of the part changes, so that no old figure stands under
            a new claim.
        steps: what is to be measured; the same on every process.
        hashes: of what this part alone reads, for the study's record.
        at_once: what the one who waits is told before anything is measured.
        notes: what a reader must know before reading its numbers.
        derive: tables that follow from the measured ones.
        extras: writes what is not a table into the study's folder; returns what it wrote.

    """

    name: str
    version: int
    steps: Sequence[Step]
    hashes: Mapping[str, str] = field(default_factory=dict)
    at_once: Sequence[str] = ()
    notes: Callable[[Facts, Tables], list[str]] = lambda facts, tables: []
    derive: Callable[[Tables], Tables] = lambda tables: {}
    extras: Callable[[Path, Tables], list[Path]] = lambda folder, tables: []
