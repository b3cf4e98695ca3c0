"""P1's statements about attention heads (arXiv 2512.21956), each tested on the study's sums.

The statements are the paper's, in our words. How each is made a number, which blocks are "final",
and which control it must beat are ours, and stand in each claim's `choices`.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from blocklens.claims.registry import Estimate, Finding, Tables, claim
from blocklens.heads.ratios import resampling_weights

UNTRAINED = "untrained"
SHUFFLED = "shuffled"
FINAL_THIRD = "The final blocks are the last third (ours)."


class Run:
    """One run's sums of one statistic, to be resampled by groups of texts.

    Attributes:
        observed: [groups, blocks, heads].
        expected: the same, under the null.
        blocks: number of blocks.

    """

    def __init__(self, rows: pd.DataFrame) -> None:
        group = np.unique(rows["group"], return_inverse=True)[1]
        block = rows["block"].to_numpy(np.int64) - 1
        head = rows["head"].fillna(0).to_numpy(np.int64)  # a statistic of the block has no head
        groups, self.blocks = group.max() + 1, int(block.max()) + 1
        self.observed = np.zeros((groups, self.blocks, head.max() + 1))
        self.expected = np.zeros_like(self.observed)
        self.observed[group, block, head] = rows["observed"]
        self.expected[group, block, head] = rows["expected"]
        draws = resampling_weights(groups) if groups > 1 else np.empty((0, groups))
        self.draws = np.vstack([np.ones(groups), draws])

    @property
    def third(self) -> int:
        """Number of blocks in a third, at least one."""
        return max(1, round(self.blocks / 3))

    def effect(self, blocks: slice = slice(None)) -> np.ndarray:
        """Observed / expected over some blocks and all heads, [1 + resamples]."""
        observed = self.observed[:, blocks].sum(axis=(1, 2))
        expected = self.expected[:, blocks].sum(axis=(1, 2))
        return (self.draws @ observed) / (self.draws @ expected)

    def first_third(self) -> np.ndarray:
        """The effect in the first third of the blocks."""
        return self.effect(slice(0, self.third))

    def final_third(self) -> np.ndarray:
        """The effect in the last third of the blocks."""
        return self.effect(slice(self.blocks - self.third, None))

    def first_over_final(self) -> np.ndarray:
        """The effect in the first third of the blocks over that in the last third."""
        return self.first_third() / self.final_third()

    def strongest_head(self) -> np.ndarray:
        """The effect of the head that is strongest on half of the texts, on the other half.

        Choosing and measuring on the same texts would make the largest of many heads look large.
        """
        half = np.arange(len(self.observed)) % 2 == 0
        if half.all():
            return np.full(1, np.nan)
        chosen = self.observed[half].sum(axis=0) / self.expected[half].sum(axis=0)
        block, head = np.unravel_index(np.nanargmax(chosen), chosen.shape)
        rest = ~half
        weights = self.draws[:, rest]
        with np.errstate(invalid="ignore"):
            observed = weights @ self.observed[rest, block, head]
            return observed / (weights @ self.expected[rest, block, head])

    def spread_over_heads(self) -> np.ndarray:
        """How many doublings the heads of a block lie apart.

        The standard deviation over heads of log2(effect), mean over blocks.
        """
        shape = (len(self.draws), *self.observed.shape[1:])
        observed = (self.draws @ self.observed.reshape(len(self.observed), -1)).reshape(shape)
        expected = (self.draws @ self.expected.reshape(len(self.expected), -1)).reshape(shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Half an observation keeps a head without any finite.
            doublings = np.log2((observed + 0.5) / (expected + 0.5))
        return doublings.std(axis=2, ddof=1).mean(axis=1)


def compare(
    tables: Tables, measure: str, statistic: str, quantity: str, controls: tuple[str, ...]
) -> Finding | None:
    """One quantity of one statistic, for the encoder and for its controls.

    Args:
        tables: with "sums".
        measure: the measure's name.
        statistic: the statistic's name.
        quantity: the method of `Run` that makes one number of the sums.
        controls: runs to compare with, by the first word of their names. The control's interval
            covers those of all of them.

    """
    if "sums" not in tables:
        return None
    sums = tables["sums"]
    rows = sums.loc[(sums["measure"] == measure) & (sums["statistic"] == statistic)]
    estimates: dict[str, Estimate] = {}
    for run, part in rows.groupby("run", sort=True):
        estimates[str(run)] = Estimate.from_samples(getattr(Run(part), quantity)())
    if "encoder" not in estimates:
        nothing = Estimate(float("nan"), float("nan"), float("nan"))
        return Finding(nothing, None) if len(sums) else None
    wanted = [e for run, e in estimates.items() if run.split()[0] in controls]
    return Finding(estimates["encoder"], Estimate.covering(wanted) if wanted else None)


def figure(statistic: str, measure: str) -> dict[str, str]:
    """What the report draws: the statistic along the blocks, encoder beside controls."""
    return {"table": "heads", "measure": measure, "statistic": statistic}


def register(  # one line per claim below reads better than a decorator each
    id: str,
    statement: str,
    measure: str,
    statistic: str,
    quantity: str,
    *,
    says: str,
    control: str = "untrained twin",
    bound: float = 1.0,
    choices: str,
) -> None:
    """Register one P1 claim about one statistic."""
    runs = {
        "untrained twin": (UNTRAINED,),
        "untrained twin and shuffled tokens": (UNTRAINED, SHUFFLED),
    }[control]
    find = partial(compare, measure=measure, statistic=statistic, quantity=quantity, controls=runs)
    claim(
        id=id,
        paper="P1",
        statement=statement,
        statistic=says,
        control=control,
        bound=bound,
        choices=choices,
        figure=figure(statistic, measure),
    )(find)


register(
    "p1-separator",
    "In the final blocks, attention focuses on the sentence separators: the separator token.",
    "separators",
    "attention to separator",
    "final_third",
    says="attention that words send to the separator token, over its share of the tokens",
    choices=f"{FINAL_THIRD} Separators are two classes, tested apart: the special separator token "
    "([SEP] or </s>) here, full stops below. Shuffling leaves the separator where it is, so it is "
    "drawn but not a control.",
)
register(
    "p1-full-stop",
    "In the final blocks, attention focuses on the sentence separators: the full stop.",
    "separators",
    "attention to full stop",
    "final_third",
    says="attention that words send to full stops, over their share of the tokens",
    choices=f"{FINAL_THIRD} Queries are word tokens only.",
)
register(
    "p1-heads-differ",
    "The heads of a block focus on different characteristics of a text.",
    "specialisation",
    "repetition",
    "spread_over_heads",
    says="spread over a block's heads of the repetition score, in doublings",
    bound=0.0,
    choices="The spread is the standard deviation over heads of log2(observed / all pairs) of the "
    "repetition score, mean over blocks.",
)
register(
    "p1-repetition-head",
    "Some heads specialise in the repetitions of a token.",
    "specialisation",
    "repetition",
    "strongest_head",
    says="share of high pairs that repeat a token, over that of all pairs, strongest head",
    choices="The strongest head is chosen on one half of the texts and measured on the other.",
)
register(
    "p1-anchor-head",
    "Some heads specialise in one common token of the text.",
    "specialisation",
    "anchor",
    "strongest_head",
    says="share of high pairs that hold the head's anchor, over that of random pairs and theirs, "
    "strongest head",
    choices="The strongest head is chosen on one half of the texts and measured on the other.",
)
register(
    "p1-context-head",
    "Some heads specialise in the surroundings of a common token.",
    "specialisation",
    "anchor context",
    "strongest_head",
    says="share of high pairs within two tokens of the head's anchor, over that of random pairs "
    "and theirs, strongest head",
    control="untrained twin and shuffled tokens",
    choices="Surroundings are two tokens to each side, the anchor itself left out. The strongest "
    "head is chosen on one half of the texts and measured on the other.",
)
register(
    "p1-long-range-first",
    "In the first blocks, high similarity is long range, later it is shorter.",
    "distance",
    "mean distance",
    "first_over_final",
    says="mean distance of high pairs in the first third of the blocks over that in the last "
    "third, each over that of all pairs",
    control="untrained twin and shuffled tokens",
    choices="First and final blocks are the first and last third (ours).",
)
register(
    "p1-short-range-last",
    "In the final blocks, high similarity is short range: tokens near each other.",
    "distance",
    "share within 5",
    "final_third",
    says="share of high pairs at most 5 tokens apart, over that of all pairs",
    control="untrained twin and shuffled tokens",
    choices=f"{FINAL_THIRD} Short is at most 5 tokens.",
)
register(
    "p1-same-sentence",
    "The final blocks prefer pairs within one sentence.",
    "sentences",
    "same sentence, distance matched",
    "final_third",
    says="share of high pairs within one sentence, over that of pairs at the same distances",
    control="untrained twin and shuffled tokens",
    choices=f"{FINAL_THIRD} Nearness alone puts pairs into one sentence, so the null keeps every "
    "distance and shifts the sentence borders around the text.",
)
register(
    "p1-own-anchor",
    "Each head focuses on a token of its own.",
    "anchors",
    "uniqueness",
    "effect",
    says="distinct anchor tokens of a block's heads, over those of random pairs",
    choices="All blocks. The anchor is the token most often in a head's high pairs; random pairs "
    "find the text's commonest token again and again: the untrained twin is the stricter control.",
)
register(
    "p1-pairs-around-anchor",
    "A head's high pairs are built around its anchor token.",
    "specialisation",
    "anchor",
    "effect",
    says="share of high pairs that hold the head's anchor, over that of random pairs and theirs",
    choices="All blocks and heads.",
)
