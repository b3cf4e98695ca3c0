"""95 % intervals over groups of texts: a jackknife with Student's t.

Leaving out one group at a time changes the number of texts little and shifts nothing to speak of.
Drawing groups with replacement counts some texts twice, which makes every label's accuracy noisier
and pulls rank correlations, spreads and counts of what passes a threshold to one side.

A ratio is worked out on its logarithm: its interval is then right on both sides also where few
texts make it wide, and never reaches below 0.

An interval is as sure as the spread between groups is known, and Student's degrees of freedom say
how well that is. Groups hold unlike numbers of texts of unlike lengths, and a few heavy ones tell
less than as many equal ones: their *effective* number counts (Satterthwaite 1946, with each group's
variance in proportion to its weight). And texts are no bell curve: some have far more of what is
measured than most, so that few of them seldom show the whole spread (`degrees_of_freedom`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

LEVEL = 0.95

EXCESS_KURTOSIS = 4.0
"""Of what single texts add to a figure, a bell curve's being 0: the most that nine statements about
attention show on texts of one length, the least being -1 (docs/validity.md)."""


def jackknife_error(left_out: Floats) -> Floats:
    """Standard error [...] of a statistic from its values without each group [groups, ...].

    NaN with fewer than two groups: they say nothing.
    """
    groups = len(left_out)
    if groups < 2:
        return np.full(np.shape(left_out)[1:], np.nan)
    spread = ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
    return np.sqrt((groups - 1) / groups * spread)


def effective_groups(weights: Floats) -> Floats:
    """As how many groups of equal weight these count [...], from [groups, ...] (Kish 1965)."""
    square = (weights * weights).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return weights.sum(axis=0) ** 2 / square


def groups_of_half(groups: float, of: float) -> float:
    """The effective number of groups that half of the texts make, dealt to as many groups (`of`).

    Of n equal texts dealt to so many groups, 1 / effective groups = 1 / groups + 1 / n on average.
    """
    return float(1 / (1 / of + 2 * max(1 / groups - 1 / of, 0.0)))


def degrees_of_freedom(groups: float | Floats, of: float) -> float | Floats:
    """Student's degrees of freedom [...] of texts that fell into groups by their hash.

    The variance of n values is itself uncertain, by 2 / (n - 1) of its square for a bell curve and
    by their excess kurtosis / n more for others; 2 by this uncertainty are the degrees of freedom.
    The first n is the groups' effective number. The second is that of texts, which is not held and
    follows from it as in `groups_of_half`.

    Args:
        groups: the effective number of the groups that hold something.
        of: to how many groups texts were dealt, empty ones counted.

    """
    with np.errstate(invalid="ignore", divide="ignore"):
        one_by_texts = np.maximum(1 / np.asarray(groups) - 1 / of, 0)
        one_by_groups = 1 / np.maximum(np.asarray(groups) - 1, 1)
        return 1 / (one_by_groups + EXCESS_KURTOSIS / 2 * one_by_texts)


def jackknife(
    value: Floats,
    *factors: Floats,
    log: bool = False,
    weights: Floats | None = None,
    of: int | None = None,
) -> tuple[Floats, Floats]:
    """95 % interval of `value` [...] from values without each group, [groups, ...] per factor.

    One factor is the groups of texts; crossed ones (texts and seeds) add up, which counts their
    interaction twice and so is wide rather than narrow. A factor of one group says nothing.

    `log`: the value is a ratio, and its interval that of its logarithm. A ratio of 0 has none.
    `weights`: what each group of the first factor weighs, [groups, ...]; default all the same.
    `of`: to how many groups texts were dealt, where the empty ones are not among the weights.
    """
    value = np.asarray(value, dtype=np.float64)
    factors = tuple(np.asarray(left_out) for left_out in factors if len(left_out) >= 2)
    if not factors:
        nothing = np.full_like(value, np.nan)
        return nothing, nothing
    degrees: list[float | Floats] = [len(left_out) - 1 for left_out in factors]
    if weights is not None:
        degrees[0] = degrees_of_freedom(effective_groups(weights), of or len(weights))
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.log(value) if log else value
        half = half_width(
            [jackknife_error(np.log(left_out) if log else left_out) for left_out in factors],
            degrees,
        )
        low, high = centre - half, centre + half
        return (np.exp(low), np.exp(high)) if log else (low, high)


def half_width(
    errors: Sequence[Floats], degrees: Sequence[float | Floats], level: float = LEVEL
) -> Floats:
    """Half of an interval [...] from the standard errors [...] of several sources.

    Each counts with its own Student's t, of its degrees of freedom and of one at least: one more
    source never makes an interval narrower.
    """
    each = [
        (special.stdtrit(np.maximum(number, 1), (1 + level) / 2) * error) ** 2
        for error, number in zip(errors, degrees, strict=True)
    ]
    return np.sqrt(sum(each))


def of_shares(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The part of an interval in which a share can lie."""
    return np.clip(low, 0, 1), np.clip(high, 0, 1)
