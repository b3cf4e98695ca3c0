"""The chart of all claims: each effect with its interval, beside its control's."""

import altair as alt
import numpy as np
import pandas as pd

from blocklens.report.charts.curves import ratio_axis, ratio_scale
from blocklens.report.charts.style import ACCENT, CONTROL, INK, configure


def claims(table: pd.DataFrame) -> alt.LayerChart:
    """Each claim's effect with its 95 % interval beside its control's, one row a claim.

    `table` has the columns of `tables/claims.parquet`: `id`, `effect`, `low`, `high`,
    `control_effect`, `control_low`, `control_high`, `verdict`. Effects of different claims have
    different units; what a verdict compares is the effect and the control of one row.
    """
    names = ["encoder", "control"]
    data = table.assign(name=table["id"] + "  (" + table["verdict"] + ")")
    ends = data.loc[:, ["low", "high", "control_low", "control_high"]].to_numpy(np.float64)
    title = "effect, 95 % interval"
    if bool((ends[np.isfinite(ends)] > 0).all()):
        scale, x_axis = ratio_scale(14), ratio_axis(title, ends, grid=True)
    else:
        scale = alt.Scale(zero=False, padding=14)
        x_axis = alt.Axis(title=title, format="~g", grid=True, tickCount=6)
    y = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelColor=INK, labelLimit=400))
    colour = alt.Color("kind:N", title=None, scale=alt.Scale(domain=names, range=[ACCENT, CONTROL]))
    shape = alt.Shape(
        "kind:N", title=None, scale=alt.Scale(domain=names, range=["circle", "stroke"])
    )
    layers: list[alt.Chart] = []
    for kind, prefix, offset in (("control", "control_", 4), ("encoder", "", -4)):
        centre = f"{prefix}effect"
        fields = [centre, f"{prefix}low", f"{prefix}high"]
        base = (
            alt.Chart(data.loc[:, ["name", *fields]].dropna())
            .transform_calculate(kind=f"'{kind}'")
            .encode(y=y, color=colour, yOffset=alt.value(offset + 10))
        )
        layers.append(
            base.mark_rule(strokeWidth=2.4).encode(
                x=alt.X(f"{fields[1]}:Q", scale=scale, axis=x_axis), x2=f"{fields[2]}:Q"
            )
        )
        layers.append(
            base.mark_point(filled=kind == "encoder", size=70, opacity=1).encode(
                x=alt.X(f"{centre}:Q", scale=scale, axis=x_axis),
                shape=shape,
                tooltip=["name:N", *[alt.Tooltip(f"{f}:Q", format=".3~g") for f in fields]],
            )
        )
    return configure(alt.layer(*layers).properties(width=460, height=alt.Step(30)))
