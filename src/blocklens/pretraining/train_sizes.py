"""Numbers of training articles, and the table of <APT> against them over seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from blocklens.errors import UserError
from blocklens.statistics.intervals import half_width


def read_sizes(text: str) -> list[int]:
    """The numbers of "1000,4000,16000", rising. Raises UserError for anything else."""
    try:
        sizes = sorted({int(part) for part in text.split(",")})
    except ValueError:
        sizes = []
    if len(sizes) < 2 or sizes[0] < 1:
        raise UserError(f"sizes {text}: expected two or more numbers of articles, as 1000,4000")
    return sizes


def sizes_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a comparison and number of articles, from the runs of all seeds.

    Columns comparison, articles, seeds, apt (mean over seeds) with its 95 % interval (low, high):
    over seeds by Student's t where there are several, over texts where there is one; and `gain`,
    its excess over the fewest articles of the same seed, with gain_low and gain_high over seeds
    (missing where there is one).
    """
    rows = []
    for name in runs["comparison"].unique():
        part: Any = runs[runs["comparison"] == name]
        apt: Any = part.pivot(index="seed", columns="articles", values="apt")
        for articles in apt.columns:
            values = apt[articles].to_numpy(dtype=np.float64)
            gains = values - apt[apt.columns[0]].to_numpy(dtype=np.float64)
            low, high = _over_seeds(values)
            if len(values) == 1:
                one = part[part["articles"] == articles].iloc[0]
                low, high = float(one["low"]), float(one["high"])
            gain_low, gain_high = _over_seeds(gains)
            rows.append(
                {
                    "comparison": name,
                    "articles": int(articles),
                    "seeds": len(values),
                    "apt": values.mean(),
                    "low": low,
                    "high": high,
                    "gain": gains.mean(),
                    "gain_low": gain_low,
                    "gain_high": gain_high,
                }
            )
    return pd.DataFrame(rows)


def _over_seeds(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean by Student's t; NaN for a single seed."""
    n = len(values)
    if n < 2:
        return float("nan"), float("nan")
    half = float(half_width([values.std(ddof=1) / np.sqrt(n)], [n - 1]))
    return float(values.mean()) - half, float(values.mean()) + half
