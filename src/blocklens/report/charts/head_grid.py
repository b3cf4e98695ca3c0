"""The chart of all heads, blocks x heads, from the table of statistics (see `blocks.py`)."""

import altair as alt
import numpy as np
import pandas as pd
from jaxtyping import Float

from blocklens.report.charts.along_blocks import rows_of
from blocklens.report.charts.style import INK, MUTED, configure, log_ratio_colour


def grid(
    table: pd.DataFrame,
    statistic: str,
    *,
    measure: str | None = None,
    cut: float | None = None,
    run: str = "encoder",
) -> alt.LayerChart:
    """Blocks x heads, one cell a head, coloured by the effect on a log scale around 1.

    A number in grey says that the head's 95 % interval holds the null (effect 1).
    """
    rows = rows_of(table, statistic, measure=measure, cut=cut)
    runs = rows["run"] if "run" in rows else pd.Series("encoder", index=rows.index)
    rows = rows.loc[(runs == run) & rows["head"].notna() & (rows["effect"] > 0)]
    data = rows.loc[:, ["block", "head", "effect", "low", "high"]].astype({"head": int})
    data = data.assign(log2=np.log2(data["effect"]))
    bound = colour_bound(data["effect"].to_numpy())
    clear = (data["low"] > 1) | (data["high"] < 1)
    strong = data["log2"].abs() > 0.72 * np.log2(bound)
    data = data.assign(ink=np.where(strong, "white", np.where(clear, INK, MUTED)))
    base = alt.Chart(data).encode(
        x=alt.X("head:O", title="head", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("block:O", title="block"),
        tooltip=["block:O", "head:O"]
        + [alt.Tooltip(f"{name}:Q", format=".3~g") for name in ("effect", "low", "high")],
    )
    colour = log_ratio_colour(
        f"{statistic}, observed / null", float(np.log2(bound)), gradientLength=220, titleLimit=400
    )
    cells = base.mark_rect(stroke="white", strokeWidth=1.5).encode(color=colour)
    text = base.mark_text(fontSize=11).encode(
        text=alt.Text("effect:Q", format=".2~g"), color=alt.Color("ink:N", scale=None)
    )
    heads = max(int(data["head"].max()) + 1 if len(data) else 1, 1)
    blocks = max(data["block"].nunique(), 1)
    return configure(
        alt.layer(cells, text)
        .resolve_scale(color="independent")
        .properties(width=38 * heads, height=30 * blocks)
    )


def colour_bound(effects: Float[np.ndarray, " heads"]) -> float:
    """The ratio b so that colours span 1/b to b: 98 of 100 effects fall inside, b at least 1.25."""
    finite = np.abs(np.log2(effects[(effects > 0) & np.isfinite(effects)]))
    if not len(finite):
        return 2.0
    return float(2 ** max(np.quantile(finite, 0.98), np.log2(1.25)))
