"""How labels group, per block: clusters, noise, and their intervals over groups of inputs.

Intervals leave out one group at a time: drawing groups with replacement would count errors twice
and so change which rows pass n_min. The sweep over the threshold is in `threshold_sweep.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Float64

from blocklens.labels.clusters import METHODS, Method, cluster_kept, growth
from blocklens.labels.confusion import ConfusionCounts
from blocklens.labels.kept_matrix import KeptMatrix, kept_matrix
from blocklens.labels.left_out import Factors
from blocklens.labels.tasks import TOKENS, Task
from blocklens.statistics.intervals import Floats
from blocklens.statistics.slopes import slope

STATISTICS = (
    "kept labels",
    "clusters",
    "labels in clusters",
    "share in clusters",
    "mean cluster size",
    "largest cluster",
    "noise",
    "noise share",
    "growth exponent",
    "largest connected share",
)
"""The statistics of a block's clusters, in the order of `describe`."""


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """How clusters are found.

    `n_min`: fewest occurrences of a kept label. `theta`: strong match, None for the task's.
    `method`: cluster rule. `null_seeds`: draws of each null.
    """

    n_min: int = 10
    theta: float | None = None
    method: Method = "cliques"
    null_seeds: int = 5

    def for_task(self, task: Task) -> ClusterOptions:
        """The same with the task's threshold where none was chosen."""
        return replace(self, theta=task.theta) if self.theta is None else self


def describe(
    kept: KeptMatrix, options: ClusterOptions, fewest_kept: int
) -> Float64[np.ndarray, " statistics"]:
    """The values of STATISTICS for one kept matrix."""
    theta, method = options.theta, options.method
    assert theta is not None  # for_task saw to it
    clusters = cluster_kept(kept, theta, method)
    labels = kept.labels.size
    enough = labels >= fewest_kept
    return np.array(
        [
            labels,
            clusters.number,
            clusters.grouped_labels,
            clusters.grouped_labels / labels if labels else np.nan,
            clusters.mean_size,
            clusters.largest,
            clusters.noise,
            clusters.noise_share if enough else np.nan,
            growth_exponent(growth(kept, theta, method)) if enough else np.nan,
            cluster_kept(kept, theta, "directed").largest / labels if enough else np.nan,
        ]
    )


def growth_exponent(pairs: Sequence[tuple[int, int]]) -> float:
    """Slope of log(largest cluster) against log(kept labels): 0 = finite, 1 = it takes them all."""
    kept, largest = np.log(np.array(pairs, dtype=np.float64).reshape(-1, 2)).T
    return float(slope(largest, kept))


def cluster_statistics(
    counts: ConfusionCounts,
    factors: Factors,
    options: ClusterOptions | None = None,
    task: Task = TOKENS,
) -> tuple[pd.DataFrame, list[KeptMatrix]]:
    """The statistics of every block, and of the whole encoder, with intervals over inputs.

    Columns block (missing for the whole encoder), statistic, value, low, high, seeds_error, n
    (pairs counted), n_types (labels kept). Also returns each block's kept matrix.
    """
    options = (options or ClusterOptions()).for_task(task)
    value, without, kept_all, pairs = [], [], [], []
    ends = np.cumsum([len(factor) for factor in factors.parts])
    patterns = [(), *(part for factor in factors for part in factor)]
    for block in range(counts.blocks):
        described: list[Floats] = []
        for matrix in counts.matrices(block, patterns):
            kept = kept_matrix(matrix, options.n_min)
            if not described:
                kept_all.append(kept)
                pairs.append(int(matrix.sum()))
            described.append(describe(kept, options, task.fewest_kept))
        value.append(described[0])
        without.append(described[1:])
    values = np.array(value)  # [blocks, statistics]
    shape = (counts.blocks, len(patterns) - 1, values.shape[1])  # so few inputs: no patterns
    left_out = np.array(without).reshape(shape).transpose(1, 0, 2)
    of_factors = np.split(left_out, ends[:-1]) if len(ends) else []
    low, high = (_in_range(end) for end in factors.interval(values, of_factors))
    seeds_error = factors.seeds_error(values, of_factors)
    rows = [
        {
            "block": block,
            "statistic": name,
            "value": values[block, s],
            "low": low[block, s],
            "high": high[block, s],
            "seeds_error": seeds_error[block, s],
            "n": pairs[block],
            "n_types": kept_all[block].labels.size,
        }
        for block in range(counts.blocks)
        for s, name in enumerate(STATISTICS)
    ]
    return pd.DataFrame(rows), kept_all


def _in_range(ends: Floats) -> Floats:
    """Ends of intervals [blocks, statistics] held to what can be: counts from 0 on, shares to 1."""
    least = [-np.inf if name == "growth exponent" else 0.0 for name in STATISTICS]
    most = [1.0 if "share" in name else np.inf for name in STATISTICS]
    return np.clip(ends, least, most)


def cluster_rows(
    kept: Sequence[KeptMatrix], options: ClusterOptions, names: Sequence[str]
) -> pd.DataFrame:
    """Every cluster of two or more labels at the default theta, largest first.

    Columns block, labels (the members' names, a list by falling frequency), size, method, theta,
    cluster, label_ids (their ids, alike).
    """
    rows = []
    theta = options.theta
    assert theta is not None  # for_task saw to it
    for block, matrix in enumerate(kept):
        for method in METHODS:
            members = cluster_kept(matrix, theta, method).members()
            members.sort(key=lambda group: (-group.size, -int(matrix.occurrences[group].max())))
            for number, group in enumerate(members):
                ids = matrix.labels[group[np.argsort(-matrix.occurrences[group], kind="stable")]]
                rows.append(
                    {
                        "block": block,
                        "labels": [names[i] for i in ids],
                        "size": group.size,
                        "method": method,
                        "theta": theta,
                        "cluster": number,
                        "label_ids": ids.tolist(),
                    }
                )
    columns = ["block", "labels", "size", "method", "theta", "cluster", "label_ids"]
    return pd.DataFrame(rows, columns=columns)
