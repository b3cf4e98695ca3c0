"""Charts of what an encoder has learned: accuracy per token, and clusters.

The tables are those of `blocklens.readouts.token_task.measure_learning`.
"""

import altair as alt
import numpy as np
import pandas as pd

from blocklens.errors import UserError
from blocklens.report.charts.matrices import colour_table
from blocklens.report.charts.style import (
    ACCENT,
    INK,
    RUN_COLOURS,
    SEQUENTIAL,
    configure,
)

MOST_POINTS = 3000
"""Points of the scatter; of a larger vocabulary a sample spread evenly over frequency is drawn."""


def block_rows(table: pd.DataFrame, block: int | None, run: str | None) -> pd.DataFrame:
    """The rows of one run and one block, by default the last.

    Raises UserError when there are none.
    """
    rows = table if run is None or "run" not in table else table.loc[table["run"] == run]
    wanted = rows["block"].max() if block is None else block
    rows = rows.loc[rows["block"] == wanted]
    if rows.empty:
        raise UserError(f"block {block} of {run!r} is not in the table: pick one that is.")
    return rows


def apt_against_frequency(
    apt: pd.DataFrame,
    frequency: pd.DataFrame | None = None,
    *,
    block: int | None = None,
    run: str = "encoder",
    fewest: int = 1,
    points: int = MOST_POINTS,
    width: int = 620,
    height: int = 320,
) -> alt.LayerChart:
    """Accuracy per token against training frequency: each point a token, the line the bins' mean.

    `apt` has a row a block and token (`label`, `frequency`, `n`, `correct`, `value`); `frequency`
    the means per frequency bin with their 95 % intervals. Tokens measured less often than
    `fewest` are left out.
    Source: docs/definitions.md, frequency curve.
    """
    rows = block_rows(apt, block, run)
    rows = rows.loc[(rows["frequency"] > 0) & (rows["n"] >= fewest)].sort_values(
        ["frequency", "label_id"]
    )
    if len(rows) > points:
        rows = rows.iloc[np.linspace(0, len(rows) - 1, points).round().astype(int)]
    x = alt.X(
        "frequency:Q",
        title="occurrences of the token in the texts (log scale)",
        scale=alt.Scale(type="log", nice=False, padding=10),
        axis=alt.Axis(format="~s", tickCount=6),
    )
    y_axis = alt.Axis(title="APT, accuracy per token", format=".0%", tickCount=5)
    data = rows.loc[:, ["label", "frequency", "value", "n", "correct"]].rename(
        columns={"label": "token", "value": "apt"}
    )
    dots = (
        alt.Chart(data)
        .mark_circle(color=ACCENT, opacity=0.3)
        .encode(
            x=x,
            y=alt.Y("apt:Q", axis=y_axis, scale=alt.Scale(domain=[0, 1], padding=6)),
            size=alt.Size(
                "n:Q",
                title="measured occurrences",
                scale=alt.Scale(type="sqrt", range=[8, 160]),
                legend=alt.Legend(
                    labelExpr="format(datum.value, ',')",
                    values=_round_counts(data["n"].to_numpy()),
                ),
            ),
            tooltip=[
                "token:N",
                alt.Tooltip("apt:Q", title="APT", format=".1%"),
                alt.Tooltip("correct:Q", title="right", format=","),
                alt.Tooltip("n:Q", title="of", format=","),
                alt.Tooltip("frequency:Q", format=","),
            ],
        )
    )
    layers: list[alt.Chart] = [dots]
    if frequency is not None:
        layers += _bin_means(block_rows(frequency, block, run), x)
    return configure(alt.layer(*layers).properties(width=width, height=height))


def _round_counts(counts: np.ndarray) -> list[int]:
    """Up to three powers of ten for the legend of sizes."""
    most = int(np.log10(max(float(counts.max()), 1)))
    return [10**e for e in range(max(0, most - 2), most + 1)]


def _bin_means(bins: pd.DataFrame, x: alt.X) -> list[alt.Chart]:
    middle = np.sqrt(bins["frequency_low"].clip(lower=1) * (bins["frequency_high"] - 1).clip(1))
    data = bins.loc[:, ["value", "low", "high", "n_types"]].assign(frequency=middle)
    base = alt.Chart(data).encode(x=x)
    return [
        base.mark_area(color=INK, opacity=0.15).encode(y="low:Q", y2="high:Q"),
        base.mark_line(color=INK, strokeWidth=2).encode(y="value:Q"),
        base.mark_point(color=INK, filled=True, size=40, opacity=1).encode(
            y="value:Q",
            tooltip=[
                alt.Tooltip("frequency:Q", title="about", format=",.0f"),
                alt.Tooltip("value:Q", title="mean APT", format=".1%"),
                alt.Tooltip("low:Q", title="95 % from", format=".1%"),
                alt.Tooltip("high:Q", title="to", format=".1%"),
                alt.Tooltip("n_types:Q", title="tokens", format=","),
            ],
        ),
    ]


