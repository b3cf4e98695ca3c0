"""Charts along the blocks, from the table of statistics.

The table is `tables/heads.parquet` of a study, or any frame with its columns: `run`, `statistic`,
`block`, `head` (missing for a whole block), `cut`, `value`, `null`, `effect`, `low`, `high`.
"""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from blocklens.errors import UserError
from blocklens.report.charts.curves import (
    curves,
    interval_tooltip,
    line_at_one,
    ratio_axis,
    ratio_scale,
    series_channels,
)
from blocklens.report.charts.style import (
    ACCENT,
    CATEGORIES,
    RUN_ORDER,
    SEQUENTIAL,
    SERIES,
    SERIES_COLOURS,
    SERIES_DASHES,
    block_axis,
    configure,
)

DEFAULT_CUT = 0.01


def rows_of(
    table: pd.DataFrame, statistic: str, *, measure: str | None = None, cut: float | None = None
) -> pd.DataFrame:
    """The rows of one statistic; where it was measured at several cuts, those of one of them.

    `cut` None takes the default cut (top 1 % of the pairs), or the smallest there is. A statistic
    that several measures report is taken from the first of them unless `measure` names one.

    Raises UserError when the table has no such statistic.
    """
    rows = table.loc[table["statistic"] == statistic]
    if measure is not None and "measure" in rows:
        rows = rows.loc[rows["measure"] == measure]
    if rows.empty:
        known = ", ".join(sorted(table["statistic"].unique()))
        raise UserError(f"{statistic!r} is not in the table: pick one of {known}.")
    if "measure" in rows:
        rows = rows.loc[rows["measure"] == rows["measure"].iloc[0]]
    if "cut" in rows and rows["cut"].notna().any():
        cuts = np.sort(rows["cut"].dropna().unique())
        wanted = DEFAULT_CUT if cut is None else cut
        nearest = cuts[np.argmin(np.abs(cuts - wanted))]
        if cut is not None and not np.isclose(nearest, cut):
            known = ", ".join(f"{c:g}" for c in cuts)
            raise UserError(f"{statistic!r} was not measured at the cut {cut:g}: pick {known}.")
        rows = rows[np.isclose(rows["cut"], nearest if cut is not None else _default(cuts))]
    return rows


def _default(cuts: np.ndarray) -> float:
    matches = cuts[np.isclose(cuts, DEFAULT_CUT)]
    return float(matches[0] if len(matches) else cuts[0])


def by_control(rows: pd.DataFrame, quantity: str = "effect") -> pd.DataFrame:
    """One row a kind of run and block: encoder, untrained twins, shuffled tokens, lens.

    The untrained twins become one row, the mean of their effects, with the lowest `low` and the
    highest `high` of any of them, so that the band covers seeds and texts. Columns: `series`,
    `block`, `value`, `low`, `high`.
    """
    rows = rows.loc[rows["head"].isna()] if "head" in rows else rows
    rows = rows.loc[rows["block"].notna()]
    runs = rows["run"] if "run" in rows else pd.Series("encoder", index=rows.index)
    series = runs.map(_series_of)
    frame = rows.loc[:, ["block", "low", "high"]].assign(series=series, value=rows[quantity])
    grouped = frame.groupby(["series", "block"], as_index=False)
    return grouped.agg({"value": "mean", "low": "min", "high": "max"})


def _series_of(run: str) -> str:
    if run.startswith("untrained"):
        return RUN_ORDER[1]
    if run == "lens":
        return SERIES[-1]
    return RUN_ORDER[2] if run.startswith("shuffled") else RUN_ORDER[0]


def along_blocks(
    table: pd.DataFrame,
    statistic: str,
    *,
    measure: str | None = None,
    cut: float | None = None,
    quantity: str = "effect",
    title: str | None = None,
) -> alt.LayerChart:
    """One statistic along the blocks: the encoder against its controls, with 95 % bands.

    The encoder's single heads are drawn as dots behind its line where the table has them; of what
    was learned, the encoder with its own head on every block (lens) is one line more. `quantity` is
    "effect" (observed / null, on a log scale around 1) or "value".
    """
    rows = rows_of(table, statistic, measure=measure, cut=cut)
    data = by_control(rows, quantity)
    dots = _head_dots(rows, quantity)
    picked = [i for i, name in enumerate(SERIES) if name in set(data["series"])]
    ratio = quantity == "effect" and bool((data["low"] > 0).all())
    if ratio:
        scale = ratio_scale()
        axis = ratio_axis("observed / null", data["low"], data["high"], dots["value"])
    else:
        scale = alt.Scale(zero=False, padding=12)
        axis = alt.Axis(title=title or statistic, tickCount=5, format=".3~g")
    layers: list[alt.Chart] = [line_at_one()] if ratio else []
    if len(dots):
        layers.append(
            alt.Chart(dots)
            .mark_circle(size=26, color=ACCENT, opacity=0.28)
            .encode(
                x=block_axis(),
                y=alt.Y("value:Q", scale=scale, axis=axis),
                tooltip=["block:Q", "head:Q", *interval_tooltip("value", quantity)],
            )
        )
    layers += curves(
        data,
        block_axis(),
        scale=scale,
        axis=axis,
        series=series_channels(
            "series:N",
            [SERIES[i] for i in picked],
            [SERIES_COLOURS[i] for i in picked],
            dashes=[SERIES_DASHES[i] for i in picked],
        ),
        tooltip=[
            alt.Tooltip("series:N", title="run"),
            alt.Tooltip("block:Q"),
            *interval_tooltip("value", quantity),
        ],
    )
    return configure(alt.layer(*layers).properties(width=560, height=230, title=title or statistic))


