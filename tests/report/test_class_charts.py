"""Confusion matrices of classes: the numbers of the table, whatever the classes are called."""

import numpy as np
import pandas as pd
import pytest
from synthetic import HOSTILE

from blocklens.errors import UserError
from blocklens.report import charts
from helpers import marks_in


def confusion(counts: np.ndarray, block: int = 3, run: str = "encoder") -> pd.DataFrame:
    true, predicted = np.nonzero(counts)
    return pd.DataFrame(
        {
            "run": run, "block": block, "true": true, "predicted": predicted,
            "count": counts[true, predicted],
        }
    )  # fmt: skip


def cells(chart) -> dict[tuple[str, str], float]:
    """Share by (true class, predicted class), as drawn."""
    (rows,) = chart.to_dict()["datasets"].values()
    return {(row["true"], row["predicted"]): row["share"] for row in rows}


def test_every_row_is_divided_by_its_sum():
    counts = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 5]])
    table = pd.concat([confusion(counts), confusion(counts.T, block=2)])
    chart = charts.class_confusion(table, ["a", HOSTILE, "c"])
    assert marks_in(chart)
    assert cells(chart) == pytest.approx(
        {
            ("a", "a"): 0.8, ("a", HOSTILE): 0.2, (HOSTILE, "a"): 0.25, (HOSTILE, HOSTILE): 0.75,
            ("c", "c"): 1.0,
        }
    )  # fmt: skip
    other = charts.class_confusion(table, ["a", "b", "c"], block=2)
    assert cells(other)["a", "b"] == pytest.approx(1 / 9)


def test_of_many_classes_the_most_confused_are_drawn_in_their_order():
    counts = 20 * np.eye(70, dtype=int)
    for true, predicted in ((5, 60), (60, 5), (33, 5)):
        counts[true, predicted] = 10
    chart = charts.class_confusion(confusion(counts), [f"class {n}" for n in range(70)], most=3)
    drawn = cells(chart)
    assert {name for pair in drawn for name in pair} == {"class 5", "class 33", "class 60"}
    # the shares are those of the whole row, also where not all of its columns are drawn
    assert drawn["class 33", "class 5"] == pytest.approx(1 / 3)


def test_a_table_without_the_run_or_the_names_is_refused():
    table = confusion(np.eye(3, dtype=int))
    with pytest.raises(UserError, match="2 class names for more classes"):
        charts.class_confusion(table, ["a", "b"])
    with pytest.raises(UserError, match=r"block 9 of 'encoder' is not in the table"):
        charts.class_confusion(table, ["a", "b", "c"], block=9)
