"""The registry of claims: each statement of a paper as data and one small function from tables.

A claim reads tables only. Its verdict needs the effect's whole 95 % interval on one side of the
control and of the value that means no preference; a p value alone never decides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

Tables = Mapping[str, pd.DataFrame]
Verdict = Literal["holds", "does not hold", "inconclusive"]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def from_samples(cls, samples: np.ndarray) -> Estimate:
        """From [1 + resamples] values, the first of them measured on all texts."""
        value, draws = float(samples[0]), samples[1:]
        if len(draws) == 0 or not np.isfinite(draws).all():
            return cls(value, float("nan"), float("nan"))
        low, high = np.percentile(draws, (2.5, 97.5))
        return cls(value, float(low), float(high))

    @classmethod
    def covering(cls, estimates: list[Estimate]) -> Estimate:
        """The mean value, in an interval that covers all of theirs: the widest reading."""
        return cls(
            float(np.mean([e.value for e in estimates])),
            float(np.min([e.low for e in estimates])),
            float(np.max([e.high for e in estimates])),
        )


@dataclass(frozen=True)
class Finding:
    """What one claim's function found in the tables.

    Attributes:
        effect: the encoder's.
        control: the control's, or None where no control was run.

    """

    effect: Estimate
    control: Estimate | None


@dataclass(frozen=True)
class Claim:
    """One statement of a paper, made testable.

    Attributes:
        id: short name, such as "p1-same-sentence".
        paper: "P1", "P2", or "ours" for a statement that no paper makes.
        statement: the paper's statement in our words, or ours.
        statistic: what is measured, with its unit.
        control: what the effect must lie above.
        bound: the effect's value that means no preference.
        choices: what is ours in making the statement testable.
        figure: what the report draws beside it, see `blocklens.report`.
        find: from tables to a finding, or None where the tables it needs are not there.
        tag: source of the statement.

    """

    id: str
    paper: str
    statement: str
    statistic: str
    control: str
    bound: float
    choices: str
    figure: dict[str, Any]
    find: Callable[[Tables], Finding | None] = field(repr=False)
    tag: str = "paper"


REGISTRY: dict[str, Claim] = {}


def claim(**given: Any) -> Callable[[Callable[[Tables], Finding | None]], Claim]:
    """Register the decorated function as a claim; see `Claim` for the keywords.

    Raises:
        ValueError: an id that is taken.

    """

    def register(find: Callable[[Tables], Finding | None]) -> Claim:
        made = Claim(find=find, **given)
        if made.id in REGISTRY:
            raise ValueError(f"claim {made.id} is registered twice")
        REGISTRY[made.id] = made
        return made

    return register


def verdict(effect: Estimate, control: Estimate | None, bound: float) -> Verdict:
    """What the intervals allow to say.

    `holds` where the effect's whole interval lies above both control and bound, `does not hold`
    where it lies below either, `inconclusive` otherwise or without a control.
    """
    if control is None or not np.isfinite([effect.low, effect.high]).all():
        return "inconclusive"
    if not np.isfinite([control.low, control.high]).all():
        return "inconclusive"
    if effect.low > max(control.high, bound):
        return "holds"
    if effect.high < max(control.low, bound):
        return "does not hold"
    return "inconclusive"


def evaluate(tables: Tables) -> pd.DataFrame:
    """Every claim whose tables are there, one row each, in the order of registration.

    Columns: id, paper, statement, tag, statistic, effect, low, high, bound, control,
    control_effect, control_low, control_high, verdict, choices, figure (JSON).
    """
    rows = []
    for made in REGISTRY.values():
        found = made.find(tables)
        if found is None:
            continue
        control = found.control
        rows.append(
            {
                "id": made.id,
                "paper": made.paper,
                "statement": made.statement,
                "tag": made.tag,
                "statistic": made.statistic,
                "effect": found.effect.value,
                "low": found.effect.low,
                "high": found.effect.high,
                "bound": made.bound,
                "control": made.control if control else "not run",
                "control_effect": control.value if control else float("nan"),
                "control_low": control.low if control else float("nan"),
                "control_high": control.high if control else float("nan"),
                "verdict": verdict(found.effect, control, made.bound),
                "choices": made.choices,
                "figure": json.dumps(made.figure),
            }
        )
    return pd.DataFrame(rows)
