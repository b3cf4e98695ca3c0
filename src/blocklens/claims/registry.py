"""The registry of claims: each statement of a paper as data and one small function from tables.

A claim reads tables only. What its estimates allow to say is `verdict.py`'s; why a claim stays
undecided and what would decide it, `needs.py`'s.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from blocklens.claims.needs import more_groups, why_undecided
from blocklens.claims.verdict import (
    ERROR,
    Judgement,
    Question,
    Side,
    Verdict,
    decided,
    level,
    questions,
)
from blocklens.statistics.estimate import Estimate
from blocklens.statistics.groups import FEWEST_GROUPS
from blocklens.wording import counted

Tables = Mapping[str, pd.DataFrame]

LEARNED, SIMPLEST, WORDS = "learned", "simplest", "from the words"


@dataclass(frozen=True)
class Finding:
    """What one claim's function found in the tables.

    Attributes:
        effect: the encoder's; None where the statistic does not exist for this study.
        controls: what it must exceed, by the question each answers: LEARNED (untrained encoders),
            SIMPLEST (a system that knows nothing of the matter), WORDS (shuffled tokens).
        reason: why there is no verdict whatever the estimates say; "" where they decide.
        decides: what would decide it, with a reason.
        applicable: False with the reason why the statistic does not exist.

    """

    effect: Estimate | None
    controls: dict[str, Estimate] = field(default_factory=dict)
    reason: str = ""
    decides: str = ""
    applicable: bool = True


def not_applicable(reason: str) -> Finding:
    """The statistic does not exist for this encoder and these texts."""
    return Finding(None, reason=reason, applicable=False)


def undecided(reason: str, decides: str, finding: Finding | None = None) -> Finding:
    """No verdict for a reason of the claim's own, whatever the estimates say."""
    effect, controls = (finding.effect, finding.controls) if finding else (None, {})
    return Finding(effect, controls, reason, decides)


@dataclass(frozen=True)
class Claim:
    """One statement of a paper, made testable.

    Attributes:
        id: short name, such as "p1-same-sentence".
        paper: "P1", "P2", or "ours" for a statement that no paper makes.
        statement: the paper's statement in our words, or ours.
        statistic: what is measured, with its unit.
        control: what the effect is compared with, in words.
        null: the effect's value without any effect.
        least: the smallest effect that counts.
        least_reason: why that one.
        simplest: the simplest system that could get the same score.
        choices: what is ours in making the statement testable.
        figure: what the report draws beside it, see `blocklens.report`.
        find: from tables to a finding, or None where the tables it needs are not there.
        asks: the controls without which there is no verdict.
        side: whether the effect is stated to lie above `least`, below it, or within -least..least.
        tag: source of the statement.

    """

    id: str
    paper: str
    statement: str
    statistic: str
    control: str
    null: float
    least: float
    least_reason: str
    simplest: str
    choices: str
    figure: dict[str, Any]
    find: Callable[[Tables], Finding | None] = field(repr=False)
    asks: tuple[str, ...] = ()
    side: Side = "above"
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


@dataclass(frozen=True)
class Verdicted:
    """A claim with its finding, the questions it asked, and what they say."""

    claim: Claim
    finding: Finding
    verdict: Verdict
    reason: str
    decides: str
    asked: tuple[Question, ...] = ()

    def answer(self, name: str) -> str:
        """The answer to one question: yes, no, open, or "not asked"."""
        answers = {question.name: question.answer for question in self.asked}
        return answers.get(name, "not asked")


def judge(findings: list[tuple[Claim, Finding]]) -> list[Verdicted]:
    """The verdicts of a study's claims together: the error is controlled over all of them."""
    asked = [_asked(claim, finding) for claim, finding in findings]
    judged = [Judgement.of(of_claim) if of_claim else None for of_claim in asked]
    p = [one.p for one in judged if one]
    sure, verdicts = decided(p), list[Verdicted]()
    places = itertools.count()
    for (claim, finding), of_claim, one in zip(findings, asked, judged, strict=True):
        if not finding.applicable:
            says: tuple[Verdict, str, str] = ("not applicable", finding.reason, "")
        elif one is None:
            says = ("undecided", *_why_not_asked(claim, finding))
        elif sure[place := next(places)]:
            says = (one.word, _why_decided(one, of_claim), "")
        else:
            says = ("undecided", *why_undecided(one, len(p), level(p, place)))
        verdicts.append(Verdicted(claim, finding, *says, tuple(of_claim)))
    return verdicts


def _asked(claim: Claim, finding: Finding) -> list[Question]:
    """The questions of a finding; none where it cannot be judged."""
    if _why_not_asked(claim, finding)[0] or finding.effect is None:
        return []
    return questions(
        finding.effect, finding.controls, side=claim.side, null=claim.null, least=claim.least
    )


