"""The chart of several studies: one claim in every encoder."""

import altair as alt
import pandas as pd

from blocklens.report.charts.curves import interval_tooltip, ratio_axis, ratio_scale
from blocklens.report.charts.style import INK, VERDICT_COLOURS, configure


def effects_side_by_side(rows: pd.DataFrame) -> alt.LayerChart:
    """One claim's effect in every study, with its interval; the colour is the verdict.

    `rows`: columns study, effect, low, high, verdict.
    """
    data = rows.loc[:, ["study", "effect", "low", "high", "verdict"]]
    ends = data[["effect", "low", "high"]]
    axis = alt.Axis(title="effect, 95 % interval", format="~g", grid=True, tickCount=6)
    scale = alt.Scale(zero=False, padding=14)
    if bool((ends.min(axis=1) > 0).all()) and ends.max(axis=None) > 3 * ends.min(axis=None):
        scale, axis = ratio_scale(14), ratio_axis("effect, 95 % interval", ends, grid=True)
    present = [verdict for verdict in VERDICT_COLOURS if verdict in set(data["verdict"])]
    base = alt.Chart(data).encode(
        y=alt.Y("study:N", sort=None, title=None, axis=alt.Axis(labelColor=INK, labelLimit=260)),
        color=alt.Color(
            "verdict:N",
            title=None,
            scale=alt.Scale(domain=present, range=[VERDICT_COLOURS[v] for v in present]),
        ),
    )
    layers = alt.layer(
        base.mark_rule(strokeWidth=2.4).encode(
            x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q"
        ),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            x=alt.X("effect:Q", scale=scale, axis=axis),
            tooltip=["study:N", "verdict:N", *interval_tooltip("effect", "effect")],
        ),
    )
    return configure(layers.properties(width=420, height=alt.Step(26)))
