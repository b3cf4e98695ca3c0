"""Head specialisation: what kind of pairs a head's high pairs are, against the same texts' pairs.

Each kind's share of the high pairs (`kinds_of_pairs`), against its null: all pairs of the text for
repetition, local and same sentence; random pairs with their own anchor for anchor and noise; all
pairs without the anchor for anchor context. A head's label is the kind, noise apart, with the
largest ratio to its null (docs/definitions.md: head specialisation; that heads specialise in
repetitions, and in a common token and its context, is P1's statement; the scores and nulls are
ours).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float

from blocklens.heads.kinds_of_pairs import KINDS_OF_PAIRS
from blocklens.heads.pairs import NEAR, REPEATED, SAME_SENTENCE
from blocklens.heads.streaming import HeadMeasure
from blocklens.heads.view import View

SCORES = KINDS_OF_PAIRS[:-1]
CONTEXT = KINDS_OF_PAIRS.index("anchor context")
OF_SENTENCES = ("same sentence", "noise")
OF_ALL_PAIRS = {"repetition": REPEATED, "local": NEAR, "same sentence": SAME_SENTENCE}


class Specialisation(HeadMeasure):
    """Streaming sums of the kinds of every head's high pairs."""

    name = "specialisation"
    statistics = KINDS_OF_PAIRS

    def update(self, view: View) -> None:
        """Add one block of one window."""
        number = view.pairs.number
        count = np.repeat(number[:, :, None], len(KINDS_OF_PAIRS), axis=2)  # [heads, cuts, kinds]
        shares = np.broadcast_to(null_shares(view), count.shape).copy()
        # A head's anchor is what its pairs hold most, which says nothing of the pairs without it.
        count[:, :, CONTEXT] = number - view.kinds.of("anchor")
        shares[:, :, CONTEXT] = view.kinds.near_anchor
        expected = shares * count
        # What is said of sentences leaves out texts of one.
        several = view.table.sentences[0] != view.table.sentences[-1]
        said = np.array([several or kind not in OF_SENTENCES for kind in KINDS_OF_PAIRS])
        self.ratios.add(
            view.group, view.block, view.kinds.counts * said, expected * said, count * said
        )


def null_shares(view: View) -> Float[np.ndarray, "*heads cuts kinds"]:
    """Share of each kind under its null; the same for every block.

    With a relative cut each head has its own number of pairs, and so shares of its own.
    """
    known, own = view.tokens.cache, view.options.rule == "relative"
    if "null shares" not in known or own:
        random = view.random_kinds
        counts, number = random.counts, random.anchors.pairs.number
        if not own:
            counts, number = counts.sum(axis=0), number.sum(axis=0)
        shares = counts / np.maximum(number, 1)[..., None]
        for kind, bit in OF_ALL_PAIRS.items():
            shares[..., KINDS_OF_PAIRS.index(kind)] = view.table.shares[bit]
        known["null shares"] = shares
    return known["null shares"]


def labels(table: pd.DataFrame, twins: pd.DataFrame | None = None) -> pd.DataFrame:
    """The label of every head: its score with the largest ratio to the null.

    Args:
        table: rows of one run and one cut of the specialisation measure.
        twins: the same of untrained encoders. Heads of random weights have a largest ratio too, so
            a score counts only where its whole interval lies above that of every head of theirs in
            the same block.

    Returns:
        block, head, label, ratio, low, high, runner_up, runner_up_ratio. The label is "none" where
        no score counts; without twins, where no ratio is above 1.

    """
    rows = table.loc[table["head"].notna() & table["statistic"].isin(SCORES)]
    rows = rows.sort_values(["block", "head", "effect"], ascending=[True, True, False])
    if twins is None:
        counts = rows["effect"] > 1
    else:
        of_heads = twins.loc[twins["head"].notna()]
        highest = of_heads.groupby(["block", "statistic"])["effect"].max().rename("highest")
        beside = rows.join(highest, on=["block", "statistic"])["highest"]
        counts = (rows["effect"] > 1) & (rows["low"] > beside)
    labelled = []
    for _, of_head in rows.assign(counts=counts).groupby(["block", "head"], sort=True):
        first = of_head.loc[of_head["counts"]] if of_head["counts"].any() else of_head
        best = first.iloc[0]
        second = of_head.loc[of_head["statistic"] != best["statistic"]].iloc[0]
        label = best["statistic"] if best["counts"] else "none"
        labelled.append(
            (best["block"], best["head"], label, best["effect"], best["low"], best["high"],
             second["statistic"], second["effect"])
        )  # fmt: skip
    columns = ["block", "head", "label", "ratio", "low", "high", "runner_up", "runner_up_ratio"]
    return pd.DataFrame(labelled, columns=columns)


def labels_beyond_twins(heads: pd.DataFrame, cut: float) -> pd.DataFrame:
    """The labels of all runs' heads beside untrained twins; a twin's beside the others.

    Args:
        heads: the table of all runs, with a column `run`.
        cut: the chosen cut.

    """
    rows = heads.loc[heads["measure"].eq("specialisation") & heads["cut"].eq(cut)]
    frames = []
    for run in rows["run"].unique():
        twins = rows.loc[rows["run"].str.startswith("untrained") & (rows["run"] != run)]
        of_run = labels(rows.loc[rows["run"] == run], None if twins.empty else twins)
        of_run.insert(0, "run", run)
        frames.append(of_run)
    return pd.concat(frames, ignore_index=True)
