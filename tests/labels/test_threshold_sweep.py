from made_up import two_blocks

from blocklens.labels.cluster_statistics import ClusterOptions
from blocklens.labels.threshold_sweep import sweep_rows


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
