import numpy as np
import pytest

from blocklens.labels.grouping import (
    STATISTICS,
    GroupedConfusion,
    StructureOptions,
    growth_exponent,
    slope_of_defined,
    structure_rows,
)


def two_blocks(labels=40, per_label=400, groups=10, seed=0):
    """Block 0 confuses everything, block 1 each label with one partner alone."""
    rng = np.random.default_rng(seed)
    true = np.repeat(np.arange(labels), per_label)
    rng.shuffle(true)
    right = rng.random(true.size) < 0.7
    anything = rng.integers(0, labels, true.size)
    predicted = np.stack([np.where(right, true, anything), np.where(right, true, true ^ 1)])
    confusion = GroupedConfusion(labels, 2, groups)
    for part in np.array_split(np.arange(true.size), 7):
        confusion.update(true[part], predicted[:, part], part % groups)
    return confusion, true, predicted


def test_grouped_counts_add_up_to_the_dense_matrix():
    confusion, true, predicted = two_blocks()
    for block in range(2):
        dense = np.zeros((40, 40), dtype=np.int64)
        np.add.at(dense, (true, predicted[block]), 1)
        np.testing.assert_array_equal(confusion.matrix(block).toarray(), dense)
        parts = sum(part.toarray() for part in confusion.matrices(block))
        np.testing.assert_array_equal(parts, dense)
    other, _, _ = two_blocks(seed=1)
    total = confusion.matrix(1).toarray() + other.matrix(1).toarray()
    confusion.merge(other)
    np.testing.assert_array_equal(confusion.matrix(1).toarray(), total)


def test_the_block_that_pairs_its_labels_has_clusters_and_no_noise():
    confusion, *_ = two_blocks()
    table, kept = structure_rows(confusion, StructureOptions())
    assert set(table["statistic"]) >= set(STATISTICS)
    of = table.set_index(["statistic", "block"])["value"]
    assert of["kept tokens", 0] == 40
    assert (of["clusters", 0], of["clusters", 1]) == (0, 20)
    assert len(kept[1].labels) == 40
    assert of["noise", 1] == of["noise share", 1] == 0
    assert of["share in clusters", 1] == 1
    assert abs(of["growth exponent", 1]) < 0.3


def test_intervals_of_counts_and_shares_do_not_leave_what_can_be():
    # The clusters hang on single groups of texts: half the width is more than the counts.
    confusion, *_ = two_blocks(labels=6, per_label=13, groups=8)
    table, _ = structure_rows(confusion, StructureOptions())
    counts = table[table["statistic"].isin(STATISTICS) & table["statistic"].ne("growth exponent")]
    assert (counts["low"].dropna() >= 0).all()
    assert (counts["low"].eq(0) & counts["value"].gt(0)).any()
    shares = counts[counts["statistic"].str.contains("share")]
    assert (shares["high"].dropna() <= 1).all()


def test_slopes_need_three_defined_blocks():
    assert slope_of_defined(np.array([np.nan, 3.0, 2.0, 1.0])) == pytest.approx(-1)
    assert np.isnan(slope_of_defined(np.array([np.nan, np.nan, 2.0, 1.0])))


@pytest.mark.parametrize("value", [1.0, 0.1, 1 / 3])
def test_equal_values_have_slope_zero_to_the_last_bit(value):
    assert slope_of_defined(np.array([np.nan, *[value] * 6])) == 0.0
    assert growth_exponent([(10, 3), (25, 3), (70, 3), (90, 3)]) == 0.0


def test_growth_exponents_of_known_laws():
    assert growth_exponent([(10, 3), (20, 3), (40, 3)]) == pytest.approx(0)
    assert growth_exponent([(10, 5), (20, 10), (40, 20)]) == pytest.approx(1)
    assert np.isnan(growth_exponent([(10, 3)]))