def frequency_curves(
    frequency: pd.DataFrame, *, run: str = "encoder", width: int = 520, height: int = 260
) -> alt.LayerChart:
    """Mean APT against training frequency, one curve a block, light to dark."""
    rows = frequency.loc[frequency["run"] == run] if "run" in frequency else frequency
    middle = np.sqrt(rows["frequency_low"].clip(lower=1) * (rows["frequency_high"] - 1).clip(1))
    data = rows.loc[:, ["block", "value", "low", "high"]].assign(frequency=middle)
    base = alt.Chart(data).encode(
        x=alt.X(
            "frequency:Q",
            title="occurrences of the token in the texts (log scale)",
            scale=alt.Scale(type="log", nice=False, padding=8),
            axis=alt.Axis(format="~s", tickCount=6),
        ),
        color=alt.Color(
            "block:O",
            scale=alt.Scale(range=shades(data["block"].nunique())),
            legend=alt.Legend(symbolType="stroke", symbolOpacity=1, columns=7),
        ),
    )
    tooltip = ["block:O"] + [
        alt.Tooltip(f"{name}:Q", format=".3~g") for name in ("frequency", "value", "low", "high")
    ]
    y = alt.Y("value:Q", axis=alt.Axis(title="mean APT", format=".0%", tickCount=5))
    return configure(
        alt.layer(
            base.mark_area(opacity=0.15).encode(y=alt.Y("low:Q"), y2="high:Q"),
            base.mark_line(strokeWidth=2).encode(y=y),
            base.mark_point(filled=True, size=26, opacity=1).encode(y=y, tooltip=tooltip),
        ).properties(width=width, height=height)
    )


def shades(count: int) -> list[str]:
    """`count` blues from light to dark, for the blocks in order."""
    table = colour_table(SEQUENTIAL[1:], max(count, 2))
    return ["#" + bytes(rgb).hex() for rgb in table[-count:]]


def cluster_sizes(
    sweep: pd.DataFrame,
    *,
    block: int | None = None,
    run: str = "encoder",
    method: str = "cliques",
    quantity: str = "largest",
    labels: str = "tokens",
    width: int = 480,
    height: int = 240,
) -> alt.LayerChart:
    """Strong-match clusters against the threshold theta, beside both nulls.

    `quantity`: "largest", "clusters", "clustered" or "noise_share". `labels`: what is clustered.
    The bands are the range of the nulls' draws. Source: docs/definitions.md, strong match clusters.
    """
    rows = block_rows(sweep.loc[sweep["method"] == method], block, run)
    names = {
        "": "encoder",
        "predictions_": "predictions permuted",
        "partners_": "partners permuted",
    }
    frames = []
    for prefix, name in names.items():
        if f"{prefix}{quantity}" in rows:
            frame = pd.DataFrame({"theta": rows["theta"], "value": rows[f"{prefix}{quantity}"]})
            for end in ("low", "high"):
                frame[end] = rows.get(f"{prefix}{quantity}_{end}", frame["value"])
            frames.append(frame.assign(series=name))
    if not frames:
        raise UserError(f"{quantity!r} is not in the table: pick another quantity.")
    data = pd.concat(frames, ignore_index=True)
    titles = {
        "largest": f"{labels} in the largest cluster",
        "clusters": f"clusters of two or more {labels}",
        "clustered": f"{labels} in clusters",
        "noise_share": "share of strong matches outside clusters",
    }
    present = [name for name in names.values() if name in set(data["series"])]
    base = alt.Chart(data).encode(
        x=alt.X(
            "theta:Q",
            title="threshold theta",
            scale=alt.Scale(zero=False, nice=False, padding=10),
            axis=alt.Axis(values=sorted(set(data["theta"])), format=".2~f"),
        ),
        color=alt.Color(
            "series:N",
            title=None,
            scale=alt.Scale(domain=present, range=list(RUN_COLOURS[: len(present)])),
            legend=alt.Legend(symbolType="stroke", symbolOpacity=1),
        ),
    )
    share = quantity == "noise_share"
    most = data["high"].to_numpy(dtype=float).max()
    few = not share and most <= 5  # ticks at halves would be rounded to the same number twice
    axis = alt.Axis(
        title=titles[quantity],
        tickCount=5,
        values=list(range(int(np.ceil(most)) + 1)) if few else alt.Undefined,
        format=".0%" if share else ",.0f",
    )
    y = alt.Y("value:Q", axis=axis)
    tooltip = ["series:N", "theta:Q"] + [
        alt.Tooltip(f"{name}:Q", format=".3~g") for name in ("value", "low", "high")
    ]
    return configure(
        alt.layer(
            base.mark_area(opacity=0.18).encode(y="low:Q", y2="high:Q"),
            base.mark_line(strokeWidth=2).encode(y=y),
            base.mark_point(filled=True, size=36, opacity=1).encode(y=y, tooltip=tooltip),
        ).properties(width=width, height=height)
    )
