"""From estimates to a verdict: the one rule, for every claim.

Each claim asks up to four questions. *There*: does the effect reach the smallest one that counts?
*Learned*: does it exceed what untrained encoders of the same shape show, as a sample of seeds?
*Beyond the simplest system*: does it exceed what a system shows that knows nothing of the matter?
*From the words*: does it exceed the same texts with their tokens shuffled? The last one only says
what carries the effect.

    holds            the answers to all others are yes
    does not hold    one of them is no
    undecided        anything else, with the reason and what would decide it

A study asks many claims at once, so the error is controlled over all of them, as a false discovery
rate (Benjamini and Hochberg 1995): of a study's verdicts at most 5 % are expected to be wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.stats import false_discovery_control

from blocklens.statistics.estimate import Estimate

Verdict = Literal["holds", "does not hold", "undecided", "not applicable"]
Answer = Literal["yes", "no", "open"]
Side = Literal["above", "below", "within"]

ERROR = 0.05
"""The expected share of wrong verdicts among those of a study."""

WORDS = "from the words"

MARGIN = 1.1
"""The ratio over a control from which on it counts: a tenth. A statement may ask for more over its
null (a head that specialises: twice), but not over untrained encoders too: where random pairs hold
the commonest token half of the time, no head can hold it more than twice as often, and untrained
ones come near."""


@dataclass(frozen=True, slots=True)
class Question:
    """By how much something exceeds what it is compared with.

    Attributes:
        name: "there", "learned", "simplest" or "from the words".
        excess: by how much, above 0 where it does; of a ratio the logarithm.
        counts: excess from which it counts: not to reach it is a no, to reach 0 a yes.

    """

    name: str
    excess: Estimate
    counts: float = 0.0

    @property
    def p_yes(self) -> float:
        """How likely the estimate were if the true answer were no."""
        return self.excess.p_above(0.0)

    @property
    def p_no(self) -> float:
        """How likely the estimate were if the true answer were yes."""
        return self.excess.p_below(self.counts)

    @property
    def answer(self) -> Answer:
        """What the plain 95 % interval says; where it lies between 0 and what counts, no."""
        if self.p_no <= ERROR / 2:
            return "no"
        return "yes" if self.p_yes <= ERROR / 2 else "open"


def questions(
    effect: Estimate, controls: dict[str, Estimate], *, side: Side, null: float, least: float
) -> list[Question]:
    """What a claim asks of its estimates.

    Args:
        effect: the encoder's.
        controls: by the question that each answers.
        side: whether the statement says that the effect lies above `least`, below it, or within
            -least..least.
        null: the value without any effect.
        least: the smallest effect that counts. Beyond a control that same distance from the null
            counts, of a ratio at most `MARGIN`.

    """
    sign = 1.0 if side == "above" else -1.0
    at = Estimate(abs(effect.value) if side == "within" else effect.at, sources=effect.sources)
    reach = at.value - effect.place(least)
    asked = [Question("there", Estimate.of(sign * reach, at.sources))]
    counts = abs(effect.place(least) - effect.place(null))
    if effect.ratio:
        counts = min(counts, effect.place(MARGIN))
    for name, control in controls.items():
        excess = effect.less(control)
        asked.append(Question(name, Estimate.of(sign * excess.value, excess.sources), counts))
    return asked


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the questions of one claim say together, and how likely it is by chance alone.

    `word` is what the estimates point to; `p` is two-sided. `blocking` is the question that decides
    it, and counts as one of `among`, as any of so many could have done.
    """

    word: Literal["holds", "does not hold"]
    p: float
    blocking: Question
    among: int = 1

    @classmethod
    def of(cls, asked: Sequence[Question]) -> Judgement:
        """All must be yes to hold; any no is enough not to, so that their number counts."""
        needed = [question for question in asked if question.name != WORDS]
        weakest = max(needed, key=lambda question: question.p_yes)
        against = min(needed, key=lambda question: question.p_no)
        fails = min(1.0, len(needed) * against.p_no)
        if fails <= weakest.p_yes or fails <= ERROR / 2:
            return cls("does not hold", min(1.0, 2 * fails), against, len(needed))
        return cls("holds", min(1.0, 2 * weakest.p_yes), weakest)


def decided(p: Sequence[float]) -> list[bool]:
    """Which statements are decided, so that at most a share `ERROR` of these is expected wrong."""
    if not p:
        return []
    return [bool(one <= ERROR) for one in false_discovery_control(p, method="bh")]


def level(p: Sequence[float], place: int) -> float:
    """The largest value of one of them that `decided` would decide, the others as they are."""
    others = sorted([*p[:place], *p[place + 1 :]])
    steps = [ERROR * (below + 1) / len(p) for below in range(len(p))]
    return max(step for below, step in enumerate(steps) if not below or others[below - 1] <= step)
