"""Studies side by side: each claim's effect in every encoder, and which of them can be told apart.

Where two studies measured the same texts, and a claim rests on sums by group of texts, the
difference is paired: each group is left out of both encoders at once, so what makes a text hard for
both cancels. Elsewhere the errors of both add up, and the difference says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from blocklens.claims.registry import REGISTRY, Claim, Tables
from blocklens.labels.tasks import TOKENS
from blocklens.statistics.estimate import Estimate

PAIRED, SAME_TEXTS, OTHER_TEXTS = "paired", "same texts, not paired", "other texts"
OTHER_OPTIONS = "measured otherwise"
LEARNED = ("learned", "classes")
"""Options of what P2 is about; all others that count are of P1."""
LABELLED = "labelled texts"
"""What a study's record calls those of text classes."""
VARIANT = "classes.variant"
"""Decides which classes are measured, read out or fine-tuned; each has claims of its own."""
NOT_MEASURED = {
    "parts", "untrained", "shuffled", "examples", "strict", "margin", "data", "test", "text_field",
    "label_field", "confidence", "seeds",
}  # fmt: skip
"""Options that say how many controls there are, what is shown, or where things are read from."""


@dataclass(frozen=True)
class Compared:
    """One study as a comparison needs it.

    Attributes:
        name: what the comparison calls it.
        encoder: the encoder as the study names it, a path or a Hub id.
        inputs: hashes of the texts, labelled texts or images, by what they are.
        tables: the study's tables, "claims" among them.
        options: what was measured how, as `study.json` has it.

    """

    name: str
    encoder: str
    inputs: Mapping[str, str]
    tables: Tables
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """What studies say side by side.

    Attributes:
        effects: a row a claim and study, in the order of the claims. Columns: id, paper, statement,
            statistic, study, effect, low, high, verdict, reason, rank. A study's rank is one more
            than the number of studies whose effect is clearly larger, so that studies which cannot
            be told apart share a rank.
        differences: a row a claim and pair of studies. Columns: id, first, second, scale ("ratio":
            first over second; "difference": first less second), value, low, high (95 %), how
            ("paired"; "same texts, not paired"; "other texts"; "measured otherwise"), above and
            below: the study with the larger and the smaller effect, "" for both where they cannot
            be told apart.
        series: where the studies are checkpoints of one run, `effects` with a column step.

    """

    effects: pd.DataFrame
    differences: pd.DataFrame
    series: pd.DataFrame | None


def compare_studies(studies: Sequence[Compared]) -> Comparison:
    """All claims of all studies, every pair of studies compared."""
    apart = differences(studies)
    tables = [study.tables["claims"].assign(study=study.name) for study in studies]
    rows = pd.concat(tables, ignore_index=True)
    above = [
        int(((apart["id"] == row["id"]) & (apart["below"] == row["study"])).sum())
        for row in rows.to_dict("records")
    ]
    rows["rank"] = pd.array(1 + np.array(above), dtype="Int64")
    rows.loc[rows["effect"].isna(), "rank"] = pd.NA
    order = {name: place for place, name in enumerate(REGISTRY)}
    columns = "id paper statement statistic study effect low high verdict reason rank".split()  # noqa: SIM905
    rows = rows.sort_values("id", key=lambda ids: ids.map(order), kind="stable")
    rows = rows.reindex(columns=columns).reset_index(drop=True)
    return Comparison(rows, apart, along_training(studies, rows))


def differences(studies: Sequence[Compared]) -> pd.DataFrame:
    """Every claim's effect in one study against every other's; see `Comparison.differences`."""
    rows = []
    for claim in REGISTRY.values():
        known = {s.name: effect for s in studies if (effect := effect_of(claim, s.tables))}
        for one, other in combinations([s for s in studies if s.name in known], 2):
            a, b = known[one.name], known[other.name]
            same = bool(inputs_of(one, claim)) and inputs_of(one, claim) == inputs_of(other, claim)
            alike = not other_options(one, other, claim)
            paired = a.paired_less(b) if same and alike else None
            how = PAIRED if paired else SAME_TEXTS if same else OTHER_TEXTS
            how = how if alike else OTHER_OPTIONS
            difference = paired or a.less(b)
            rows.append(_row(claim.id, one.name, other.name, difference, how, ratio=a.ratio))
    columns = "id first second scale value low high how above below".split()  # noqa: SIM905
    return pd.DataFrame(rows, columns=columns)


def inputs_of(study: Compared, claim: Claim) -> dict[str, str]:
    """Hashes of what a claim's figures were measured on: labelled texts, or all other inputs.

    None where a folder has text classes without a hash, as those of earlier versions.
    """
    labelled = (
        claim.paper == "P2"
        and claim.figure.get("task") != TOKENS.name
        and (LABELLED in study.inputs or study.options.get("classes") is not None)
    )
    return {name: made for name, made in study.inputs.items() if (name == LABELLED) == labelled}


