"""Charts along the checkpoints of a run say what their rows say."""

import numpy as np
import pandas as pd
import pytest

from blocklens.report.charts.along_training import (
    accuracy_along_training,
    frequencies_along_training,
    shades,
    verdicts_along_training,
)
from helpers import marks_in

STEPS = (0, 10, 100)


def series() -> pd.DataFrame:
    rows = [
        {"id": name, "statement": f"Statement {name}, a long one that takes two lines of the axis.",
         "step": step, "verdict": verdict, "effect": 1.0, "low": 0.5, "high": 1.5}
        for name in ("a", "b")
        for step, verdict in zip(STEPS, ("does not hold", "undecided", "holds"), strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_strip_has_a_cell_a_statement_and_checkpoint_in_the_order_given():
    chart = verdicts_along_training(series(), ["b", "a"])
    spec = chart.to_dict()
    order = spec["encoding"]["y"]["sort"]
    assert [one.split()[1].rstrip(",") for one in order] == ["b", "a"]
    assert "\n" in order[0]
    cells = next(iter(spec["datasets"].values()))
    assert len(cells) == 6
    assert {(c["step"], c["verdict"]) for c in cells} == set(
        zip(STEPS, ("does not hold", "undecided", "holds"), strict=True)
    )
    assert "rect" in marks_in(chart)


@pytest.mark.parametrize("by", ["block", "frequency"])
def test_learned_along_training_has_a_line_a_block_or_range(by):
    rows = pd.DataFrame(
        [
            {"step": step, "block": n, "frequency_low": 10.0**n, "frequency_high": 10.0 ** (n + 1),
             "value": 0.1 * n, "low": 0.0, "high": 0.5}
            for step in STEPS for n in range(4)
        ]
    )  # fmt: skip
    draw = {"block": accuracy_along_training, "frequency": frequencies_along_training}[by]
    chart = draw(rows, "<APT>")
    names = {"block": [f"block {n}" for n in range(4)],
             "frequency": ["from 1", "from 10", "from 100", "from 1,000"]}[by]  # fmt: skip
    spec = chart.to_dict()
    assert spec["layer"][1]["encoding"]["color"]["scale"]["domain"] == names
    assert marks_in(chart) >= {"line", "symbol", "area"}


def test_shades_go_from_light_to_dark():
    made = shades(7)
    assert len(set(made)) == 7
    light = [sum(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for colour in made]
    assert np.all(np.diff(light) < 0)
    assert shades(1) == [made[-1]]
