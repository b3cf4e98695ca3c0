"""An estimate: a value, its 95 % interval, and where its error comes from.

The sources of error are kept apart, because a reader who is told "undecided" wants to know whether
more texts would help, or more untrained encoders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import optimize

from blocklens.statistics.groups import GROUPS
from blocklens.statistics.intervals import (
    LEVEL,
    Floats,
    degrees_of_freedom,
    half_width,
    jackknife_error,
)

NAN = float("nan")
TEXTS, DOCUMENTS, TWINS, SEEDS = "texts", "documents", "untrained twins", "seeds"

SMALLEST_LOG_P = math.log(1e-12)
"""Smaller chances are not told apart."""


@dataclass(frozen=True, slots=True)
class Source:
    """One source of error.

    Attributes:
        unit: what was sampled: "texts", "untrained twins", "seeds", "modified tokens", ...
        error: standard error, on the logarithm where the estimate is a ratio.
        groups: from how many groups of that unit it was worked out, of unlike ones their effective
            number (`intervals.effective_groups`).
        size: how many of the unit there were, where a reader should hear it.
        of: to how many groups texts were dealt by their hash, empty ones counted; None where each
            group is one of the unit, or all weigh alike.

    """

    unit: str
    error: float
    groups: float
    size: int | None = None
    of: int | None = None

    @property
    def degrees(self) -> float:
        """Student's degrees of freedom."""
        return float(degrees_of_freedom(self.groups, self.of or self.groups))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval.

    Attributes:
        value: what was measured.
        low, high: ends of the interval; NaN without one.
        sources: where the error comes from.
        ratio: compared by its logarithm, as all ratios to a null are.
        without: the value without each group of texts on the scale of comparison, where it was
            resampled so: what a paired difference needs.

    """

    value: float
    low: float = NAN
    high: float = NAN
    sources: tuple[Source, ...] = ()
    ratio: bool = False
    without: Floats | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, value: float, sources: Sequence[Source], *, ratio: bool = False) -> Estimate:
        """With the interval that the sources of error give together."""
        made = cls(float(value), sources=tuple(sources), ratio=ratio)
        if not made.sources or (ratio and value <= 0):
            return made
        half = made.half(LEVEL)
        low, high = made.at - half, made.at + half
        return replace(made, low=_exp(low) if ratio else low, high=_exp(high) if ratio else high)

    @classmethod
    def left_out(
        cls,
        value: float,
        without: Floats,
        *,
        unit: str = TEXTS,
        ratio: bool = False,
        groups: float | None = None,
        of: int | None = None,
    ) -> Estimate:
        """By jackknife, from the values without each group [groups].

        `groups`: their effective number where they weigh unlike, and to how many (`of`) texts were
        dealt.
        """
        without = np.asarray(without, dtype=np.float64)
        if len(without) < 2 or not np.isfinite(without).all() or (ratio and without.min() <= 0):
            return cls(float(value), ratio=ratio)
        without = np.log(without) if ratio else without
        error = float(jackknife_error(without))
        made = cls.of(value, [Source(unit, error, groups or len(without), of=of)], ratio=ratio)
        return replace(made, without=without)

    @classmethod
    def deviation(cls, variance: float, without: Floats, effective: float, of: int) -> Estimate:
        """A standard deviation, by jackknife from the variance and that without each group.

        What noise adds to a variance falls with the number of groups, and the jackknife takes it
        out: groups x variance - (groups - 1) x mean of those without one. What is left may be
        below 0, and counts as none. `effective` is the effective number of groups, `of` how many
        texts were dealt to.
        """
        groups = len(without)
        if groups < 2:
            return cls(math.sqrt(variance))
        error = float(jackknife_error(without))
        unbiased = groups * variance - (groups - 1) * float(without.mean())
        value = math.sqrt(max(unbiased, 0.0))
        if not value and not error:  # nothing varies: no spread, and no certainty out of that
            return cls(value)
        # d(sqrt v) = dv / (2 sqrt v), and near 0 no more than the root of the error itself.
        error /= 2 * max(value, math.sqrt(error))
        return cls.of(value, [Source(TEXTS, error, effective, of=of)])

    @classmethod
    def of_interval(
        cls,
        value: float,
        low: float,
        high: float,
        *,
        unit: str = TEXTS,
        groups: float = GROUPS,
        size: int | None = None,
        of: int | None = None,
        ratio: bool = False,
        seeds: Source | None = None,
    ) -> Estimate:
        """From a table's value and 95 % interval; see `Source` for `unit`, `groups`, `size`, `of`.

        The error is that of the wider side: where an interval was held to what can be, as a share
        to 0..1, the other side says too little. `seeds`: their part of it, if there are several.
        """
        ends = np.array([value, low, high], dtype=np.float64)
        if not np.isfinite(ends).all() or (ratio and ends.min() <= 0):
            return cls(float(value), ratio=ratio)
        at = np.log(ends) if ratio else ends
        half = max(at[0] - at[1], at[2] - at[0])
        source = Source(unit, 1.0, groups, size, of)
        others = () if seeds is None else (seeds,)
        rest = half**2 - _half(others) ** 2
        error = math.sqrt(max(rest, 0.0)) / _half([source])
        value, low, high = map(float, ends)
        return cls(value, low, high, (replace(source, error=error), *others), ratio)

    @property
    def at(self) -> float:
        """The value on the scale of comparison: its logarithm where it is a ratio."""
        return self.place(self.value)

    def place(self, value: float) -> float:
        """Another value on the scale of comparison."""
        if not self.ratio:
            return value
        return math.log(value) if value > 0 else -math.inf

    @property
    def error(self) -> float:
        """Standard error on the scale of comparison."""
        return math.sqrt(sum(s.error**2 for s in self.sources)) if self.sources else NAN

    @property
    def moves(self) -> bool:
        """Whether any group moves it: an error of 0, but for rounding, is no certainty."""
        return bool(self.sources) and self.error > 1e-12 * abs(self.value)

    def half(self, level: float) -> float:
        """Half of the interval at a level of confidence, on the scale of comparison."""
        return _half(self.sources, level)

    def groups(self, unit: str) -> float | None:
        """From how many groups of a unit the interval comes, the fewest; None without the unit."""
        return min((s.groups for s in self.sources if s.unit == unit), default=None)

    @property
    def inputs(self) -> Source | None:
        """Of texts, documents or images, whatever is no seed, the source of the fewest groups."""
        of_inputs = [source for source in self.sources if source.unit not in (TWINS, SEEDS)]
        return min(of_inputs, key=lambda source: source.groups, default=None)

    def less(self, other: Estimate) -> Estimate:
        """By how much it exceeds another, on the scale of comparison; both errors add up."""
        excess = _difference(self.at, self.place(other.value))
        if not (self.sources and other.sources):
            return Estimate(excess)
        return Estimate.of(excess, self.sources + other.sources)

    def paired_less(self, other: Estimate) -> Estimate | None:
        """The same of the same groups of texts: each is left out of both at once.

        None where either was not resampled by groups, or by others.
        """
        one, two = self.without, other.without
        if one is None or two is None or len(one) != len(two) or self.ratio != other.ratio:
            return None
        least = min(self.sources + other.sources, key=lambda source: source.degrees)
        excess = _difference(self.at, other.at)
        return Estimate.left_out(excess, one - two, groups=least.groups, of=least.of)

    def p_above(self, bound: float) -> float:
        """How likely so high a value were with the truth at `bound`; 1 where that is unknown."""
        return self._p(self.at - self.place(bound))

    def p_below(self, bound: float) -> float:
        """The same of so low a value."""
        return self._p(self.place(bound) - self.at)

    def _p(self, gap: float) -> float:
        """One-sided: the level at which half an interval is as wide as the gap."""
        if not self.moves or not math.isfinite(gap):
            return 1.0
        if gap <= 0:
            return 1.0 if gap == 0 else 1 - self._p(-gap)

        def beyond(log_p: float) -> float:
            return self.half(1 - 2 * math.exp(log_p)) - gap

        if beyond(SMALLEST_LOG_P) <= 0:
            return math.exp(SMALLEST_LOG_P)
        root: Any = optimize.brentq(beyond, SMALLEST_LOG_P, math.log(0.5))
        return math.exp(root)


def population(twins: Sequence[Estimate]) -> Estimate:
    """What another encoder of the twins' kind would show: their mean, as a sample of seeds.

    The error over seeds is that of one encoder more, sd x sqrt(1 + 1/K), and the error over texts
    is added. One twin says nothing of the spread over seeds: no interval.
    """
    ratio = all(twin.ratio for twin in twins)
    values = np.array([twin.at if ratio else twin.value for twin in twins])
    mean = float(values.mean())
    value = _exp(mean) if ratio else mean
    if len(twins) < 2 or not np.isfinite(values).all():
        return Estimate(value, ratio=ratio)
    spread = float(values.std(ddof=1)) * math.sqrt(1 + 1 / len(twins))
    sources = [Source(TWINS, spread, len(twins), len(twins))]
    units = {source.unit for twin in twins for source in twin.sources}
    for unit in sorted(units):
        own = [source for twin in twins for source in twin.sources if source.unit == unit]
        error = float(np.mean([source.error for source in own]))
        sources.append(replace(min(own, key=lambda source: source.degrees), error=error))
    return Estimate.of(value, sources, ratio=ratio)


def _half(sources: Sequence[Source], level: float = LEVEL) -> float:
    """Half of the interval that the sources of error give together."""
    errors = [np.array(source.error) for source in sources]
    return float(half_width(errors, [source.degrees for source in sources], level))


def _difference(one: float, other: float) -> float:
    """One less the other; 0, not -1.3e-15, where they differ by rounding alone."""
    return 0.0 if math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12) else one - other


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
