"""Replacing tokens by partners and at random: what goes in, and how far answers move."""

import itertools

import numpy as np
import pytest
from scipy import sparse

from blocklens.confidence.replacement import (
    ARMS,
    SHARES,
    Matches,
    replace_tokens,
    replaced_inputs,
    replacement_table,
)


def confusion():
    """Token 0 is taken for 1 at 0.5 and for 2 at 0.8, 1 for 0 at 0.2; 3 is mostly 4: no row."""
    cells = [(0, 0, 10), (0, 1, 5), (0, 2, 8), (1, 1, 20), (1, 0, 4), (2, 2, 12), (3, 3, 5),
             (3, 4, 9), (4, 4, 30), (5, 5, 1), (6, 6, 1), (7, 7, 1)]  # fmt: skip
    true, predicted, count = np.array(cells).T
    return sparse.csr_array((count, (true, predicted)), shape=(10, 10))


FREQUENCY = np.array([100, 110, 40, 50, 60, 120, 33, 100, 0, 77])
MATCHES = Matches.of(confusion(), FREQUENCY)


def test_a_partner_is_the_strongest_match_above_the_threshold():
    assert MATCHES.partner.tolist() == [2, *[-1] * 9]
    assert MATCHES.tokens == 1
    assert MATCHES.bins[[0, 2, 8, 9]].tolist() == [6, 5, -1, -1]  # 9 was never modified


def test_partners_go_in_and_random_tokens_are_as_frequent():
    ids = [9, 0, 3, 0, 0, 0, 9]
    found, number = replace_tokens(ids, MATCHES, 0.5, "partner", np.random.default_rng(1))
    assert number == 2
    assert sorted(found) == sorted([9, 2, 3, 2, 0, 0, 9])
    wanted = {"random": 2, "random, own frequency": 0}
    for arm, like in wanted.items():
        seen = set()
        for seed in range(40):
            out, _ = replace_tokens(ids, MATCHES, 1.0, arm, np.random.default_rng(seed))
            assert [out[i] for i in (0, 2, 6)] == [9, 3, 9]
            seen |= {out[i] for i in (1, 3, 4, 5)}
        alike = set(np.flatnonzero(MATCHES.bins == MATCHES.bins[like])) - {0, 2}
        assert seen == alike
    with pytest.raises(ValueError, match="expected one of"):
        replace_tokens(ids, MATCHES, 1.0, "nothing", np.random.default_rng(0))


@pytest.mark.parametrize(
    ("bins", "replaceable"),
    [
        ([0, 0, 0, 1], True),
        ([0, 1, 0, 1], True),  # 2 is as frequent as the token, 3 as the partner
        ([0, 0, 1, 1], False),  # nothing but the two themselves is as frequent
        ([0, 1, 0, 2], False),  # nothing is as frequent as the partner
        ([0, 1, 2, 1], False),  # nothing is as frequent as the token
    ],
)
def test_only_tokens_that_every_arm_can_replace_are_replaced(bins, replaceable):
    matches = Matches(np.array([1, -1, -1, -1]), np.array(bins))
    assert matches.replaceable.tolist() == [replaceable, False, False, False]
    for arm in ARMS:
        found, number = replace_tokens([0, 3], matches, 1.0, arm, np.random.default_rng(0))
        assert (found[0] != 0, number) == (replaceable, int(replaceable))


def test_all_arms_replace_the_same_places_and_larger_shares_take_in_smaller_ones():
    ids = [[9, 0, 0, 5, 0, 0, 0, 9], [3, 4]]
    found = replaced_inputs(ids, np.array([7, 8]), MATCHES)
    assert [(one.arm, one.share) for one in found] == [(a, s) for a in ARMS for s in SHARES]
    places = {
        (one.arm, one.share): {i for i, t in enumerate(one.ids[0]) if t != ids[0][i]}
        for one in found
    }
    for share, more in itertools.pairwise(SHARES):
        assert places["partner", share] < places["partner", more]
    for share in SHARES:
        assert len({frozenset(places[arm, share]) for arm in ARMS}) == 1
    assert all(one.ids[1] == [3, 4] for one in found)


def test_changes_are_means_over_the_tested_inputs_and_differences_are_paired():
    rng = np.random.default_rng(0)
    seeds, n, classes = 3, 60, 4
    ids = [[0] * int(k) for k in rng.integers(1, 9, n - 1)] + [[3, 3]]  # the last has no partner
    labels, keys = rng.integers(0, classes, n), rng.integers(0, 1 << 60, n)
    tested = rng.random((seeds, n)) < 0.5
    replaced = replaced_inputs(ids, keys, MATCHES)
    before = rng.dirichlet(np.ones(classes), (seeds, n))
    after = [rng.dirichlet(np.ones(classes), (seeds, n)) for _ in replaced]
    table = replacement_table(
        before, after, replaced, labels, np.array([len(one) for one in ids]), keys, tested
    ).set_index(["arm", "share", "statistic"])
    moved = {}
    for one, probabilities in zip(replaced, after, strict=True):
        total, accuracy = [], []
        for seed in range(seeds):
            for text in range(n - 1):
                if tested[seed, text]:
                    change = np.abs(probabilities[seed, text] - before[seed, text]).sum() / 2
                    total.append(change)
                    accuracy.append(probabilities[seed, text].argmax() == labels[text])
        moved[one.arm, one.share] = np.array(total)
        key = (one.arm, one.share)
        assert table.loc[(*key, "prediction change"), "value"] == pytest.approx(np.mean(total))
        assert table.loc[(*key, "accuracy"), "value"] == pytest.approx(np.mean(accuracy))
        assert table.loc[(*key, "accuracy"), "n"] == len(total)
    difference = moved["random", 0.5] - moved["partner", 0.5]
    row = table.loc[("random - partner", 0.5, "prediction change")]
    assert row["value"] == pytest.approx(difference.mean())
    assert row["low"] < row["value"] < row["high"]
    whole = table.loc[("partner", 1.0, "accuracy")]
    assert whole["tokens"] == pytest.approx(1.0)  # of the inputs in which anything is replaced
