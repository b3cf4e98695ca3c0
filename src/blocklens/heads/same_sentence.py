"""Same-sentence preference: high pairs in one sentence, beyond what nearness explains.

Near tokens share a sentence anyway, so there are two nulls (docs/definitions.md: same-sentence
preference; the preference is P1's statement, the nulls are ours): (a) all pairs of the text; (b)
the distance-matched null, the sentence labels shifted circularly, whose mean over all shifts is
exact: the sum over delta of h(delta) p(delta), with h the head's own distances. Texts of one
sentence say nothing here and are left out. A number of drawn shifts, if asked for, gives the spread
of null b.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from blocklens.heads.pairs import SAME_SENTENCE
from blocklens.heads.ratios import GROUPS, Ratios

if TYPE_CHECKING:
    from blocklens.heads.view import View

STATISTICS = ("same sentence", "same sentence, distance matched")


class SameSentence:
    """Streaming sums of high pairs within one sentence.

    Args:
        blocks: number of blocks.
        heads: number of heads.
        cuts: all cuts.
        default_cut: index of the cut whose shifts are drawn.
        shifts: number of circular shifts drawn for each text.
        groups: number of groups of texts.

    """

    name = "sentences"

    def __init__(
        self,
        *,
        blocks: int,
        heads: int,
        cuts: tuple[float, ...],
        default_cut: int,
        shifts: int = 0,
        groups: int = GROUPS,
    ) -> None:
        self.ratios = Ratios(
            self.name, STATISTICS, blocks=blocks, heads=heads, cuts=cuts, groups=groups
        )
        self.default_cut = default_cut
        self.shifted = np.zeros((blocks, heads, shifts), dtype=np.int64)

    def update(self, view: View) -> None:
        """Add one block of one window."""
        pairs, table = view.pairs, view.table
        if table.sentences[0] == table.sentences[-1]:
            return
        number = pairs.number[:, :, None]
        same = view.scores.of("same sentence")
        matched = pairs.distances @ table.sentence_shares
        self.ratios.add(
            view.group,
            view.block,
            same[:, :, None],
            np.stack([pairs.number * table.shares[SAME_SENTENCE], matched], axis=-1),
            number,
        )
        if self.shifted.shape[2]:
            self.shifted[view.block - 1] += self._draw(view)

    def _draw(self, view: View) -> np.ndarray:
        """High pairs within a shifted sentence, [heads, shifts]; the same shifts in every block."""
        pairs, table = view.pairs, view.table
        inside = pairs.cut <= self.default_cut
        head, first, second = pairs.head[inside], pairs.first[inside], pairs.second[inside]
        shifts = view.tokens.rng(purpose=2).integers(table.tokens, size=self.shifted.shape[2])
        found = np.empty(self.shifted.shape[1:], dtype=np.int64)
        for column, shift in enumerate(shifts):
            sentences = np.roll(table.sentences, shift)
            same = sentences[first] == sentences[second]
            found[:, column] = np.bincount(head[same], minlength=pairs.heads)
        return found

    def merge(self, other: SameSentence) -> None:
        """Add the sums of other texts."""
        self.ratios.merge(other.ratios)
        self.shifted += other.shifted

    def table(self) -> pd.DataFrame:
        """Both nulls per block and head, see `Ratios.table`.

        With drawn shifts, `null_low` and `null_high` bound the middle 95 % of null b over the
        draws.
        """
        frame = self.ratios.table()
        if not self.shifted.shape[2]:
            return frame
        weight = self.ratios.weight[..., self.default_cut, 1].sum(axis=0)
        ends = np.percentile(self.shifted / weight[:, :, None], (2.5, 97.5), axis=2)
        chosen = (frame["statistic"] == STATISTICS[1]) & frame["head"].notna()
        chosen &= frame["cut"] == self.ratios.cuts[self.default_cut]
        places = (frame.loc[chosen, "block"] - 1, frame.loc[chosen, "head"].astype(int))
        for name, values in zip(("null_low", "null_high"), ends, strict=True):
            frame.loc[chosen, name] = values[places]
        return frame
