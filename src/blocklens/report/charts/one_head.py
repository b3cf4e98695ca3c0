"""Charts of one head: its pair distances against the null, and all its scores."""

from itertools import pairwise

import altair as alt
import numpy as np
import pandas as pd
from jaxtyping import Float, Int64, Integer

from blocklens.errors import UserError
from blocklens.report.charts.curves import ratio_axis, ratio_scale
from blocklens.report.charts.style import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    RUN_COLOURS,
    configure,
    log_ratio_colour,
)


def select_head(table: pd.DataFrame, block: int, head: int | None) -> pd.DataFrame:
    """The rows of one head, or of the whole block where `head` is None.

    Raises UserError when there are none.
    """
    rows = table.loc[table["block"] == block]
    rows = rows.loc[rows["head"].isna()] if head is None else rows.loc[rows["head"] == head]
    if rows.empty:
        name = f"block {block}" + ("" if head is None else f", head {head}")
        raise UserError(f"{name} is not in the table: pick a block and head of the encoder.")
    return rows


def distance_rows(
    pairs: Float[np.ndarray, " distances"],
    expected: Float[np.ndarray, " distances"],
    distance: Integer[np.ndarray, " distances"] | None = None,
) -> pd.DataFrame:
    """Counts of pairs by distance 1..n as shares of all pairs, in bins when there are many.

    Columns: `start` and `end` (distance in tokens, end exclusive), `share` and `null`, per token of
    distance, so that bins of different widths compare.
    """
    distance = np.arange(1, len(pairs) + 1) if distance is None else distance
    width = max(1, int(np.ceil(distance.max() / 128)))
    bins = (distance - 1) // width
    observed = np.bincount(bins, pairs) / max(pairs.sum(), 1) / width
    null = np.bincount(bins, expected) / max(expected.sum(), 1e-12) / width
    start = np.arange(len(observed)) * width + 1
    return pd.DataFrame({"start": start, "end": start + width, "share": observed, "null": null})


def distances(
    table: pd.DataFrame, block: int, head: int | None = None, *, run: str = "encoder"
) -> alt.LayerChart:
    """How far apart a head's high-similarity pairs are, against all pairs of the same texts.

    `table` has the columns of `tables/distances.parquet`: `run`, `block`, `head`, `distance`,
    `pairs`, `expected`. `head` None draws the whole block.
    """
    rows = select_head(table.loc[table["run"] == run], block, head).sort_values("distance")
    data = distance_rows(
        rows["pairs"].to_numpy(np.float64),
        rows["expected"].to_numpy(np.float64),
        rows["distance"].to_numpy(),
    )
    return distance_chart(data)


def distance_chart(data: pd.DataFrame) -> alt.LayerChart:
    """The chart of `distances` for rows that are already binned (see `distance_rows`)."""
    names = ["high-similarity pairs", "all pairs (null)"]
    colour = alt.Scale(domain=names, range=[ACCENT, INK])
    base = alt.Chart(data).transform_calculate(observed=f"'{names[0]}'", nulls=f"'{names[1]}'")
    x = alt.X(
        "start:Q", title="distance, tokens", scale=alt.Scale(nice=False), axis=alt.Axis(tickCount=8)
    )
    y_axis = alt.Axis(format=".1~%", tickCount=4, title="share of the pairs")
    bars = base.mark_rect(opacity=0.62).encode(
        x=x,
        x2="end:Q",
        y=alt.Y("share:Q", axis=y_axis),
        y2=alt.datum(0),
        color=alt.Color("observed:N", scale=colour, title=None),
        tooltip=[
            alt.Tooltip("start:Q", title="distance"),
            alt.Tooltip("share:Q", title="high pairs", format=".2%"),
            alt.Tooltip("null:Q", title="all pairs", format=".2%"),
        ],
    )
    line = base.mark_line(strokeWidth=1.6, interpolate="step-after").encode(
        x=x, y=alt.Y("null:Q"), color=alt.Color("nulls:N", scale=colour, title=None)
    )
    return configure(alt.layer(bars, line).properties(width=520, height=220))


def distance_map(table: pd.DataFrame, *, run: str = "encoder") -> alt.Chart | None:
    """Block x distance, coloured by observed / null: where each block's high pairs reach.

    None where the table has no rows of whole blocks.
    """
    rows = table.loc[(table["run"] == run) & table["head"].isna()]
    if rows.empty:
        return None
    edges = distance_edges(int(rows["distance"].max()))
    frames = []
    for block, part in rows.groupby("block"):
        index = np.searchsorted(edges, part["distance"].to_numpy(), side="right") - 1
        pairs = np.bincount(index, part["pairs"], minlength=len(edges) - 1)
        null = np.bincount(index, part["expected"], minlength=len(edges) - 1)
        frames.append(
            pd.DataFrame(
                {
                    "block": block,
                    "bin": [_bin_name(*edge) for edge in pairwise(edges.tolist())],
                    "ratio": (pairs / max(pairs.sum(), 1)) / (null / max(null.sum(), 1e-12)),
                    "pairs": pairs,
                }
            )
        )
    data = pd.concat(frames, ignore_index=True).replace([np.inf, -np.inf], np.nan)
    data = data.assign(log2=np.log2(data["ratio"].clip(lower=2**-6, upper=2**6)))
    bound = max(float(np.nanquantile(data["log2"].abs(), 0.98)), 0.5)
    names = list(dict.fromkeys(data["bin"]))
    colour = log_ratio_colour("pairs, observed / null", bound, gradientLength=200)
    chart = (
        alt.Chart(data)
        .mark_rect(stroke="white", strokeWidth=1)
        .encode(
            x=alt.X(
                "bin:O",
                sort=names,
                title="distance, tokens",
                axis=alt.Axis(labelAngle=0, labelOverlap=True),
            ),
            y=alt.Y("block:O", title="block"),
            color=colour,
            tooltip=[
                "block:O",
                alt.Tooltip("bin:O", title="distance"),
                alt.Tooltip("ratio:Q", title="observed / null", format=".3~g"),
                alt.Tooltip("pairs:Q", format=","),
            ],
        )
    )
    height = 24 * data["block"].nunique()
    return configure(chart.properties(width=560, height=height))


