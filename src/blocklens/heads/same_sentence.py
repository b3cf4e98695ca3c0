"""Same-sentence preference: high pairs in one sentence, beyond what nearness explains.

Near tokens share a sentence anyway, so there are two nulls (docs/definitions.md: same-sentence
preference; the preference is P1's statement, the nulls are ours): (a) all pairs of the text; (b)
the distance-matched null, the sentence labels shifted circularly, whose mean over all shifts is
exact: the sum over delta of h(delta) p(delta), with h the head's own distances. Texts of one
sentence say nothing here and are left out. A number of drawn shifts, if asked for, gives the spread
of null b.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Int

from blocklens.heads.head_options import HeadOptions
from blocklens.heads.pairs import SAME_SENTENCE
from blocklens.heads.streaming import HeadMeasure, Shape
from blocklens.heads.view import View

MATCHED = "same sentence, distance matched"


class SameSentence(HeadMeasure):
    """Streaming sums of high pairs within one sentence, and within a shifted one."""

    name = "sentences"
    statistics = ("same sentence", MATCHED)

    def __init__(self, shape: Shape, options: HeadOptions) -> None:
        super().__init__(shape, options)
        self.kept["shifted"] = np.zeros((shape.blocks, shape.heads, options.shifts), np.int64)

    def update(self, view: View) -> None:
        """Add one block of one window."""
        pairs, table = view.pairs, view.table
        if table.sentences[0] == table.sentences[-1]:
            return
        count = pairs.number[:, :, None]
        same = view.kinds.of("same sentence")
        matched = pairs.distances @ table.sentence_shares
        self.ratios.add(
            view.group,
            view.block,
            same[:, :, None],
            np.stack([pairs.number * table.shares[SAME_SENTENCE], matched], axis=-1),
            count,
        )
        if self.options.shifts:
            self.kept["shifted"][view.block - 1] += self._draw(view)

    def _draw(self, view: View) -> Int[np.ndarray, "heads shifts"]:
        """High pairs within a shifted sentence; the same shifts in every block."""
        pairs, table = view.pairs, view.table
        inside = pairs.cut <= self.options.default_cut
        head, first, second = pairs.head[inside], pairs.first[inside], pairs.second[inside]
        shifts = view.tokens.rng(purpose=2).integers(table.tokens, size=self.options.shifts)
        counts = np.empty((pairs.heads, len(shifts)), dtype=np.int64)
        for column, shift in enumerate(shifts):
            sentences = np.roll(table.sentences, shift)
            same = sentences[first] == sentences[second]
            counts[:, column] = np.bincount(head[same], minlength=pairs.heads)
        return counts

    def table(self) -> pd.DataFrame:
        """Both nulls per block and head, see `Ratios.table`.

        With drawn shifts, `null_low` and `null_high` bound the middle 95 % of null b over the
        draws.
        """
        frame = self.ratios.table()
        if not self.options.shifts:
            return frame
        weight = self.ratios.weight[..., self.options.default_cut, 1].sum(axis=0)
        ends = np.percentile(self.kept["shifted"] / weight[:, :, None], (2.5, 97.5), axis=2)
        chosen = (frame["statistic"] == MATCHED) & frame["head"].notna()
        chosen &= frame["cut"] == self.options.cut
        places = (frame.loc[chosen, "block"] - 1, frame.loc[chosen, "head"].astype(int))
        for name, values in zip(("null_low", "null_high"), ends, strict=True):
            frame.loc[chosen, name] = values[places]
        return frame
