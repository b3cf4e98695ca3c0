"""Curves with their 95 % intervals: the one way in which the charts draw anything along an axis."""

from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from blocklens.report.charts.style import FAINT


def curves(
    data: pd.DataFrame,
    x: alt.X,
    *,
    scale: alt.Scale,
    axis: alt.Axis,
    series: dict[str, Any] | None = None,
    value: str = "value",
    spread: Literal["band", "bars"] = "band",
    tooltip: Sequence[alt.Tooltip] = (),
) -> list[alt.Chart]:
    """Layers: each series' interval `low` to `high` (a band, or a bar a point), its line, points.

    `data` has the columns of `x`, `value`, `low`, `high` and the series; `scale` and `axis` are
    those of y; `series` comes from `series_channels`.
    """
    channels = dict(series or {})
    dash = {"strokeDash": channels.pop("strokeDash")} if "strokeDash" in channels else {}
    base = alt.Chart(data).encode(x=x, **channels)
    y = alt.Y(f"{value}:Q", scale=scale, axis=axis)
    interval = (
        base.mark_area(opacity=0.15, line=False)
        if spread == "band"
        else base.mark_rule(strokeWidth=1.8, opacity=0.55)
    )
    return [
        interval.encode(y=alt.Y("low:Q", scale=scale, axis=axis), y2="high:Q"),
        base.mark_line(strokeWidth=2.2).encode(y=y, **dash),
        base.mark_point(filled=True, size=40, opacity=1).encode(y=y, tooltip=list(tooltip)),
    ]


def series_channels(
    field: str,
    names: Sequence[str],
    colours: Sequence[str],
    *,
    dashes: Sequence[Sequence[int]] | None = None,
    title: str | None = None,
    **legend: Any,
) -> dict[str, Any]:
    """The colour of each series, and its dash where given, with one legend; none for one series."""
    shown = None
    if len(names) > 1:
        shown = alt.Legend(symbolType="stroke", symbolOpacity=1, labelLimit=320, **legend)
    channels: dict[str, Any] = {
        "color": alt.Color(
            field,
            title=title,
            scale=alt.Scale(domain=list(names), range=list(colours[: len(names)])),
            legend=shown,
        )
    }
    if dashes is not None:
        channels["strokeDash"] = alt.StrokeDash(
            field,
            title=title,
            scale=alt.Scale(domain=list(names), range=list(dashes[: len(names)])),
            legend=shown,
        )
    return channels


def interval_tooltip(value: str, title: str, number_format: str = ".3~g") -> list[alt.Tooltip]:
    """What the pointer shows of a value and its interval."""
    return [
        alt.Tooltip(f"{value}:Q", title=title, format=number_format),
        alt.Tooltip("low:Q", title="95 % from", format=number_format),
        alt.Tooltip("high:Q", title="to", format=number_format),
    ]


def ratio_scale(padding: int = 12) -> alt.Scale:
    """The scale of a ratio: doubling and halving are equally far from 1."""
    return alt.Scale(type="log", nice=False, padding=padding)


def ratio_axis(title: str | None, *ratios: Any, **given: Any) -> alt.Axis:
    """An axis for ratios on a log scale, with a few round numbers that lie among `ratios`."""
    values = np.concatenate([np.asarray(r, np.float64).ravel() for r in ratios])
    values = values[np.isfinite(values) & (values > 0)]
    ticks = ratio_ticks(values.min(), values.max()) if len(values) else [1.0]
    return alt.Axis(title=title, format="~g", values=ticks, **given)


def ratio_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """At most `most` round numbers from `low` to `high`, 1 among them where it lies between."""
    powers = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 2)
    steps = [s * 10.0**p for p in (-3, -2, -1) for s in (1, 2, 5)]
    families = [s * np.arange(np.floor(low / s), np.ceil(high / s) + 1) for s in steps]
    if high > 2.5 * low:  # equal steps would crowd at one end
        families = []
    families += [np.array([m * 10.0**p for p in powers for m in f]) for f in ((1, 2, 5), (1, 3))]
    families += [10.0 ** np.arange(-12, 13, every) for every in (1, 2, 4)]
    for family in families:
        ticks = family[(family >= low * (1 - 1e-9)) & (family <= high * (1 + 1e-9))]
        if 2 <= len(ticks) <= most:
            return [float(f"{tick:.6g}") for tick in ticks]
    return [float(f"{tick:.2g}") for tick in (low, high)]


def line_at_one() -> alt.Chart:
    """The line of no effect in a chart of ratios."""
    return alt.Chart(pd.DataFrame({"y": [1]})).mark_rule(color=FAINT).encode(y="y:Q")
