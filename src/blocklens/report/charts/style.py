"""The look that all charts and the page share: colours, type, and the Vega-Lite configuration.

One accent colour stands for the encoder that is measured; its controls are greys that differ in
their dash as well. Effects are ratios, so they are drawn on a log scale around 1, from orange
(below the null) to blue (above): a pair that stays apart under every common colour blindness.
"""

from typing import Any

import altair as alt
import numpy as np

from blocklens.report.charts.offline import shown_offline

INK = "#1d2630"
MUTED = "#5c6975"
FAINT = "#8a96a1"
RULE = "#e2e6ea"
LINE = "#c3cad1"
ACCENT = "#0f5c9c"
CONTROL = "#7c8894"

THEME = {
    "page": ("white", "#14191e"),
    "ink": (INK, "#e6ebf0"),
    "muted": (MUTED, "#a9b5c0"),
    "faint": (FAINT, "#7d8994"),
    "rule": (RULE, "#2a323a"),
    "line": (LINE, "#47525d"),
    "wash": ("#f6f8f9", "#1d242b"),
    "accent": (ACCENT, "#6cb2ec"),
    "control": (CONTROL, "#97a3ae"),
    "shuffled": ("#a67c52", "#cfa477"),
}
"""The page's colours by their CSS name, in light and in dark mode."""

DIVERGING = ("#a8480b", "#d9803c", "#f3c49c", "#f5f5f3", "#a9cbe6", "#4f93c6", "#0f5c9c")
SEQUENTIAL = ("#f7f9fb", "#cfe0ee", "#8fb9d9", "#4f93c6", "#0f5c9c", "#0a3d6b")
# Paul Tol's "muted" scheme, ordered so that neighbours differ in lightness as well.
CATEGORIES = ("#0f5c9c", "#d9803c", "#44aa99", "#882255", "#999933", "#88ccee", "#aa4499")

FONT = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif"
)

VERDICT_COLOURS = {
    "holds": ACCENT, "does not hold": INK, "undecided": "#b4bec7", "not applicable": RULE,
}  # fmt: skip

RUN_ORDER = ("encoder", "untrained twins", "shuffled tokens")
RUN_COLOURS = (ACCENT, CONTROL, THEME["shuffled"][0])
# Along the blocks there is one more line: the encoder with its own head in place of read-outs.
SERIES = (*RUN_ORDER, "own head (lens)")
SERIES_COLOURS = (*RUN_COLOURS, "#44aa99")
SERIES_DASHES = ([1, 0], [6, 3], [2, 2], [8, 2, 2, 2])

CONFIG = alt.Config(
    font=FONT,
    background="white",
    padding=6,
    view=alt.ViewConfig(stroke=None),
    axis=alt.AxisConfig(
        labelColor=MUTED,
        titleColor=INK,
        labelFontSize=11,
        titleFontSize=12,
        titleFontWeight="normal",
        titlePadding=8,
        gridColor=RULE,
        domainColor=LINE,
        tickColor=LINE,
        tickSize=4,
        labelPadding=4,
        labelLimit=220,
    ),
    axisX=alt.AxisConfig(grid=False),
    axisY=alt.AxisConfig(domain=False, ticks=False),
    legend=alt.LegendConfig(
        labelColor=INK,
        titleColor=MUTED,
        labelFontSize=12,
        titleFontSize=12,
        titleFontWeight="normal",
        symbolStrokeWidth=2.2,
        symbolSize=120,
        orient="top",
        direction="horizontal",
        titleAnchor="start",
        offset=8,
        columnPadding=18,
    ),
    header=alt.HeaderConfig(
        labelColor=INK,
        labelFontSize=12,
        labelFontWeight=500,
        labelAnchor="start",
        labelPadding=6,
        title=None,
    ),
    title=alt.TitleConfig(
        color=INK, fontSize=14, fontWeight=600, anchor="start", subtitleColor=MUTED, offset=10
    ),
)


def configure(chart: Any) -> Any:
    """`chart` with the shared configuration, shown offline in a notebook.

    Set at once: each of Altair's `configure_` methods would copy the whole chart.
    """
    chart.config = CONFIG
    return shown_offline(chart)


def log_ratio_colour(title: str, bound: float, **legend: Any) -> alt.Color:
    """The colour channel of a ratio by its field `log2`, from -`bound` to `bound`, grey at 0.

    `legend`: what its legend has beside plain numbers.
    """
    return alt.Color(
        "log2:Q",
        title=title,
        scale=alt.Scale(
            domain=np.linspace(-bound, bound, len(DIVERGING)).tolist(),
            range=list(DIVERGING),
            clamp=True,
        ),
        legend=alt.Legend(
            labelExpr="format(pow(2, datum.value), '.2~g')", gradientThickness=8, **legend
        ),
    )


def block_axis() -> alt.X:
    """The x channel of every chart along the blocks."""
    return alt.X(
        "block:Q",
        title="block",
        scale=alt.Scale(nice=False, zero=False, padding=8),
        axis=alt.Axis(format="d", tickMinStep=1, labelOverlap=True),
    )
