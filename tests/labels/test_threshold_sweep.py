import numpy as np
import pandas as pd
import pytest
from made_up import two_blocks

from blocklens.labels.cluster_statistics import ClusterOptions
from blocklens.labels.threshold_sweep import null_slope_row, sweep_rows


def test_pairs_survive_neither_null():
    counts, *_ = two_blocks()
    table = sweep_rows(counts, ClusterOptions())
    row = table[(table["block"] == 1) & (table["method"] == "cliques") & (table["theta"] == 0.3)]
    row = row.iloc[0]
    assert row["clusters"] > 5
    assert row["predictions_clusters_high"] <= 1
    assert row["partners_clusters_high"] <= 3
    # the partners null keeps one-way matches, which are then noise
    assert row["partners_noise_share"] > 0.5


def test_the_null_slope_spans_the_draws():
    sweep = pd.DataFrame(
        {
            "block": [0, 1, 2, 3],
            "method": "cliques",
            "theta": 0.3,
            "kept": [3, 50, 60, 70],
            "noise_share": [np.nan, 0.5, 0.4, 0.3],
            "partners_noise_share": [np.nan, 0.9, 0.9, 0.9],
            "partners_noise_share_low": [np.nan, 0.8, 0.9, 0.8],
            "partners_noise_share_high": [np.nan, 1.0, 0.9, 1.0],
        }
    )
    row = null_slope_row(sweep, ClusterOptions(theta=0.3))
    assert [row[name] for name in ("value", "low", "high")] == pytest.approx([0, -0.1, 0.1])
    few = null_slope_row(sweep.iloc[:3], ClusterOptions(theta=0.3))
    assert np.isnan(few["value"])
