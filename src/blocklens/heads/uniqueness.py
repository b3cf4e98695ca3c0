"""Uniqueness: distinct anchors of a block's heads, divided by the number of heads.

With ties it is at most 1 (docs/definitions.md: anchor token and uniqueness). The bare figure proves
nothing, so random pairs go through the same code as a null, and an untrained encoder through the
whole of it (ours).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from blocklens.heads.head_options import HeadOptions
from blocklens.heads.streaming import HeadMeasure, Shape
from blocklens.heads.view import View


class Uniqueness(HeadMeasure):
    """Streaming sums of uniqueness, and how often each token is a head's anchor."""

    name = "anchors"
    statistics = ("uniqueness", "uniqueness, frequency-normalised")
    whole_blocks = True

    def __init__(self, shape: Shape, options: HeadOptions) -> None:
        super().__init__(shape, options)
        # Dense: constant in the number of texts, and untouched pages cost nothing.
        self.kept["texts"] = np.zeros((shape.blocks, shape.heads, shape.vocabulary), np.int32)

    def update(self, view: View) -> None:
        """Add one block of one window."""
        observed, expected = (
            np.stack(
                [of.distinct(of.anchor), of.distinct(of.normalised_anchor)], axis=-1
            )  # [cuts, statistics]
            for of in (view.anchors, view.random_kinds.anchors)
        )
        self.ratios.add(view.group, view.block, observed, expected, np.asarray(self.shape.heads))
        head, kind = np.nonzero(view.anchors.anchor[:, self.options.default_cut])
        self.kept["texts"][view.block - 1, head, view.table.type_ids[kind]] += 1

    def tokens(self, most: int = 10) -> pd.DataFrame:
        """Every head's most frequent anchors: block, head, token_id, texts, share.

        `texts` is in how many windows the token is the head's anchor, `share` that number over all
        anchors of the head.
        """
        rows = []
        for block, head in np.ndindex(self.shape.blocks, self.shape.heads):
            counts = self.kept["texts"][block, head]
            used = np.flatnonzero(counts)
            used = used[np.lexsort((used, -counts[used]))][:most]
            total = counts.sum()
            rows += [(block + 1, head, int(t), int(counts[t]), counts[t] / total) for t in used]
        return pd.DataFrame(rows, columns=["block", "head", "token_id", "texts", "share"])
