"""Boundary strength along a text, to be looked at."""

from __future__ import annotations

import altair as alt

from blocklens.segmentation.segment import Segmentation


def boundary_chart(segmentation: Segmentation, *, width: int = 640, height: int = 160) -> alt.Chart:
    """Strength of every border along the text, the cuts marked, the sentences shown on hover.

    Args:
        segmentation: what `segment` returned.
        width: in pixels.
        height: in pixels.

    """
    table = segmentation.borders()
    table["kind"] = ["cut" if cut else "no cut" for cut in table["cut"]]
    return (
        alt.Chart(table, title="How strong the border after each sentence is")
        .mark_bar()
        .encode(
            x=alt.X("border:Q", title="sentences before the border"),
            y=alt.Y("strength:Q", title="strength, standard deviations"),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=["cut", "no cut"], range=["#b3261e", "#9aa5b1"]),
            ),
            size=alt.value(max(1.0, min(8.0, 0.7 * width / max(1, len(table))))),
            tooltip=[
                alt.Tooltip("border:Q"),
                alt.Tooltip("strength:Q", format=".2f"),
                alt.Tooltip("before:N"),
                alt.Tooltip("after:N"),
            ],
        )
        .properties(width=width, height=height)
    )
