"""Confidence against input APT, as a claim of independence.

Symbols (docs/definitions.md: confidence against input APT): x = mean APT of an input's tokens under
the pre-trained model, special tokens left out; y = largest class probability of the fine-tuned
model. P2 says that y does not depend on x. Independence needs a bound, not a missing p value: the
change of y over the central 90 % of x, slope times that range, must lie within +-0.02 with its
whole 95 % interval (bound and range ours). That says something only where y varies enough to change
by more: its largest change is that of a y of the same spread on a straight line over x. Intervals
are over seeds and texts (`intervals.jackknife`).

x is measured, and its error flattens the slope. Its reliability r is that of the APT of both halves
of the texts, r = 2 c / (1 + c) with their correlation c (Spearman and Brown). The slope is divided
by r, the range multiplied by its root: both are those of a x without error (ours).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Float64, Int64
from numpy.typing import NDArray
from scipy import stats

from blocklens.labels.confusion import Sparse
from blocklens.labels.left_out import effective_inputs, leave_out_factors
from blocklens.statistics.intervals import of_shares
from blocklens.statistics.slopes import correlation, slope

Floats = NDArray[np.float64]

BOUND = 0.02
"""Change of confidence over the central range of input APT that counts as none (ours)."""

RANGE = (0.05, 0.95)
"""Quantiles of input APT between which the change is taken (ours)."""

RELIABLE = 0.8
"""Reliability of input APT below which its correction is not trusted (ours)."""

BINS = 10
SUBSETS = ("all", "correct")


def token_apt(counts: Sparse) -> Float64[np.ndarray, " vocabulary"]:
    """APT of every token id from its confusion counts M, [vocabulary]; NaN where not measured."""
    n = np.asarray(counts.sum(axis=1)).ravel()
    with np.errstate(invalid="ignore"):
        return counts.diagonal() / n


def input_apt(
    ids: Sequence[Sequence[int]], apt: Float64[np.ndarray, " vocabulary"], special: Sequence[int]
) -> Float64[np.ndarray, " inputs"]:
    """Mean APT of each input's tokens, [inputs]; NaN for an input without a measured token.

    `ids`: token ids of every input; `special`: ids that do not count; `apt` [vocabulary].
    """
    known = np.isfinite(apt)
    known[list(special)] = False
    means = np.full(len(ids), np.nan)
    for row, one in enumerate(ids):
        values = apt[[token for token in one if known[token]]]
        if values.size:
            means[row] = values.mean()
    return means


def confidence_tables(
    x: Float64[np.ndarray, " inputs"],
    confidence: Float[np.ndarray, "seeds tests"],
    right: Bool[np.ndarray, "seeds tests"],
    test: Int64[np.ndarray, "seeds tests"],
    keys: Int64[np.ndarray, " inputs"],
    *,
    halves: Float64[np.ndarray, "2 inputs"] | None = None,
    modified: int = 0,
    groups: int = 20,
) -> dict[str, pd.DataFrame]:
    """How confidence depends on input APT.

    Args:
        x: input APT of every text, [n].
        confidence: largest probability of each seed's test texts, [seeds, tests].
        right: whether the prediction was right, [seeds, tests].
        test: each seed's test texts, [seeds, tests].
        keys: hash of every text, [n].
        halves: x as each half of the measured texts alone gives it, [2, n]; without it x is taken
            to be known without error.
        modified: how many modified tokens x was measured at.
        groups: groups of texts.

    Returns:
        `confidence`: subset ("all" or "correct" answers), statistic ("slope", "change over the
        range" = slope x (x_high - x_low), "largest change" = that of a confidence of the same
        deviation that follows x on a line, "Spearman rho", "mean confidence",
        "reliability" of x), value, low, high, seeds_error (the part of the standard error
        that is the seeds'), n, groups (as how many groups of equal weight the texts count), seeds,
        x_low, x_high (the central range), bound, modified.
        `confidence_curve`: subset, bin, x (its mean), value, low, high, n, for bins of equally many
        inputs.

    """
    seeds = len(test)
    cell = np.arange(seeds)[:, None] * groups + keys[test] % groups
    inputs, y = x[test].ravel(), confidence.ravel().astype(np.float64)
    of_halves = np.stack([inputs, inputs] if halves is None else [x[test].ravel() for x in halves])
    cells, answered = cell.ravel(), right.ravel()
    rows, curve = [], []
    for subset in SUBSETS:
        chosen = np.isfinite(inputs) & (answered if subset == "correct" else True)
        of_x, of_y, of_cell = inputs[chosen], y[chosen], cells[chosen]
        both = of_halves[:, chosen]
        if of_x.size < 3:
            continue
        low, high = np.quantile(of_x, RANGE)
        edges = np.quantile(of_x, np.arange(1, BINS) / BINS)
        bins = np.searchsorted(edges, of_x, side="right")
        values = _values(of_x, both, of_y, bins, high - low)
        number = np.bincount(of_cell, minlength=seeds * groups)
        factors = leave_out_factors(number, seeds)
        left_out = [
            np.array(
                [
                    _values(of_x[rest], both[:, rest], of_y[rest], bins[rest], high - low)
                    for part in factor
                    for rest in [~np.isin(of_cell, part)]
                ]
            )
            for factor in factors
        ]
        lower, upper = factors.interval(values, left_out)
        seeds_error = factors.seeds_error(values, left_out)
        shares = slice(STATISTICS.index("mean confidence"), None)
        lower[shares], upper[shares] = of_shares(lower[shares], upper[shares])
        counted = effective_inputs(number, seeds)
        for number, statistic in enumerate(STATISTICS):
            rows.append(
                {
                    "subset": subset,
                    "statistic": statistic,
                    "value": values[number],
                    "low": lower[number],
                    "high": upper[number],
                    "seeds_error": seeds_error[number],
                    "n": of_x.size,
                    "groups": counted,
                    "seeds": seeds,
                    "x_low": low,
                    "x_high": high,
                    "bound": BOUND,
                    "modified": modified,
                }
            )
        for number in range(BINS):
            inside = bins == number
            place = len(STATISTICS) + number
            if inside.any():
                curve.append(
                    {
                        "subset": subset,
                        "bin": number,
                        "x": of_x[inside].mean(),
                        "value": values[place],
                        "low": lower[place],
                        "high": upper[place],
                        "n": int(inside.sum()),
                    }
                )
    return {"confidence": pd.DataFrame(rows), "confidence_curve": pd.DataFrame(curve)}


STATISTICS = (
    "slope",
    "change over the range",
    "largest change",
    "Spearman rho",
    "reliability",
    "mean confidence",
)


def _values(
    x: Floats, halves: Floats, y: Floats, bins: NDArray[np.integer], width: float
) -> Floats:
    """STATISTICS, then the mean of y in every bin."""
    reliable = reliability(*halves)
    steep = float(slope(y, x)) / reliable if reliable > 0 else np.nan
    width *= math.sqrt(reliable) if reliable > 0 else np.nan
    # |slope| is at most the ratio of the deviations, whatever the correlation.
    deviation = x.std() * math.sqrt(reliable) if np.isfinite(steep) else np.nan
    largest = y.std() / deviation * width
    number = np.bincount(bins, minlength=BINS)
    with np.errstate(invalid="ignore"):
        means = np.bincount(bins, weights=y, minlength=BINS) / number
    of_y, of_x = (_standard(stats.rankdata(values)) for values in (y, x))
    return np.array([steep, steep * width, largest, slope(of_y, of_x), reliable, y.mean(), *means])


def reliability(
    first: Float64[np.ndarray, " inputs"], second: Float64[np.ndarray, " inputs"]
) -> float:
    """How much of the variance of input APT is no error, from two halves of its evidence [n] each.

    NaN where a half is the same for all inputs.
    """
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < 3:
        return float("nan")
    c = correlation(first[known], second[known])
    if math.isnan(c):
        return c
    return max(2 * c / (1 + c), 0.0) if c > -1 else 0.0


def _standard(values: Floats) -> Floats:
    deviation = values.std()
    return (values - values.mean()) / deviation if deviation > 0 else values * 0