def _why_not_asked(claim: Claim, finding: Finding) -> tuple[str, str]:
    """Why a finding cannot be judged, and what would help; ("", "") where it can."""
    if finding.reason:
        return finding.reason, finding.decides
    if finding.effect is None:
        return "it was not measured", "a study that measures it"
    if not math.isfinite(finding.effect.value):
        return "there was too little to measure it", "more texts"
    inputs = finding.effect.inputs
    if inputs and inputs.groups < FEWEST_GROUPS:
        return (
            f"the {inputs.unit} count as {counted(math.floor(inputs.groups), 'group')} of equal "
            f"weight, and below {FEWEST_GROUPS} an interval is not to be trusted",
            more_groups(inputs),
        )
    if finding.effect.ratio and not finding.effect.value:
        return "none was seen, and a share of 0 has no interval", "more texts"
    if not finding.effect.sources:
        return "there is no interval: one group of texts says nothing of others", "more texts"
    missing = [name for name in claim.asks if name not in finding.controls]
    if missing:
        return {
            LEARNED: ("no untrained encoder was measured", "five untrained twins"),
            SIMPLEST: ("the simplest system was not run", "a study that runs it"),
            WORDS: ("shuffled tokens were not measured", "the shuffled control"),
        }[missing[0]]
    controls = [finding.controls[name] for name in claim.asks]
    if not all(math.isfinite(control.at) for control in controls):
        return "untrained encoders do not show the statistic on these texts", "more texts"
    if not all(control.sources for control in controls):
        return (
            "one untrained encoder says nothing of how much untrained encoders differ",
            "five untrained twins",
        )
    return "", ""


def _why_decided(judged: Judgement, asked: list[Question]) -> str:
    """What decided it, in words, and what carries the effect."""
    if judged.word == "does not hold":
        nearly = "nearly " if judged.blocking.p_yes <= ERROR / 2 else ""
        return {
            "there": "the effect does not reach the smallest one that counts",
            LEARNED: f"untrained encoders show {nearly}as much",
            SIMPLEST: f"the simplest system does {nearly}as well",
        }[judged.blocking.name]
    carried = {question.name: question.answer for question in asked}.get(WORDS)
    reason = "it is there" + (" and learned" if any(q.name == LEARNED for q in asked) else "")
    return (
        reason
        + {
            None: "",
            "yes": ", and shuffled tokens show less: it comes from the words",
            "no": "; shuffled tokens show as much: positions alone explain it",
            "open": "; whether from the words or from positions alone is open",
        }[carried]
    )


def evaluate(tables: Tables) -> pd.DataFrame:
    """Every claim whose tables are there, one row each, in the order of registration.

    Columns: id, paper, statement, tag, statistic, effect, low, high, bound (no effect), least,
    least_reason, side, control, control_effect, control_low, control_high, there, learned,
    beyond_simplest, from_words (yes, no, open, not asked), verdict, reason, decides, simplest,
    choices, figure (JSON).
    """
    findings = [(made, made.find(tables)) for made in REGISTRY.values()]
    rows: list[dict[str, Any]] = []
    for one in judge([(made, finding) for made, finding in findings if finding is not None]):
        made, controls = one.claim, one.finding.controls
        control = controls.get(LEARNED) or controls.get(SIMPLEST) or controls.get(WORDS)
        effect, low, high = _shown(one.finding.effect)
        beside, beside_low, beside_high = _shown(control)
        rows.append(
            {
                "id": made.id,
                "paper": made.paper,
                "statement": made.statement,
                "tag": made.tag,
                "statistic": made.statistic,
                "effect": effect,
                "low": low,
                "high": high,
                "bound": made.null,
                "least": made.least,
                "least_reason": made.least_reason,
                "side": made.side,
                "control": made.control if control or not made.asks else "not run",
                "control_effect": beside,
                "control_low": beside_low,
                "control_high": beside_high,
                "there": one.answer("there"),
                "learned": one.answer(LEARNED),
                "beyond_simplest": one.answer(SIMPLEST),
                "from_words": one.answer(WORDS),
                "verdict": one.verdict,
                "reason": one.reason,
                "decides": one.decides,
                "simplest": made.simplest,
                "choices": made.choices,
                "figure": json.dumps(made.figure),
            }
        )
    return pd.DataFrame(rows)


def _shown(estimate: Estimate | None) -> tuple[float, float, float]:
    """Value and interval; nothing of an estimate without one: a value alone says too much."""
    ends = (estimate.value, estimate.low, estimate.high) if estimate else (math.nan,)
    if not all(map(math.isfinite, ends)):
        return math.nan, math.nan, math.nan
    value, low, high = (end + 0.0 for end in ends)  # -0.0 is 0
    return value, low, high
