"""Charts of class read-outs: the confusion matrix of a block.

The tables are those of `blocklens.labels.class_tables`; text classes and image classes alike.
"""

import altair as alt
import numpy as np
import pandas as pd

from blocklens.errors import UserError
from blocklens.report.charts.style import INK, SEQUENTIAL, configure
from blocklens.report.charts.token_accuracy import block_rows
from blocklens.wording import counted

MOST_WRITTEN = 20
"""Classes up to which the shares are written into the matrix."""

MOST_CLASSES = 60
"""Classes that are drawn: of more, those with the most confusions."""


def class_confusion(
    confusion: pd.DataFrame,
    names: list[str],
    *,
    block: int | None = None,
    run: str = "encoder",
    most: int = MOST_CLASSES,
) -> alt.LayerChart:
    """Confusion matrix of one block: rows are true classes, columns predicted ones.

    Each row is divided by its sum, so its diagonal is the accuracy of the class; colours follow the
    square root, so that rare confusions stay visible.

    Args:
        confusion: columns run, block, true, predicted (class numbers) and count.
        names: name of every class in order.
        block: the block; default the last.
        run: the run.
        most: of more classes, as many as this are drawn: those with the largest share of confusions
            in their row and column together.

    Raises:
        UserError: the table has no such run or block, or the names do not fit it.

    """
    rows = block_rows(confusion, block, run)
    if int(rows[["true", "predicted"]].to_numpy().max()) >= len(names):
        raise UserError(
            f"{counted(len(names), 'class name')} for more classes: give one for each class of the "
            "confusion table."
        )
    sums = rows.groupby("true")["count"].transform("sum")
    cells = rows.assign(share=rows["count"] / sums)
    chosen = most_confused(cells, len(names), most)
    cells = cells.loc[cells["true"].isin(chosen) & cells["predicted"].isin(chosen)]
    named = np.array(names, dtype=object)
    order = [names[number] for number in chosen]
    data = pd.DataFrame(
        {
            "true": named[cells["true"].to_numpy()],
            "predicted": named[cells["predicted"].to_numpy()],
            "share": cells["share"].to_numpy(),
            "count": cells["count"].to_numpy(),
        }
    )
    data["root"] = np.sqrt(data["share"])
    data["ink"] = np.where(data["share"] > 0.2, "white", INK)
    rotated = max(map(len, order)) > 3
    base = alt.Chart(data).encode(
        x=alt.X(
            "predicted:O",
            title="predicted class",
            scale=alt.Scale(domain=order),
            axis=alt.Axis(
                orient="top", labelAngle=-90 if rotated else 0, labelLimit=120, grid=False
            ),
        ),
        y=alt.Y(
            "true:O",
            title="true class",
            scale=alt.Scale(domain=order),
            axis=alt.Axis(labelLimit=120),
        ),
        tooltip=[
            alt.Tooltip("true:N", title="true class"),
            alt.Tooltip("predicted:N", title="predicted"),
            alt.Tooltip("share:Q", title="share of the class", format=".1%"),
            alt.Tooltip("count:Q", format=","),
        ],
    )
    colour = alt.Color(
        "root:Q",
        scale=alt.Scale(domain=list(np.linspace(0, 1, len(SEQUENTIAL))), range=list(SEQUENTIAL)),
        legend=None,
    )
    layers = [base.mark_rect(stroke="white", strokeWidth=0.5).encode(color=colour)]
    n = len(order)
    if n <= MOST_WRITTEN:
        written = base.transform_filter(alt.datum.share >= 0.005).transform_calculate(
            per_cent="format(100 * datum.share, '.0f')"
        )
        layers.append(
            written.mark_text(fontSize=10).encode(
                text="per_cent:N", color=alt.Color("ink:N", scale=None)
            )
        )
    height = n * int(np.clip(480 / n, 9, 34))
    chart = alt.layer(*layers).resolve_scale(color="independent")
    return configure(chart.properties(width=560, height=height))


def most_confused(cells: pd.DataFrame, classes: int, most: int) -> list[int]:
    """The `most` classes with the largest sum of confusions, in class order; all if no more."""
    if classes <= most:
        return list(range(classes))
    wrong = cells.loc[cells["true"] != cells["predicted"]]
    total = np.zeros(classes)
    for side in ("true", "predicted"):
        np.add.at(total, wrong[side].to_numpy(), wrong["share"].to_numpy())
    return sorted(np.argsort(-total, kind="stable")[:most].tolist())