def distance_edges(longest: int) -> Int64[np.ndarray, " edges"]:
    """Bin edges 1, 2, 3, 4, 6, 8, 12, ... up to `longest` + 1: about two bins an octave."""
    edges, step = [1, 2, 3], 4
    while step <= longest:
        edges += [step, step * 3 // 2]
        step *= 2
    return np.array([e for e in edges if e <= longest] + [longest + 1])


def _bin_name(start: int, end: int) -> str:
    return str(start) if end == start + 1 else f"{start}–{end - 1}"


def profile(table: pd.DataFrame, block: int, head: int | None = None) -> alt.LayerChart:
    """Every score of a head as observed / null with its 95 % interval, beside its controls.

    `table` has the columns of `tables/heads.parquet`, one row a run and statistic at one cut.
    """
    rows = select_head(table, block, head)
    return profile_chart(profile_rows(rows))


def profile_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a statistic: `effect`, `low`, `high`, and the controls' effects beside it."""
    twins = rows.loc[rows["run"].str.startswith("untrained")].groupby("statistic")["effect"].mean()
    shuffled = rows.loc[rows["run"] == "shuffled"].groupby("statistic")["effect"].first()
    data = rows.loc[rows["run"] == "encoder"].drop_duplicates("statistic")
    data = data.loc[:, ["statistic", "effect", "low", "high"]]
    return data.assign(
        untrained=data["statistic"].map(twins), shuffled=data["statistic"].map(shuffled)
    )


def profile_chart(
    data: pd.DataFrame, *, domain: tuple[float, float] | None = None
) -> alt.LayerChart:
    """The chart of `profile` for rows from `profile_rows`, in the order they come.

    `domain`: the ratios that the axis spans, by default those of the rows. One for all heads of an
    encoder makes their charts comparable.
    """
    names = ["this head", "untrained twins", "shuffled tokens"]
    legend = alt.Legend(columns=1)
    colour = alt.Color(
        "kind:N",
        title=None,
        legend=legend,
        scale=alt.Scale(domain=names, range=list(RUN_COLOURS)),
    )
    shape = alt.Shape(
        "kind:N",
        title=None,
        legend=legend,
        scale=alt.Scale(domain=names, range=["circle", "stroke", "triangle"]),
    )
    ratios = data.drop(columns="statistic").to_numpy(np.float64) if domain is None else domain
    scale = ratio_scale(14)
    if domain is not None:
        scale.domain = list(domain)
    y = alt.Y("statistic:N", sort=None, title=None, axis=alt.Axis(labelColor=INK, labelLimit=230))
    x_axis = ratio_axis("observed / null", ratios)
    base = alt.Chart(data).encode(y=y)

    def points(field: str, name: str, size: int) -> alt.Chart:
        return (
            base.transform_calculate(kind=f"'{name}'")
            .transform_filter(f"datum.{field} > 0")
            .mark_point(filled=name == names[0], size=size, opacity=1, strokeWidth=1.8, clip=True)
            .encode(
                x=alt.X(f"{field}:Q", scale=scale, axis=x_axis),
                color=colour,
                shape=shape,
                tooltip=[
                    "statistic:N",
                    alt.Tooltip("kind:N", title="run"),
                    alt.Tooltip(f"{field}:Q", title="observed / null", format=".3~g"),
                    alt.Tooltip("low:Q", title="this head, 95 % from", format=".3~g"),
                    alt.Tooltip("high:Q", title="to", format=".3~g"),
                ],
            )
        )

    one = alt.Chart(pd.DataFrame({"x": [1]})).mark_rule(color=FAINT).encode(x="x:Q")
    interval = (
        base.transform_filter("datum.low > 0")
        .mark_rule(strokeWidth=3, color=ACCENT, opacity=0.55, clip=True)
        .encode(x=alt.X("low:Q", scale=scale, axis=x_axis), x2="high:Q")
    )
    layers = alt.layer(
        one,
        interval,
        points("untrained", names[1], 90),
        points("shuffled", names[2], 46),
        points("effect", names[0], 64),
    )
    return configure(layers.properties(width=300, height=alt.Step(22)))


def anchors(table: pd.DataFrame, block: int, head: int, *, run: str = "encoder") -> alt.LayerChart:
    """The tokens that are most often the head's anchor, by the share of texts.

    `table` has the columns of `tables/anchors.parquet`: `run`, `block`, `head`, `token`, `texts`,
    `share`.
    """
    rows = select_head(table.loc[table["run"] == run], block, head).nlargest(8, "texts")
    base = alt.Chart(rows.loc[:, ["token", "texts", "share"]]).encode(
        y=alt.Y("token:N", sort=None, title=None, axis=alt.Axis(labelColor=INK)),
        x=alt.X("share:Q", title="share of the texts", axis=alt.Axis(format=".0%", tickCount=4)),
        tooltip=["token:N", "texts:Q", alt.Tooltip("share:Q", format=".1%")],
    )
    bars = base.mark_bar(color=ACCENT, opacity=0.7, height=12)
    text = base.mark_text(align="left", dx=5, color=MUTED, fontSize=11).encode(
        text=alt.Text("share:Q", format=".1%")
    )
    return configure(alt.layer(bars, text).properties(width=260, height=alt.Step(22)))
