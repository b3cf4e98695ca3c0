"""How far an encoder may be shortened: what each block's read-out loses against the last one's.

A practitioner's question (ours, no paper's): the earliest block whose accuracy is within a margin
of the last one's. What stopping there saves is counted in `readouts.cost`; labels may be of any
kind.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from blocklens.labels.accuracy import LabelCounts, accuracy
from blocklens.labels.left_out import Factors
from blocklens.labels.tasks import MARGIN


def loss_rows(counts: LabelCounts, factors: Factors) -> pd.DataFrame:
    """How much less accurate every block's read-outs are than the last block's.

    Columns block, accuracy, loss (accuracy of the last block less this one's), low, high: the 95 %
    interval of the loss over inputs and seeds.
    """
    accuracies = accuracy(counts, factors)
    loss = accuracies.through(lambda values: values[..., -1:] - values)
    low, high = loss.interval()
    return pd.DataFrame(
        {
            "block": np.arange(len(accuracies.value)),
            "accuracy": accuracies.value,
            "loss": loss.value,
            "low": low,
            "high": high,
        }
    )


def earliest_block(losses: pd.DataFrame, margin: float = MARGIN) -> int:
    """The first block that is at most `margin` less accurate than the last, by `loss_rows`."""
    within = losses.loc[losses["loss"] <= margin + 1e-12, "block"]
    return int(within.min())


def advice_line(advice: pd.DataFrame, margin: float = MARGIN) -> str:
    """The advice in a few sentences, from the rows of `loss_rows` joined with `cost_rows`."""
    last = advice.iloc[-1]
    row = advice.loc[advice["block"] == earliest_block(advice, margin)].iloc[0]
    points = f"{100 * margin:g} point{'' if margin == MARGIN else 's'}"
    if row["block"] == last["block"]:
        return f"No block before the last, {last['block']:.0f}, is within {points} of its accuracy."
    if row["block"] == 0:
        return (
            f"The last block, {last['block']:.0f}, is no more than {points} better than the "
            f"embedding's output: {last['accuracy']:.3f} against {row['accuracy']:.3f}, a gain of "
            f"{row['loss']:.3f} [{row['low']:.3f}, {row['high']:.3f}]. That the blocks add "
            "anything is not seen here, so no shortening is advised."
        )
    said = [
        f"Block {row['block']:.0f} is the earliest within {points} of the last, "
        f"{last['block']:.0f}: {row['accuracy']:.3f} against {last['accuracy']:.3f}, "
        f"a loss of {row['loss']:.3f} [{row['low']:.3f}, {row['high']:.3f}]."
    ]
    if "parameters" in row:
        said.append(
            f"Stopping there saves {100 * (1 - row['parameters']):.0f} % of the encoder's "
            f"parameters and {100 * (1 - row['arithmetic']):.0f} % of its arithmetic."
        )
    best = advice.loc[advice["loss"].idxmin()]
    if best["high"] < 0:
        said.append(
            f"Block {best['block']:.0f} is better than the last: {best['accuracy']:.3f}, a gain of "
            f"{-best['loss']:.3f} [{-best['high']:.3f}, {-best['low']:.3f}]."
        )
    return " ".join(said)
