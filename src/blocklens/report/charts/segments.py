"""Charts of a segmented text, and of how good ways to segment are.

The tables are `Segmentation.sentences()` and `blocklens.segmentation.summarise`.
"""

import altair as alt
import numpy as np
import pandas as pd

from blocklens.report.charts.style import ACCENT, CONTROL, configure

SHOWN = 160
"""Characters of a sentence that a border's tooltip shows."""
HERE = "segment ends here"


def boundaries(sentences: pd.DataFrame) -> alt.LayerChart:
    """Strength of the border after each sentence along one text, with the ends of segments marked.

    `sentences` has a row a sentence: `sentence`, `strength` (standard deviations from the text's
    mean; missing for the last), `cut`, `content`. Hovering shows the sentences on both sides.
    """
    content = sentences["content"].to_numpy(dtype=object)
    table = pd.DataFrame(
        {
            "border": sentences["sentence"].to_numpy()[1:],
            "strength": sentences["strength"].to_numpy()[:-1],
            "kind": np.where(sentences["cut"].to_numpy()[:-1], HERE, "within a segment"),
            "before": [shortened(str(one), end=True) for one in content[:-1]],
            "after": [shortened(str(one)) for one in content[1:]],
        }
    )
    thick = float(np.clip(630 / max(1, len(table)), 1.0, 14.0))
    colour = alt.Color(
        "kind:N",
        title=None,
        scale=alt.Scale(domain=[HERE, "within a segment"], range=[ACCENT, "#a9b4be"]),
    )
    base = alt.Chart(table).encode(
        x=alt.X(
            "border:Q",
            title="sentences before the border",
            scale=alt.Scale(nice=False, padding=8, zero=False),
            axis=alt.Axis(format="d", tickMinStep=1),
        ),
        y=alt.Y("strength:Q", title="strength, s.d."),
        color=colour,
        tooltip=[
            alt.Tooltip("before:N"),
            alt.Tooltip("after:N"),
            alt.Tooltip("strength:Q", format=".2f"),
            alt.Tooltip("border:Q", title="sentences before"),
        ],
    )
    # A segment may end where the strength is near 0: its point shows where no bar can.
    ends = base.transform_filter(alt.datum.kind == HERE).mark_point(filled=True, size=46, opacity=1)
    return configure(alt.layer(base.mark_bar(size=thick), ends).properties(width=900, height=180))


def shortened(sentence: str, *, end: bool = False) -> str:
    """A sentence on one line, its end or its beginning where it is long."""
    sentence = " ".join(sentence.split())
    if len(sentence) <= SHOWN:
        return sentence
    return f"… {sentence[-SHOWN:]}" if end else f"{sentence[:SHOWN]} …"


def segmentation_scores(
    summary: pd.DataFrame, *, known: bool, baselines: tuple[str, ...] = ()
) -> alt.LayerChart:
    """Mean Pk of every way to segment with its 95 % interval, best first; baselines in grey.

    `summary` has a row for each `method` and `known` with `pk`, `pk_low`, `pk_high`. `known` picks
    the rows where the number of segments was given, or not.
    """
    rows = summary.loc[summary["known"] == known].sort_values("pk", kind="stable")
    kinds = ["with the encoder", "baseline"]
    starts = tuple(f"{name} " for name in baselines)
    is_baseline = rows["method"].isin(baselines) | rows["method"].str.startswith(starts or ("\0",))
    rows = rows.assign(kind=np.where(is_baseline, kinds[1], kinds[0]))
    base = alt.Chart(rows).encode(
        y=alt.Y("method:N", sort=None, title=None),
        color=alt.Color(
            "kind:N", title=None, scale=alt.Scale(domain=kinds, range=[ACCENT, CONTROL])
        ),
    )
    x_axis = alt.Axis(title="Pk (0 is perfect), 95 % interval", grid=True, tickCount=6)
    scale = alt.Scale(domainMin=0, nice=True)
    tooltip = [
        "method:N",
        *[alt.Tooltip(f"{n}:Q", format=".3f") for n in ("pk", "pk_low", "pk_high")],
    ]
    drawn = alt.layer(
        base.mark_rule(strokeWidth=2.4).encode(
            x=alt.X("pk_low:Q", axis=x_axis, scale=scale), x2="pk_high:Q"
        ),
        base.mark_point(filled=True, size=70, opacity=1).encode(x="pk:Q", tooltip=tooltip),
    )
    return configure(drawn.properties(width=460, height=alt.Step(26)))
