"""What a block loses: against a slow reference, and the advice where the answer is known."""

import numpy as np
import pandas as pd
import pytest

from blocklens.labels.accuracy import LabelCounts
from blocklens.labels.confusion import ConfusionCounts
from blocklens.labels.depth import advice_line, earliest_block, loss_rows
from blocklens.labels.left_out import leave_out_factors


def drawn(blocks=4, seeds=3, tests=50, n=90):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, n)
    test = np.stack([rng.permutation(n)[:tests] for _ in range(seeds)])
    predicted = rng.integers(0, 5, (blocks, seeds, tests))
    for block in range(blocks):
        known = rng.random((seeds, tests)) < block / blocks
        predicted[block][known] = labels[test][known]
    return labels, predicted, test, rng.integers(0, 1 << 30, n)


def losses(labels, predicted, test, keys, groups=6):
    counts = ConfusionCounts.of_seeds(labels, predicted, test, keys, 5, groups)
    return loss_rows(LabelCounts.of(counts), leave_out_factors(np.ones(counts.groups, int), 3))


def test_losses_and_their_intervals_equal_a_slow_reference():
    labels, predicted, test, keys = drawn()
    found = losses(labels, predicted, test, keys)

    def accuracy(block, kept):
        hits = [
            predicted[block, seed, i] == labels[x]
            for seed in range(3)
            for i, x in enumerate(test[seed])
            if kept(seed, x)
        ]
        return np.mean(hits)

    for block in range(4):
        loss = accuracy(3, lambda *_: True) - accuracy(block, lambda *_: True)
        squares = 0.0
        for kinds, t in (
            ([("seed", s) for s in range(3)], 4.302653),
            ([("group", g) for g in range(6)], 2.570582),
        ):
            without = []
            for kind, number in kinds:

                def kept(seed, x, kind=kind, number=number):
                    return (seed if kind == "seed" else keys[x] % 6) != number

                without.append(accuracy(3, kept) - accuracy(block, kept))
            without = np.array(without)
            k = len(without)
            squares += t**2 * (k - 1) / k * ((without - without.mean()) ** 2).sum()
        row = found.iloc[block]
        assert row["loss"] == pytest.approx(loss)
        assert row["low"] == pytest.approx(loss - squares**0.5, rel=1e-5, abs=1e-9)
        assert row["high"] == pytest.approx(loss + squares**0.5, rel=1e-5, abs=1e-9)


def test_the_last_block_loses_nothing_without_doubt():
    found = losses(*drawn()).iloc[-1]
    assert (found["loss"], found["low"], found["high"]) == (0, 0, 0)


def test_the_earliest_block_within_the_margin():
    losses = pd.DataFrame({"block": [0, 1, 2, 3, 4], "loss": [0.5, 0.02, 0.01, -0.01, 0.0]})
    assert earliest_block(losses) == 2
    assert earliest_block(losses, 0.02) == 1
    assert earliest_block(losses, 0.0) == 3
    assert earliest_block(losses, 1.0) == 0


def test_the_advice_in_words_has_the_table_s_figures():
    advice = pd.DataFrame(
        {
            "block": [0, 1, 2], "accuracy": [0.1, 0.945, 0.95], "loss": [0.85, 0.005, 0.0],
            "low": [0.8, -0.004, 0.0], "high": [0.9, 0.014, 0.0],
            "parameters": [0.2, 0.6, 1.0], "arithmetic": [0.0, 0.55, 1.0],
        }
    )  # fmt: skip
    said = advice_line(advice)
    figures = ("Block 1 ", " 1 point ", "0.945", "0.950", "0.005 [-0.004, 0.014]", "40 %", "45 %")
    for figure in figures:
        assert figure in said
    none = advice_line(advice, 0.001)
    assert none.startswith("No block")
    assert "0.1 points" in none
    without = advice_line(advice.drop(columns=["parameters", "arithmetic"]))
    assert without.endswith("0.005 [-0.004, 0.014].")


def test_blocks_that_add_nothing_are_no_saving():
    advice = pd.DataFrame(
        {
            "block": [0, 1, 2], "accuracy": [0.5, 0.4, 0.505], "loss": [0.005, 0.105, 0.0],
            "low": [-0.1, 0.0, 0.0], "high": [0.1, 0.2, 0.0],
            "parameters": [0.3, 0.6, 1.0], "arithmetic": [0.0, 0.5, 1.0],
        }
    )  # fmt: skip
    assert "saves" not in advice_line(advice)
    assert "a gain of 0.005 [-0.100, 0.100]" in advice_line(advice)


def test_the_advice_names_a_block_that_is_better_than_the_last_beyond_doubt():
    advice = pd.DataFrame(
        {
            "block": [1, 2, 3], "accuracy": [0.6, 0.93, 0.9], "loss": [0.3, -0.03, 0.0],
            "low": [0.2, -0.04, 0.0], "high": [0.4, -0.01, 0.0],
        }
    )  # fmt: skip
    better = advice_line(advice).partition("Block 2 is better")[2]
    assert "0.930" in better
    assert "0.030 [0.010, 0.040]" in better
    advice.loc[1, "high"] = 0.01
    assert "better" not in advice_line(advice)
