import numpy as np
import pytest
from made_up import two_blocks

from blocklens.labels.cluster_statistics import (
    STATISTICS,
    ClusterOptions,
    cluster_statistics,
    growth_exponent,
)
from blocklens.labels.left_out import leave_out_factors


def statistics(counts):
    factors = leave_out_factors(np.ones(counts.groups, int))
    return cluster_statistics(counts, factors, ClusterOptions(theta=0.2))


def test_the_block_that_pairs_its_labels_has_clusters_and_no_noise():
    counts, *_ = two_blocks()
    table, kept = statistics(counts)
    assert set(table["statistic"]) >= set(STATISTICS)
    of = table.set_index(["statistic", "block"])["value"]
    assert of["kept labels", 0] == 40
    assert (of["clusters", 0], of["clusters", 1]) == (0, 20)
    assert len(kept[1].labels) == 40
    assert of["noise", 1] == of["noise share", 1] == 0
    assert of["share in clusters", 1] == 1
    assert abs(of["growth exponent", 1]) < 0.3


def test_intervals_of_counts_and_shares_do_not_leave_what_can_be():
    # The clusters hang on single groups of texts: half the width is more than the counts.
    counts, *_ = two_blocks(labels=6, per_label=13, groups=8)
    table, _ = statistics(counts)
    counts = table[table["statistic"].isin(STATISTICS) & table["statistic"].ne("growth exponent")]
    assert (counts["low"].dropna() >= 0).all()
    assert (counts["low"].eq(0) & counts["value"].gt(0)).any()
    shares = counts[counts["statistic"].str.contains("share")]
    assert (shares["high"].dropna() <= 1).all()


def test_clusters_of_one_size_do_not_grow():
    assert growth_exponent([(10, 3), (25, 3), (70, 3), (90, 3)]) == 0.0


def test_growth_exponents_of_known_laws():
    assert growth_exponent([(10, 3), (20, 3), (40, 3)]) == pytest.approx(0)
    assert growth_exponent([(10, 5), (20, 10), (40, 20)]) == pytest.approx(1)
    assert np.isnan(growth_exponent([(10, 3)]))
