"""Why a claim is undecided, and what would decide it, worked out from its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from blocklens.claims.verdict import ERROR, Judgement, Question
from blocklens.statistics.estimate import DOCUMENTS, SEEDS, TWINS, Estimate, Source
from blocklens.statistics.groups import FEWEST_GROUPS, GROUPS

MOST_TIMES = 100
MOST_TWINS = 60

NAMES = {
    "there": "the smallest effect that counts",
    "learned": "what untrained encoders show",
    "simplest": "what the simplest system shows",
}


def why_undecided(judged: Judgement, asked_at_once: int, level: float) -> tuple[str, str]:
    """The reason in words, and what would decide it.

    `level`: how unlikely by chance it must be among the statements asked at once, `verdict.level`.
    """
    question = judged.blocking
    if not question.excess.moves:
        return (
            f"no group of texts moves the figure beside {NAMES[question.name]}, which is no "
            "certainty",
            "more texts",
        )
    if judged.p <= ERROR:
        reason = (
            f"alone its interval would decide, but {asked_at_once} statements are asked at once "
            "and of the decided ones at most 5 % may be wrong"
        )
    else:
        reason = f"the interval includes {NAMES[question.name]}"
    return reason, what_decides(question, judged.word, level / judged.among)


def what_decides(question: Question, word: str, error: float) -> str:
    """What must grow, and how far, for an interval as far from its bound as this one to decide."""
    excess = question.excess
    bound = question.counts if word == "does not hold" else 0.0
    gap = abs(excess.value - bound)
    grown = {unit: _times(excess, unit, gap, error) for unit in _by_error(excess)}
    for unit, times in grown.items():
        if times is not None:
            return _in_words(excess, unit, times)
    return (
        "no number of texts or untrained twins that is practical: the value lies too near to "
        f"{NAMES[question.name]}"
    )


def more_groups(source: Source) -> str:
    """How many times the inputs make enough groups, from the effective number that they make."""
    # Texts and images share twenty groups: the inverse of the effective number falls down to 1/20.
    least = 0.0 if source.unit == DOCUMENTS else 1 / GROUPS
    times = (1 / source.groups - least) / (1 / FEWEST_GROUPS - least)
    return f"about {rounded_up(times)} times the {source.unit}"


def _by_error(excess: Estimate) -> list[str]:
    """The units of its sources, that with the largest error first."""
    units = {source.unit for source in excess.sources}
    return sorted(units, key=lambda unit: -_error(excess, unit))


def _error(excess: Estimate, unit: str) -> float:
    return math.sqrt(sum(s.error**2 for s in excess.sources if s.unit == unit))


def _times(excess: Estimate, unit: str, gap: float, error: float) -> float | None:
    """How many times as much of a unit would decide; of twins, how many there must be."""
    if unit == TWINS:
        held = int(excess.groups(TWINS) or 2)
        spread = _error(excess, TWINS) / math.sqrt(1 + 1 / held)
        for twins in range(held + 1, MOST_TWINS + 1):
            one = Source(TWINS, spread * math.sqrt(1 + 1 / twins), twins)
            rest = tuple(s for s in excess.sources if s.unit != TWINS)
            if _decides(gap, (one, *rest), error):
                return twins
        return None
    times = 1.0
    while times < MOST_TIMES:
        times *= 1.1
        sources = [
            replace(s, error=s.error / math.sqrt(times), groups=_grown(s, times))
            if s.unit == unit
            else s
            for s in excess.sources
        ]
        if _decides(gap, sources, error):
            return times
    return None


def _grown(source: Source, times: float) -> float:
    """Groups of texts are as many as before, however many texts; seeds are their own groups."""
    return int(source.groups * times) if source.unit == SEEDS else source.groups


def _decides(gap: float, sources: Sequence[Source], error: float) -> bool:
    """Whether an interval at the level that decides would be narrower than the gap."""
    return Estimate(gap, sources=tuple(sources)).half(1 - error) <= gap


def _in_words(excess: Estimate, unit: str, times: float) -> str:
    if unit == TWINS:
        return f"{times:.0f} untrained twins; this run had {excess.groups(TWINS)}"
    sizes = [s.size for s in excess.sources if s.unit == unit and s.size]
    if unit == SEEDS:
        return f"{math.ceil(times * (excess.groups(SEEDS) or 1))} seeds"
    if sizes:
        return f"about {rounded_up(times * sizes[0]):,} {unit}; this run had {sizes[0]:,}"
    return f"about {rounded_up(times):,} times the {unit}"


def rounded_up(value: float) -> int:
    """Upwards to one digit, or to a whole number below ten."""
    digits = 10 ** max(0, math.floor(math.log10(value)))
    return int(math.ceil(value / digits - 1e-9) * digits)