def _head_dots(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """The encoder's single heads: `block`, `head`, `value`, `low`, `high`; empty without any."""
    if "head" not in rows:
        return pd.DataFrame({"value": []})
    runs = rows["run"] if "run" in rows else pd.Series("encoder", index=rows.index)
    heads = rows.loc[rows["head"].notna() & (runs == "encoder") & rows[quantity].notna()]
    if quantity == "effect":
        heads = heads.loc[heads["effect"] > 0]
    dots = heads.loc[:, ["block", "head", "low", "high"]].assign(value=heads[quantity])
    return dots.astype({"head": int})


def compare_along_blocks(
    table: pd.DataFrame,
    statistics: Sequence[str],
    *,
    run: str = "encoder",
    title: str = "observed / null",
) -> alt.LayerChart:
    """Several statistics of one run along the blocks, each its own colour, with 95 % bands."""
    frames = []
    for statistic in statistics:
        rows = rows_of(table, statistic)
        rows = rows.loc[(rows["run"] == run) & rows["head"].isna()]
        frames.append(rows.loc[:, ["statistic", "block", "effect", "low", "high"]])
    data = pd.concat(frames, ignore_index=True)
    data = data.loc[data["low"] > 0]
    prefix = _shared_words(statistics)
    data["statistic"] = data["statistic"].str.removeprefix(prefix)
    names = [name.removeprefix(prefix) for name in statistics]
    lines = curves(
        data,
        block_axis(),
        value="effect",
        scale=ratio_scale(),
        axis=ratio_axis(title, data["low"], data["high"]),
        series=series_channels("statistic:N", names, CATEGORIES, columns=3),
        tooltip=[
            alt.Tooltip("statistic:N"),
            alt.Tooltip("block:Q"),
            *interval_tooltip("effect", "effect"),
        ],
    )
    return configure(alt.layer(line_at_one(), *lines).properties(width=560, height=280))


def _shared_words(names: Sequence[str]) -> str:
    """The words with which all names begin, as "attention to "; empty for a single name."""
    shared = names[0].split()[:-1] if len(names) > 1 else []
    while shared and not all(name.split()[: len(shared)] == shared for name in names):
        shared.pop()
    return " ".join([*shared, ""])


def sweep(table: pd.DataFrame) -> alt.FacetChart | None:
    """Each statistic along the blocks at every cut q of the high-similarity pairs.

    Small multiples, one a statistic, one line a cut; None where no statistic has several cuts.
    """
    rows = table.loc[(table["run"] == "encoder") & table["head"].isna() & table["cut"].notna()]
    counts = rows.groupby("statistic")["cut"].nunique()
    wanted = [name for name in counts.index if counts[name] > 1]
    rows = rows.loc[rows["statistic"].isin(wanted) & (rows["low"] > 0)]
    if rows.empty:
        return None
    rows = rows.drop_duplicates(["statistic", "cut", "block"])
    cuts = np.sort(rows["cut"].unique())
    data = rows.loc[:, ["statistic", "block", "effect", "low", "high"]].assign(
        cut=rows["cut"].map(lambda q: f"{100 * q:g} %")
    )
    shades = [SEQUENTIAL[2 + round(i * 3 / max(len(cuts) - 1, 1))] for i in range(len(cuts))]
    lines = curves(
        data,
        block_axis(),
        value="effect",
        scale=ratio_scale(8),
        axis=alt.Axis(title=None, format=".3~g", tickCount=4, minExtent=34),
        series=series_channels("cut:N", [f"{100 * q:g} %" for q in cuts], shades, title="cut q"),
        tooltip=[
            alt.Tooltip("statistic:N"),
            alt.Tooltip("cut:N"),
            alt.Tooltip("block:Q"),
            *interval_tooltip("effect", "effect"),
        ],
    )
    for layer in lines:
        layer.data = alt.Undefined  # the facets share their data
    chart = (
        alt.layer(*lines, data=data)
        .properties(width=318, height=150)
        .facet(facet=alt.Facet("statistic:N", title=None), columns=3)
        .resolve_scale(y="independent")
    )
    return configure(chart)