def other_options(one: Compared, other: Compared, claim: Claim | None = None) -> list[str]:
    """The options that two studies were measured with differently, such as "window: 64 and 128".

    `claim`: of those alone that its figures depend on. A part that one of them lacks is no
    difference.
    """
    first, second = (dict(_measured(study.options)) for study in (one, other))
    if claim is not None and "learned" in one.options:  # a study of texts has parts for each paper
        first = {name: value for name, value in first.items() if _bears_on(claim, name)}
    return [
        f"{name}: {_said(value)} and {_said(second[name])}"
        for name, value in first.items()
        if name in second and value != second[name]
    ]


def _measured(options: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if name in NOT_MEASURED or (within == "" and name in LEARNED and value is None):
            continue
        if isinstance(value, Mapping):
            yield from _measured(value, f"{within}{name}.")
        else:
            yield f"{within}{name}", value


def _bears_on(claim: Claim, name: str) -> bool:
    """Whether figures of `claim` depend on an option of a study of texts."""
    part, task = name.split(".")[0], claim.figure.get("task")
    if claim.paper != "P2":
        return part not in LEARNED
    if task is None:  # confidence in classes, read out or fine-tuned, beside accuracy on tokens
        return part in LEARNED
    if task == TOKENS.name:
        return part == "learned"
    return part == "classes" and name != VARIANT


def _said(value: Any) -> str:
    return "the default" if value is None else str(value)


def _row(
    claim: str, first: str, second: str, difference: Estimate, how: str, *, ratio: bool
) -> tuple[str | float, ...]:
    ends = np.array([difference.value, difference.low, difference.high])
    above = below = ""
    if difference.low > 0:
        above, below = first, second
    elif difference.high < 0:
        above, below = second, first
    scale = "ratio" if ratio else "difference"
    value, low, high = (np.exp(ends) if ratio else ends).tolist()
    return claim, first, second, scale, value, low, high, how, above, below


def effect_of(claim: Claim, tables: Tables) -> Estimate | None:
    """The encoder's effect, or None where the study has none."""
    finding = claim.find(tables)
    if finding is None or finding.effect is None or not np.isfinite(finding.effect.at):
        return None
    return finding.effect


def training_step(encoder: str) -> tuple[str, int] | None:
    """The run and the step of a checkpoint by its name, such as `bert/checkpoint-500`."""
    match = re.fullmatch(r"(.*?)[/_-]?(?:checkpoint|step)s?[/_-]?(\d+)/?", encoder)
    return (match[1], int(match[2])) if match else None


def along_training(studies: Sequence[Compared], effects: pd.DataFrame) -> pd.DataFrame | None:
    """The effects along the steps of one training run, or None where these are no checkpoints."""
    steps = [training_step(study.encoder) for study in studies]
    known = [step for step in steps if step is not None]
    if len(known) < max(2, len(studies)) or len({run for run, _ in known}) > 1:
        return None
    of_study = {study.name: step for study, (_, step) in zip(studies, known, strict=True)}
    return effects.assign(step=[of_study[name] for name in effects["study"]]).sort_values(
        "step", kind="stable"
    )


def begins_to_hold(series: pd.DataFrame) -> pd.DataFrame:
    """From which step on each claim holds at every later one; first what begins first.

    Columns: id, statement, after (the last step at which it does not hold yet, missing where it
    holds from the first), by (the first step from which it holds for good, missing where it never
    does): it begins to hold between the two. holds_at, checkpoints: at how many it holds, of how
    many. at_last: the verdict at the last.
    """
    rows = []
    for name, of_claim in series.groupby("id", sort=False):
        ordered = of_claim.sort_values("step")
        holds = ordered["verdict"].eq("holds").to_numpy()
        steps = ordered["step"].to_numpy()
        last_not = np.flatnonzero(~holds)
        at = 0 if not len(last_not) else int(last_not[-1]) + 1
        after = None if at == 0 else int(steps[at - 1])
        by = int(steps[at]) if at < len(steps) else None
        counts = int(holds.sum()), len(steps), ordered["verdict"].iloc[-1]
        rows.append((name, ordered["statement"].iloc[0], after, by, *counts))
    columns = ["id", "statement", "after", "by", "holds_at", "checkpoints", "at_last"]
    table = pd.DataFrame(rows, columns=columns).astype({"after": "Int64", "by": "Int64"})
    order = table.assign(seldom=-table["holds_at"]).sort_values(["by", "seldom"], kind="stable")
    return table.loc[order.index].reset_index(drop=True)
