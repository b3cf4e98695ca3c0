"""Charts of how an encoder was trained: its learning curve, and what more texts bring."""

from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from blocklens.errors import UserError
from blocklens.report.charts.curves import curves, interval_tooltip, series_channels
from blocklens.report.charts.style import ACCENT, CONTROL, MUTED, configure

MOST_POINTS = 400
"""Points of a curve; of a longer log neighbouring rows are averaged."""
MOST_SIZES_NAMED = 6
"""Numbers of articles that are all named on the axis."""


def learning_curve(
    log: pd.DataFrame,
    quantity: Literal["loss", "accuracy"] = "loss",
) -> alt.LayerChart:
    """Loss or accuracy at modified tokens against the tokens seen: training, and held out.

    `log` is the table of `blocklens.pretraining.training_log`. A point of the training curve is the
    mean since the one before; the held-out curve is of modified tokens of texts not seen before.
    """
    frames = []
    for name, column in (("training", quantity), ("held out", f"held_out_{quantity}")):
        rows = log.loc[log[column].notna(), ["step", "tokens", column]]
        frames.append(thinned(rows.rename(columns={column: "value"})).assign(series=name))
    data = pd.concat(frames, ignore_index=True)
    if data.empty:
        raise UserError(f"the log has no {quantity}: train for more steps.")
    against = "tokens" if bool(data["tokens"].notna().all()) else "step"
    percent = quantity == "accuracy"
    base = alt.Chart(data).encode(
        x=alt.X(
            f"{against}:Q",
            title="training tokens" if against == "tokens" else "steps",
            axis=alt.Axis(format="~s", tickCount=6),
        ),
        y=alt.Y(
            "value:Q",
            scale=alt.Scale(zero=percent, padding=8),
            axis=alt.Axis(
                title=f"{quantity} at modified tokens",
                format=".0%" if percent else ".2~f",
                tickCount=5,
            ),
        ),
        color=alt.Color(
            "series:N",
            title=None,
            scale=alt.Scale(domain=["held out", "training"], range=[ACCENT, CONTROL]),
            legend=alt.Legend(symbolType="stroke", symbolOpacity=1),
        ),
        tooltip=[
            "series:N",
            alt.Tooltip("step:Q", format=",.0f"),
            alt.Tooltip("tokens:Q", format=",.0f"),
            alt.Tooltip("value:Q", title=quantity, format=".1%" if percent else ".3~f"),
        ],
    )
    held_out = alt.datum.series == "held out"
    return configure(
        alt.layer(
            base.transform_filter(~held_out).mark_line(strokeWidth=1.4, opacity=0.7),
            base.transform_filter(held_out).mark_line(strokeWidth=2.2),
            base.transform_filter(held_out).mark_point(filled=True, size=26, opacity=1),
        ).properties(width=480, height=260)
    )


def thinned(rows: pd.DataFrame) -> pd.DataFrame:
    """At most `MOST_POINTS` rows: means of neighbouring ones."""
    if len(rows) <= MOST_POINTS:
        return rows
    part = np.arange(len(rows)) * MOST_POINTS // len(rows)
    means: Any = rows.groupby(part).mean()
    return means


def training_sizes(table: pd.DataFrame) -> alt.LayerChart:
    """<APT> of the last block against the number of training articles, with 95 % intervals.

    `table` is that of `blocklens pretrain --sizes`: `comparison`, `articles`, `apt`, `low`, `high`,
    `seeds`. Intervals are over seeds where there are several, over held-out texts otherwise.
    """
    sizes = sorted(set(table["articles"].tolist()))
    x = alt.X(
        "articles:Q",
        title="training articles (log scale)",
        scale=alt.Scale(type="log", nice=False, padding=12),
        axis=alt.Axis(
            format="~s", values=sizes if len(sizes) <= MOST_SIZES_NAMED else alt.Undefined
        ),
    )
    comparisons = list(dict.fromkeys(table["comparison"]))
    lines = curves(
        table.loc[:, ["comparison", "articles", "apt", "low", "high"]],
        x,
        value="apt",
        scale=alt.Scale(),
        axis=alt.Axis(title="<APT>", format=".1~%", tickCount=5),
        series=series_channels("comparison:N", comparisons, (ACCENT, CONTROL, MUTED)),
        spread="bars",
        tooltip=[
            alt.Tooltip("comparison:N"),
            alt.Tooltip("articles:Q", format=","),
            *interval_tooltip("apt", "<APT>"),
        ],
    )
    return configure(alt.layer(*lines).properties(width=480, height=240))
