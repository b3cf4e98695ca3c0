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

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from blocklens.heads.pairs import NEAR, REPEATED, SAME_SENTENCE
from blocklens.heads.ratios import GROUPS, Ratios

if TYPE_CHECKING:
    from blocklens.heads.anchors import Anchors
    from blocklens.heads.view import View

SCORES = ("repetition", "anchor", "anchor context", "local", "same sentence")
STATISTICS = (*SCORES, "noise")

HAS_ANCHOR, NEAR_ANCHOR = np.array([8, 16], dtype=np.uint8)
"""Kinds of a pair, as bits beside those of `pairs`: a member is an anchor, or stands near one."""

KINDS = 32
"""What a pair can be in all: every sum of those bits."""


class Scores:
    """How many high pairs of each kind every head has.

    Attributes:
        anchors: the heads' anchors.
        counts: pairs of each kind, in the order of STATISTICS, int [heads, cuts, statistics].

    """

    def __init__(self, anchors: Anchors) -> None:
        pairs = anchors.pairs
        tokens = pairs.table.tokens
        self.anchors = anchors
        self.counts = np.empty((pairs.heads, pairs.cuts, len(STATISTICS)), dtype=np.int64)
        own = pairs.table.kinds[pairs.pair]
        first, second = pairs.head * tokens + pairs.first, pairs.head * tokens + pairs.second
        for cut in range(pairs.cuts):  # each cut has anchors of its own
            inside = slice(None) if cut == pairs.cuts - 1 else np.flatnonzero(pairs.cut <= cut)
            near = anchors.in_context[:, cut] * NEAR_ANCHOR
            marks = (anchors.is_anchor[:, cut] * HAS_ANCHOR | near).ravel()
            kinds = own[inside] | marks[first[inside]] | marks[second[inside]]
            found = np.bincount(
                pairs.head[inside] * KINDS + kinds, minlength=pairs.heads * KINDS
            ).reshape(pairs.heads, KINDS)
            self.counts[:, cut] = found @ statistics_of_kinds()

    def of(self, statistic: str) -> np.ndarray:
        """Pairs of one kind, int [heads, cuts]."""
        return self.counts[:, :, STATISTICS.index(statistic)]


@cache
def statistics_of_kinds() -> np.ndarray:
    """What counts for which statistic, 0 or 1, [KINDS, statistics]."""
    kinds = np.arange(KINDS, dtype=np.uint8)
    bits = (REPEATED, HAS_ANCHOR, NEAR_ANCHOR, NEAR, SAME_SENTENCE)
    noise = kinds & (REPEATED | HAS_ANCHOR | NEAR | SAME_SENTENCE) == 0
    return np.stack([*(kinds & bit > 0 for bit in bits), noise], axis=1).astype(np.int64)


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
        number = view.pairs.number[:, :, None]
        expected = null_shares(view) * number
        self.ratios.add(view.group, view.block, view.scores.counts, expected, number)

    def merge(self, other: Specialisation) -> None:
        """Add the sums of other texts."""
        self.ratios.merge(other.ratios)

    def table(self) -> pd.DataFrame:
        """Scores per block and head, see `Ratios.table`."""
        return self.ratios.table()


def null_shares(view: View) -> np.ndarray:
    """Share of each kind under its null, [cuts, statistics]; the same for every block."""
    known = view.tokens.cache
    if "null shares" not in known:
        random, table = view.random_scores, view.table
        shares = random.counts.sum(axis=0) / random.anchors.pairs.number.sum(axis=0)[:, None]
        of_all = {"repetition": REPEATED, "local": NEAR, "same sentence": SAME_SENTENCE}
        for statistic, kind in of_all.items():
            shares[:, STATISTICS.index(statistic)] = table.shares[kind]
        known["null shares"] = shares
    return known["null shares"]


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
