"""Head specialisation: what kind of pairs a head's high pairs are, against the same texts' pairs.

Five scores, each a share of the high pairs (docs/definitions.md: head specialisation; that heads
specialise in repetitions, and in a common token and its context, is P1's statement; the scores and
nulls are ours):

    repetition      both tokens are the same type           null: all pairs of the text
    anchor          a member is the head's anchor           null: random pairs and their own anchor
    anchor context  a member stands within 2 of an anchor   null: random pairs and their own anchor
    local           at most 5 tokens apart                  null: all pairs
    same sentence   both in one sentence                    null: all pairs

and `noise`, the share that is none of repetition, anchor, local and same sentence (a review of P1
speaks of noise; the formula is ours). A head's label is the score with the largest ratio to its
null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from blocklens.measures.pairs import Pairs
from blocklens.measures.ratios import GROUPS, Ratios

if TYPE_CHECKING:
    from blocklens.measures.anchors import Anchors
    from blocklens.measures.view import View

SCORES = ("repetition", "anchor", "anchor context", "local", "same sentence")
STATISTICS = (*SCORES, "noise")


class Scores:
    """How many high pairs of each kind every head has, int [heads, cuts] each.

    Attributes:
        anchors: the heads' anchors.
        number: all high pairs.
        counts: by the names of STATISTICS.

    """

    def __init__(self, anchors: Anchors) -> None:
        pairs, table = anchors.pairs, anchors.pairs.table
        self.anchors = anchors
        self.number = pairs.count()
        repetition = table.equal[pairs.pair]
        local = table.local[pairs.pair]
        same = table.same_sentence[pairs.pair]
        self.counts = {
            "repetition": pairs.count(repetition),
            "local": pairs.count(local),
            "same sentence": pairs.count(same),
        }
        self.counts |= self._anchor_counts(pairs, repetition | local | same)

    def _anchor_counts(self, pairs: Pairs, explained: np.ndarray) -> dict[str, np.ndarray]:
        """Counts that ask for the anchor, which is another one at each cut."""
        shape = (pairs.heads, pairs.cuts)
        found = {name: np.zeros(shape, np.int64) for name in ("anchor", "anchor context", "noise")}
        tokens = pairs.table.tokens
        for cut in range(pairs.cuts):
            inside = slice(None) if cut == pairs.cuts - 1 else np.flatnonzero(pairs.cut <= cut)
            head, pair = pairs.head[inside], pairs.pair[inside]
            first = head * tokens + pairs.table.first[pair]
            second = head * tokens + pairs.table.second[pair]
            is_anchor = self.anchors.is_anchor[:, cut].ravel()
            in_context = self.anchors.in_context[:, cut].ravel()
            anchor = is_anchor[first] | is_anchor[second]
            kinds = {
                "anchor": anchor,
                "anchor context": in_context[first] | in_context[second],
                "noise": ~(anchor | explained[inside]),
            }
            for name, which in kinds.items():
                found[name][:, cut] = np.bincount(head[which], minlength=pairs.heads)
        return found

    def stacked(self) -> np.ndarray:
        """Counts in the order of STATISTICS, [heads, cuts, statistics]."""
        return np.stack([self.counts[name] for name in STATISTICS], axis=-1)


class Specialisation:
    """Streaming sums of the scores of every head.

    Args:
        blocks: number of blocks.
        heads: number of heads.
        cuts: all cuts.
        groups: number of groups of texts.

    """

    name = "specialisation"

    def __init__(
        self, *, blocks: int, heads: int, cuts: tuple[float, ...], groups: int = GROUPS
    ) -> None:
        self.ratios = Ratios(
            self.name, STATISTICS, blocks=blocks, heads=heads, cuts=cuts, groups=groups
        )

    def update(self, view: View) -> None:
        """Add one block of one window."""
        number = view.scores.number[:, :, None]
        expected = null_shares(view) * number
        self.ratios.add(view.group, view.block, view.scores.stacked(), expected, number)

    def merge(self, other: Specialisation) -> None:
        """Add the sums of other texts."""
        self.ratios.merge(other.ratios)

    def table(self) -> pd.DataFrame:
        """Scores per block and head, see `Ratios.table`."""
        return self.ratios.table()


def null_shares(view: View) -> np.ndarray:
    """Share of each kind under its null, [cuts, statistics]; the same for every block."""
    cache = view.tokens.cache
    if "null shares" not in cache:
        random, table = view.random_scores, view.table
        shares = random.stacked().sum(axis=0) / random.number.sum(axis=0)[:, None]
        for column, kind in ((0, table.equal), (3, table.local), (4, table.same_sentence)):
            shares[:, column] = kind.mean()
        cache["null shares"] = shares
    return cache["null shares"]


def labels(table: pd.DataFrame) -> pd.DataFrame:
    """The label of every head: its score with the largest ratio to the null.

    Args:
        table: rows of one run and one cut of the specialisation measure.

    Returns:
        block, head, label, ratio, low, high, runner_up, runner_up_ratio. The label is "none" where
        no ratio is above 1.

    """
    rows = table.loc[table["head"].notna() & table["statistic"].isin(SCORES)]
    rows = rows.sort_values(["block", "head", "effect"], ascending=[True, True, False])
    found = []
    for _, part in rows.groupby(["block", "head"], sort=True):
        best, second = part.iloc[0], part.iloc[1]
        label = best["statistic"] if best["effect"] > 1 else "none"
        found.append(
            (best["block"], best["head"], label, best["effect"], best["low"], best["high"],
             second["statistic"], second["effect"])
        )  # fmt: skip
    columns = ["block", "head", "label", "ratio", "low", "high", "runner_up", "runner_up_ratio"]
    return pd.DataFrame(found, columns=columns)
