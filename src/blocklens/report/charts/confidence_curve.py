"""Charts of a classifier's confidence: against input APT, and when tokens are replaced.

The tables are those of `blocklens.confidence.input_apt`.
"""

import altair as alt
import pandas as pd

from blocklens.confidence.independence import BOUND
from blocklens.errors import UserError
from blocklens.labels.tasks import FINE_TUNED
from blocklens.report.charts.curves import curves, interval_tooltip, series_channels
from blocklens.report.charts.style import ACCENT, CONTROL, configure

SUBSETS = {"all": "all answers", "correct": "right answers"}
ARMS = {
    "partner": "strong match partner",
    "random": "random, as frequent as the partner",
    "random, own frequency": "random, as frequent as the token",
}
COLOURS = (ACCENT, "#d9803c", CONTROL)
DASHES = ([1, 0], [6, 3], [2, 2])


def of_best_variant(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the fine-tuned model where there is one, else those of the read-outs."""
    if "task" not in table:
        return table
    tuned = (table["task"] == FINE_TUNED.name).to_numpy(dtype=bool)
    return table.loc[tuned] if tuned.any() else table


def confidence_curve(curve: pd.DataFrame) -> alt.LayerChart:
    """Mean confidence of inputs in bins of rising input APT, with 95 % bars.

    A dashed line is the mean of all answers, no change at all; the band around it is as high as the
    margin within which a change counts as none.

    `curve`: columns subset ("all", "correct"), x (mean input APT of the bin), value, low, high, n.

    Raises:
        UserError: the table has no rows.

    """
    rows = of_best_variant(curve)
    if rows.empty:
        raise UserError("no input has both a confidence and an APT: give more texts.")
    data = rows.loc[:, ["x", "value", "n"]].assign(
        answers=[SUBSETS[subset] for subset in rows["subset"]],
        low=rows["low"], high=rows["high"],
    )  # fmt: skip
    scale = alt.Scale(zero=False, padding=12)
    axis = alt.Axis(title="confidence", tickCount=5, format=".2~f")
    lines = curves(
        data,
        alt.X(
            "x:Q",
            title="input APT: mean accuracy per token of the input's tokens",
            scale=alt.Scale(zero=False, nice=False, padding=14),
            axis=alt.Axis(tickCount=6, format=".2~f"),
        ),
        scale=scale,
        axis=axis,
        series=series_channels("answers:N", list(SUBSETS.values()), COLOURS, dashes=DASHES),
        spread="bars",
        tooltip=[
            alt.Tooltip("answers:N"),
            alt.Tooltip("x:Q", title="input APT", format=".3f"),
            *interval_tooltip("value", "confidence", ".3f"),
            alt.Tooltip("n:Q", title="answers", format=","),
        ],
    )
    every = rows.loc[rows["subset"] == "all"]
    mean = float((every["value"] * every["n"]).sum() / every["n"].sum())
    flat = alt.Chart(
        pd.DataFrame({"mean": [mean], "low": [mean - BOUND / 2], "high": [mean + BOUND / 2]})
    )
    margin = flat.mark_rect(color=CONTROL, opacity=0.15).encode(
        y=alt.Y("low:Q", scale=scale, axis=axis), y2="high:Q"
    )
    none = flat.mark_rule(color=CONTROL, strokeDash=[4, 4]).encode(y="mean:Q")
    return configure(alt.layer(margin, none, *lines).properties(width=560, height=250))


def replacement(
    table: pd.DataFrame,
    statistic: str = "prediction change",
) -> alt.LayerChart:
    """How answers change as more tokens are replaced: by partners, and at random, 95 % bands.

    `table`: columns arm, tokens (share of all tokens replaced), statistic, value, low, high.

    Raises:
        UserError: the table has no such statistic.

    """
    rows = of_best_variant(table)
    rows = rows.loc[(rows["statistic"] == statistic) & rows["arm"].isin(list(ARMS))]
    if rows.empty:
        known = ", ".join(sorted(table["statistic"].unique()))
        raise UserError(f"{statistic!r} is not in the table: pick one of {known}.")
    data = rows.loc[:, ["tokens", "share", "value", "low", "high"]].assign(
        tokens_replaced=[ARMS[arm] for arm in rows["arm"]]
    )
    lines = curves(
        data,
        alt.X(
            "tokens:Q",
            title="share of the input's tokens replaced",
            scale=alt.Scale(nice=False, zero=True, padding=8),
            axis=alt.Axis(format=".1~%", tickCount=5),
        ),
        scale=alt.Scale(zero=False, padding=10),
        axis=alt.Axis(title=statistic, tickCount=5, format=".3~f"),
        series=series_channels(
            "tokens_replaced:N", list(ARMS.values()), COLOURS,
            dashes=DASHES, title="replaced by", columns=1,
        ),
        tooltip=[
            alt.Tooltip("tokens_replaced:N", title="replaced by"),
            alt.Tooltip("share:Q", title="of the tokens with a partner", format=".0%"),
            *interval_tooltip("value", statistic, ".3f"),
        ],
    )  # fmt: skip
    return configure(alt.layer(*lines).properties(width=560, height=250))
