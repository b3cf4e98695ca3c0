"""Scores of many documents in one table: means, corrected for chance, and paired differences.

Every interval leaves out one document at a time. Figures of different methods come from the same
documents, so their difference is taken document by document: that is sharper than two intervals
side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64
from numpy.typing import NDArray

from blocklens.errors import UserError
from blocklens.statistics.intervals import jackknife

ERRORS = {"pk": "Pk", "windowdiff": "WindowDiff"}
"""Measures of which 0 is perfect, and their names for people."""
MEASURES = {"boundary_similarity": "boundary similarity", **ERRORS}
"""All measures of `evaluate`. Boundary similarity comes first: one segment gains nothing by it,
while Pk and WindowDiff of one segment are those of many a method where lengths vary."""
SUMMARISED = {
    **MEASURES,
    "pk_corrected": "Pk, corrected",
    "windowdiff_corrected": "WindowDiff, corrected",
}
"""Figures of `summarise`, and their names for people."""
SCORED = (
    "document", "method", "known", *ERRORS, "boundary_similarity", "uncut", "segments",
    "true_segments",
)  # fmt: skip
"""Columns of every evaluation; what else there is comes from the documents."""


def summarise(scores: pd.DataFrame, by: str | None = None) -> pd.DataFrame:
    """Mean of each measure with its 95 % interval, one row for each method and `known`.

    Columns: `method`, `known`, `documents`, `segments` and `true_segments` (means), and for each of
    `boundary_similarity`, `pk`, `windowdiff`, `pk_corrected` and `windowdiff_corrected` the value,
    `_low` and `_high`. Corrected for chance is 1 - error / error of one segment, both summed over
    the documents: 0 is no better than one segment, 1 is perfect. One document has no intervals.

    Args:
        scores: from `evaluate`.
        by: a column of the documents' own, such as "range", to be summarised apart; it becomes the
            first column.

    Raises:
        UserError: no such column.

    """
    if by is not None and by not in scores:
        own = [name for name in scores if name not in SCORED]
        raise UserError(f"{by}: no such field of the documents; expected one of {', '.join(own)}")
    rows = []
    for key, part in scores.groupby([*([by] if by else []), "method", "known"], sort=False):
        *apart, method, known = tuple(key)  # type: ignore[arg-type]
        row: dict[str, object] = {by: apart[0]} if by else {}
        row |= {"method": method, "known": bool(known), "documents": len(part)}
        row |= {
            name: float(part[name].to_numpy(float).mean()) for name in ("segments", "true_segments")
        }
        for measure in MEASURES:
            row |= _with_interval(measure, *_left_out(part[measure].to_numpy(float)))
        uncut, uncut_without = _left_out(part["uncut"].to_numpy(float))
        for measure in ERRORS:
            error, without = _left_out(part[measure].to_numpy(float))
            row |= _with_interval(
                f"{measure}_corrected",
                1 - np.divide(error, uncut, out=np.ones(()), where=uncut > 0),
                1 - np.divide(without, uncut_without, out=np.ones(len(without)),
                              where=uncut_without > 0),
                possible=(-np.inf, 1.0),
            )  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows)


def differences(scores: pd.DataFrame, method: str) -> pd.DataFrame:
    """What a method gains over every other on the same documents, measure by measure.

    Args:
        scores: from `evaluate`.
        method: the one that is compared with all others.

    Returns:
        Columns `method`, `other`, `known`, `measure`, `documents`, `gain` (mean over documents;
        above 0 the method is better, whichever way the measure runs), `low`, `high`. Where the
        other way cannot be told the number of segments, it is compared only where that is found.

    """
    rows = []
    for known, part in scores.groupby("known", sort=False):
        for other in part["method"].unique():
            if other == method:
                continue
            for measure in MEASURES:
                gains = paired_gains(part, method, other, measure)
                if len(gains):
                    row = {"method": method, "other": other, "known": bool(known)}
                    row |= {"measure": measure, "documents": len(gains)}
                    rows.append(
                        row | _with_interval("gain", *_left_out(gains), possible=(-1.0, 1.0))
                    )
    return pd.DataFrame(rows).rename(columns={"gain_low": "low", "gain_high": "high"})


def paired_gains(
    scores: pd.DataFrame, method: str, other: str, measure: str
) -> Float64[np.ndarray, " documents"]:
    """By how much a method is better than another, [documents]; empty unless both have them all.

    Args:
        scores: rows of one `known`.
        method: the one that gains.
        other: what it is compared with. Runs of one kind ("untrained 0", "untrained 1", asked for
            as "untrained") count with their mean.
        measure: one of `MEASURES`.

    """
    name = scores["method"]
    ours = scores.loc[name == method].groupby("document", sort=True)[measure].mean()
    theirs = scores.loc[(name == other) | name.str.startswith(f"{other} ")]
    theirs = theirs.groupby("document", sort=True)[measure].mean()
    if not ours.index.equals(theirs.index):
        return np.zeros(0)
    better = theirs - ours if measure in ERRORS else ours - theirs
    return better.to_numpy(dtype=float)


def _left_out(each: NDArray[np.float64]) -> tuple[Any, NDArray[np.float64]]:
    """Mean of the documents, and the means without each of them."""
    return each.mean(), (each.sum() - each) / max(1, len(each) - 1)


def _with_interval(
    name: str,
    value: Any,
    without: NDArray[np.float64],
    possible: tuple[float, float] = (0.0, 1.0),
) -> dict[str, float]:
    """A value and the ends of its interval, held to what is possible, as cells of a table.

    A single document has no interval: NaN.
    """
    low, high = np.clip(jackknife(value, without), *possible)
    return {name: float(value), f"{name}_low": float(low), f"{name}_high": float(high)}
