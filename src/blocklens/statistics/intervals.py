"""95 % intervals over groups of texts: resampling for means, a jackknife for everything else.

Drawing groups with replacement counts some texts twice. A mean with fixed weights does not mind.
A rank correlation does: doubled texts make every label's accuracy noisier, which pulls all draws
towards zero, so that their interval ends at the measured value or misses it (unless most labels
tie: without a right prediction there is no noise to double). Counts of what passes
a threshold are shifted likewise. Leaving out one group at a time changes the number of texts by one
part in twenty and shifts nothing to speak of.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


def resample_weights(groups: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """How often each group is drawn in each resample, [resamples, groups]; rows sum to groups."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(groups, np.full(groups, 1 / groups), size=resamples)


def percentile_interval(draws: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Percentile interval over the first axis of `draws`; NaN draws are left out."""
    if draws.size == 0 or np.isnan(draws).all():
        nothing = np.full(draws.shape[1:], np.nan)
        return nothing, nothing
    tail = 100 * (1 - level) / 2
    low, high = np.nanpercentile(draws, [tail, 100 - tail], axis=0)
    return low, high


def jackknife(value: Floats, *factors: Floats) -> tuple[Floats, Floats]:
    """95 % interval of `value` [...] from values without each group, [groups, ...] per factor.

    One factor is the groups of texts; crossed ones (texts and seeds) add up, which counts their
    interaction twice and so is wide rather than narrow. A factor of one group says nothing.
    """
    squares = np.zeros_like(value)
    factors = tuple(left_out for left_out in factors if len(left_out) >= 2)
    for left_out in factors:
        groups = len(left_out)
        spread = (groups - 1) / groups * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
        squares = squares + stats.t.ppf(0.975, groups - 1) ** 2 * spread
    half = np.sqrt(squares) if factors else np.full_like(value, np.nan)
    return value - half, value + half


def of_shares(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The part of an interval in which a share can lie."""
    return np.clip(low, 0, 1), np.clip(high, 0, 1)
