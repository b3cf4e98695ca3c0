"""Confusion matrix, strong match clusters and their nulls at a real vocabulary's size.

    python -m benchmarks --only confusion

30,522 labels and 10 million predictions whose frequencies fall as 1 / rank: three in ten are right,
three in ten fall on a partner label, the rest on any label by frequency. Timed from the first pair
to the last cluster: counting in updates of 100,000 pairs, the kept rows, clusters at seven
thresholds, and five draws of each of the two nulls with clusters of their own. Memory is the peak
of the whole process, the 160 MB of predictions that the benchmark holds included.
"""

from __future__ import annotations

import resource
import time
from typing import Any

import numpy as np

from benchmarks.calibration import calibrate
from benchmarks.fresh import in_fresh_process
from blocklens.labels.clusters import cluster_kept
from blocklens.labels.confusion import ConfusionCounts
from blocklens.labels.kept_matrix import kept_matrix
from blocklens.labels.nulls import NULLS, frequency_bins, null_matrix
from blocklens.labels.tasks import TOKENS

LABELS = 30_522
PREDICTIONS = 10_000_000
PIECE = 100_000
NULL_DRAWS = 5
SECONDS_LIMIT, GIGABYTES_LIMIT = 15.0, 1.0


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Seconds and gigabytes of one run in a fresh process."""
    runs = 1 if quick else 3
    given = {"labels": 1000, "predictions": 100_000} if quick else {}
    found = [in_fresh_process("benchmarks.confusion", "work", **given) for _ in range(runs)]
    middle = sorted(found, key=lambda one: one["seconds"])[runs // 2]
    extra = {"better": "lower", **calibrate(), **middle}
    rows = []
    for name, key, limit, unit in (
        ("confusion matrix, clusters and nulls: time", "seconds", SECONDS_LIMIT, "s"),
        ("confusion matrix, clusters and nulls: memory", "gigabytes", GIGABYTES_LIMIT, "GB"),
    ):
        value = middle[key]
        row = {"name": name, "value": round(value, 3), "limit": limit, "holds": value <= limit}
        rows.append({**row, "unit": unit, **extra})
    return rows


def work(labels: int = LABELS, predictions: int = PREDICTIONS) -> dict[str, Any]:
    """The whole job once: its seconds, its parts' seconds and the process's peak memory."""
    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, labels + 1)
    cumulative = np.cumsum(shares / shares.sum())
    true = np.empty(predictions, dtype=np.int64)
    predicted = np.empty(predictions, dtype=np.int64)
    for start in range(0, predictions, PIECE):
        piece = slice(start, start + PIECE)
        n = len(true[piece])
        true[piece] = np.searchsorted(cumulative, rng.random(n)).clip(0, labels - 1)
        chance = rng.random(n)
        other = np.searchsorted(cumulative, rng.random(n)).clip(0, labels - 1)
        partner = (true[piece] ^ 1).clip(0, labels - 1)
        predicted[piece] = np.where(
            chance < 0.3, true[piece], np.where(chance < 0.6, partner, other)
        )

    start = time.perf_counter()
    counts = ConfusionCounts(labels)
    for at in range(0, predictions, PIECE):
        counts.update(true[at : at + PIECE], predicted[None, at : at + PIECE])
    matrix = counts.matrix(0)
    counted = time.perf_counter()
    kept = kept_matrix(matrix)
    found = [cluster_kept(kept, theta) for theta in TOKENS.thetas]
    clustered = time.perf_counter()
    bins = frequency_bins(np.asarray(matrix.sum(axis=1)).ravel())
    for null in NULLS:
        for seed in range(NULL_DRAWS):
            cluster_kept(kept_matrix(null_matrix(matrix, bins, seed, null)))
    end = time.perf_counter()
    return {
        "seconds": end - start,
        "count_seconds": round(counted - start, 3),
        "cluster_seconds": round(clustered - counted, 3),
        "null_seconds": round(end - clustered, 3),
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "elements": int(matrix.nnz),
        "clusters": found[TOKENS.thetas.index(0.3)].number,
    }


if __name__ == "__main__":
    print(*run(), sep="\n")
