"""Clusters and noise against the threshold, beside their nulls."""

from __future__ import annotations

import numpy as np
import pandas as pd

from blocklens.labels.cluster_statistics import ClusterOptions
from blocklens.labels.clusters import METHODS, Clusters, cluster_kept
from blocklens.labels.confusion import ConfusionCounts
from blocklens.labels.kept_matrix import kept_matrix
from blocklens.labels.nulls import NULLS, frequency_bins, null_matrix
from blocklens.labels.sharpness import halves, replicated
from blocklens.labels.tasks import TOKENS, Task


def sweep_rows(
    counts: ConfusionCounts,
    options: ClusterOptions,
    task: Task = TOKENS,
    seeds: int = 1,
) -> pd.DataFrame:
    """Clusters of every block against theta and method, beside both nulls.

    Columns block, method, theta, kept, clusters, clustered (labels in clusters), mean_size,
    largest, strong, noise, noise_share; pairs and replicated (mutual pairs found on one half of the
    inputs, and the share of them that the other half has too); and for each null (`predictions_`,
    `partners_`) kept, clusters, clustered, largest, noise_share: the mean of its draws, and `_low`,
    `_high`, their range.
    """
    rows = []
    parts = halves(counts.groups, seeds)
    for block in range(counts.blocks):
        matrix, first, second = counts.matrices(block, [(), *parts])
        again = {theta: replicated(first, second, theta, options.n_min) for theta in task.thetas}
        bins = frequency_bins(np.asarray(matrix.sum(axis=1)).ravel())
        kept = kept_matrix(matrix, options.n_min)
        drawn = {
            null: [
                kept_matrix(null_matrix(matrix, bins, seed, null), options.n_min)
                for seed in range(options.null_seeds)
            ]
            for null in NULLS
        }
        for method in METHODS:
            for theta in task.thetas:
                clusters = cluster_kept(kept, theta, method)
                row = {"block": block, "method": method, "theta": theta, **_sizes(clusters)}
                row |= {
                    "pairs": again[theta][0],
                    "replicated": again[theta][1],
                    "mean_size": clusters.mean_size,
                    "strong": clusters.strong,
                    "noise": clusters.noise,
                }
                for null, kept_nulls in drawn.items():
                    draws = [_sizes(cluster_kept(one, theta, method)) for one in kept_nulls]
                    for name in draws[0] if draws else ():
                        known = [x for draw in draws if not np.isnan(x := draw[name])] or [np.nan]
                        row[f"{null}_{name}"] = np.mean(known)
                        row[f"{null}_{name}_low"] = min(known)
                        row[f"{null}_{name}_high"] = max(known)
                rows.append(row)
    return pd.DataFrame(rows)


def _sizes(clusters: Clusters) -> dict[str, int | float]:
    return {
        "kept": clusters.cluster.size,
        "clusters": clusters.number,
        "clustered": clusters.grouped_labels,
        "largest": clusters.largest,
        "noise_share": clusters.noise_share,
    }
