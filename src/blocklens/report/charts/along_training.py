"""Charts along the checkpoints of one training run.

All share one axis: a column a checkpoint, in the order of the steps, since checkpoints lie close
together where a run learns fast.
"""

import textwrap
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from blocklens.report.charts.curves import curves, interval_tooltip, series_channels
from blocklens.report.charts.style import (
    ACCENT,
    CATEGORIES,
    INK,
    SEQUENTIAL,
    VERDICT_COLOURS,
    configure,
)

STATEMENT_LINE = 52
"""Characters of a statement in one line beside the strip."""


def step_axis() -> alt.X:
    """The x channel: every checkpoint one place."""
    return alt.X(
        "step:O",
        title="training steps (one place a checkpoint)",
        axis=alt.Axis(format=",d", labelAngle=0, labelOverlap=True, grid=False),
    )


def verdicts_along_training(series: pd.DataFrame, statements: Sequence[str]) -> alt.Chart:
    """The film strip: the verdict on each statement at each checkpoint, a row a statement.

    Args:
        series: columns id, statement, step, effect, low, high, verdict.
        statements: the ids, in the order of the rows.

    """
    lines = {
        str(row["id"]): "\n".join(textwrap.wrap(str(row["statement"]), STATEMENT_LINE))
        for row in series.drop_duplicates("id").to_dict("records")
    }
    columns = ["step", "verdict", "effect", "low", "high", "id"]
    data = series.loc[:, columns].assign(statement=series["id"].map(lines.__getitem__))
    chart = (
        alt.Chart(data)
        .mark_rect(stroke="white", strokeWidth=2)
        .encode(
            x=step_axis(),
            y=alt.Y(
                "statement:N",
                title=None,
                sort=[lines[name] for name in statements],
                axis=alt.Axis(
                    labelExpr="split(datum.label, '\\n')", labelLimit=420, labelColor=INK,
                    labelLineHeight=13, domain=False, ticks=False,
                ),
            ),
            color=alt.Color(
                "verdict:N",
                title=None,
                scale=alt.Scale(domain=list(VERDICT_COLOURS), range=list(VERDICT_COLOURS.values())),
                legend=alt.Legend(symbolType="square", columns=2),
            ),
            tooltip=["id:N", "step:Q", "verdict:N", *interval_tooltip("effect", "effect")],
        )
        .properties(width=alt.Step(24), height=alt.Step(34))
    )  # fmt: skip
    return configure(chart)


def effects_along_training(rows: pd.DataFrame) -> alt.LayerChart:
    """One claim's effect along the checkpoints; points that hold are filled.

    `rows`: columns step, effect, low, high, verdict.
    """
    data = rows.loc[:, ["step", "effect", "low", "high", "verdict"]]
    scale, axis = alt.Scale(zero=False, padding=12), alt.Axis(title="effect", tickCount=5)
    band, line, points = curves(
        data, step_axis(), value="effect", scale=scale, axis=axis,
        tooltip=[alt.Tooltip("step:Q"), alt.Tooltip("verdict:N"),
                 *interval_tooltip("effect", "effect")],
    )  # fmt: skip
    points = points.encode(
        fill=alt.condition(alt.datum.verdict == "holds", alt.value(ACCENT), alt.value("white"))
    )
    points.mark = alt.MarkDef(type="point", size=60, opacity=1, stroke=ACCENT, strokeWidth=1.8)
    return configure(alt.layer(band, line, points).properties(width=480, height=220))


def accuracy_along_training(rows: pd.DataFrame, title: str) -> alt.LayerChart:
    """Accuracy at every block along the checkpoints, a line a block, later blocks darker.

    `rows`: columns step, block, value, low, high.
    """
    blocks = sorted(rows["block"].unique().tolist())
    data = rows.loc[:, ["step", "value", "low", "high"]]
    data = data.assign(series="block " + rows["block"].astype(int).astype(str))
    names = [f"block {int(block)}" for block in blocks]
    return _lines(data, names, shades(len(names)), title, percent=True)


def frequencies_along_training(rows: pd.DataFrame, title: str) -> alt.LayerChart:
    """Accuracy per token at the last block along the checkpoints, a line a range of frequency.

    `rows`: columns step, frequency_low, frequency_high, value, low, high.
    """
    lowest = sorted(rows["frequency_low"].unique().tolist())
    named = {low: f"from {low:,.0f}" for low in lowest}
    data = rows.loc[:, ["step", "value", "low", "high"]]
    data = data.assign(series=rows["frequency_low"].map(named.__getitem__))
    return _lines(data, list(named.values()), shades(len(named)), title, percent=True)


def heads_along_training(rows: pd.DataFrame, labels: Sequence[str]) -> alt.LayerChart:
    """How many heads have each label along the checkpoints.

    `rows`: columns step, label, value. `labels`: all of them, in the order of the legend.
    """
    data = rows.assign(series=rows["label"], low=np.nan, high=np.nan)
    columns = ["step", "value", "low", "high", "series"]
    return _lines(data.loc[:, columns], list(labels), CATEGORIES, "heads", percent=False)


def shades(number: int) -> list[str]:
    """So many shades of the accent, light to dark, the lightest still seen on white."""
    whole = SEQUENTIAL[2:]
    places = np.linspace(0, len(whole) - 1, number) if number > 1 else [len(whole) - 1]
    return [_between(whole, float(place)) for place in places]


def _between(colours: Sequence[str], place: float) -> str:
    low = min(int(place), len(colours) - 2)
    ends = [np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for c in colours[low : low + 2]]
    mixed = ends[0] + (place - low) * (ends[1] - ends[0])
    return "#" + "".join(f"{round(channel):02x}" for channel in mixed)


def _lines(
    data: pd.DataFrame, names: Sequence[str], colours: Sequence[str], title: str, *, percent: bool
) -> alt.LayerChart:
    layers = curves(
        data,
        step_axis(),
        scale=alt.Scale(zero=True),
        axis=alt.Axis(title=title, tickCount=5, format=".0%" if percent else "d"),
        series=series_channels("series:N", names, colours, columns=4),
        tooltip=[
            alt.Tooltip("series:N", title=" "),
            alt.Tooltip("step:Q"),
            *interval_tooltip("value", title),
        ],
    )
    return configure(alt.layer(*layers).properties(width=480, height=240))
