"""Charts of what an encoder has learned: accuracy per token, and clusters.

The tables are those of `blocklens.readouts.token_task.measure_learning`.
"""

import altair as alt
import numpy as np
import pandas as pd

from blocklens.errors import UserError
from blocklens.report.charts.curves import curves, interval_tooltip, series_channels
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
    if len(rows) > MOST_POINTS:
        rows = rows.iloc[np.linspace(0, len(rows) - 1, MOST_POINTS).round().astype(int)]
    x = _frequency_axis(10)
    y_axis = alt.Axis(title="APT, accuracy per token", format=".0%", tickCount=5)
    y_scale = alt.Scale(domain=[0, 1], padding=6)
    data = rows.loc[:, ["label", "frequency", "value", "n", "correct"]].rename(
        columns={"label": "token", "value": "apt"}
    )
    dots = (
        alt.Chart(data)
        .mark_circle(color=ACCENT, opacity=0.3)
        .encode(
            x=x,
            y=alt.Y("apt:Q", axis=y_axis, scale=y_scale),
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
        bins = block_rows(frequency, block, run)
        layers += curves(
            bins.loc[:, ["value", "low", "high", "n_types"]].assign(frequency=_middle(bins)),
            x,
            scale=y_scale,
            axis=y_axis,
            series={"color": alt.value(INK)},
            tooltip=[
                alt.Tooltip("frequency:Q", title="about", format=",.0f"),
                *interval_tooltip("value", "mean APT", ".1%"),
                alt.Tooltip("n_types:Q", title="tokens", format=","),
            ],
        )
    return configure(alt.layer(*layers).properties(width=620, height=320))


def _round_counts(counts: np.ndarray) -> list[int]:
    """Up to three powers of ten for the legend of sizes."""
    most = int(np.log10(max(float(counts.max()), 1)))
    return [10**e for e in range(max(0, most - 2), most + 1)]


def _middle(bins: pd.DataFrame) -> np.ndarray:
    """The geometric mean of a bin of frequencies."""
    low, high = (bins[f"frequency_{end}"].to_numpy(dtype=float) for end in ("low", "high"))
    return np.sqrt(np.maximum(low, 1) * np.maximum(high - 1, 1))


def _frequency_axis(padding: int) -> alt.X:
    return alt.X(
        "frequency:Q",
        title="occurrences of the token in the texts (log scale)",
        scale=alt.Scale(type="log", nice=False, padding=padding),
        axis=alt.Axis(format="~s", tickCount=6),
    )


def frequency_curves(frequency: pd.DataFrame, *, run: str = "encoder") -> alt.LayerChart:
    """Mean APT against training frequency, one curve a block, light to dark."""
    rows = frequency.loc[frequency["run"] == run] if "run" in frequency else frequency
    data = rows.loc[:, ["block", "value", "low", "high"]].assign(frequency=_middle(rows))
    blocks = sorted(data["block"].unique().tolist())
    lines = curves(
        data,
        _frequency_axis(8),
        scale=alt.Scale(),
        axis=alt.Axis(title="mean APT", format=".0%", tickCount=5),
        series=series_channels("block:O", blocks, shades(len(blocks)), title="block", columns=7),
        tooltip=[
            alt.Tooltip("block:O"),
            alt.Tooltip("frequency:Q", format=".3~g"),
            *interval_tooltip("value", "mean APT"),
        ],
    )
    return configure(alt.layer(*lines).properties(width=520, height=260))


def shades(count: int) -> list[str]:
    """`count` blues from light to dark, for the blocks in order."""
    table = colour_table(SEQUENTIAL[1:], max(count, 2))
    return ["#" + bytes(rgb).hex() for rgb in table[-count:]]


def cluster_sizes(
    sweep: pd.DataFrame,
    *,
    block: int | None = None,
    run: str = "encoder",
    quantity: str = "largest",
    labels: str = "tokens",
) -> alt.LayerChart:
    """Strong-match clusters against the threshold theta, beside both nulls.

    `quantity`: "largest", "clusters", "clustered" or "noise_share". `labels`: what is clustered.
    The bands are the range of the nulls' draws. Source: docs/definitions.md, strong match clusters.
    """
    rows = block_rows(sweep.loc[sweep["method"] == "cliques"], block, run)
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
    share = quantity == "noise_share"
    most = data["high"].to_numpy(dtype=float).max()
    few = not share and most <= 5  # ticks at halves would be rounded to the same number twice
    axis = alt.Axis(
        title=titles[quantity],
        tickCount=5,
        values=list(range(int(np.ceil(most)) + 1)) if few else alt.Undefined,
        format=".0%" if share else ",.0f",
    )
    lines = curves(
        data,
        alt.X(
            "theta:Q",
            title="threshold theta",
            scale=alt.Scale(zero=False, nice=False, padding=10),
            axis=alt.Axis(values=sorted(set(data["theta"])), format=".2~f"),
        ),
        scale=alt.Scale(),
        axis=axis,
        series=series_channels("series:N", present, RUN_COLOURS),
        tooltip=[
            alt.Tooltip("series:N"),
            alt.Tooltip("theta:Q"),
            *interval_tooltip("value", titles[quantity]),
        ],
    )
    return configure(alt.layer(*lines).properties(width=480, height=240))
