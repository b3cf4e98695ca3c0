"""P1's statements about attention heads (arXiv 2512.21956), each tested on the study's sums.

The statements are the paper's, in our words. How each is made a number, which blocks are "final",
the smallest effect that counts and the controls are ours, and stand beside each claim.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from blocklens.claims.head_sums import Quantity, RunSums
from blocklens.claims.registry import LEARNED, WORDS, Finding, Tables, claim, not_applicable
from blocklens.statistics.estimate import population

FINAL_THIRD = "The final blocks are the last third (ours)."
TENTH = "A tenth above no preference: less is not what a reader would call a preference (ours)."


def compare(
    tables: Tables, measure: str, statistic: str, quantity: Quantity, lacking: str
) -> Finding | None:
    """One quantity of one statistic, for the encoder and for its controls.

    Args:
        tables: with "sums".
        measure: the measure's name.
        statistic: the statistic's name.
        quantity: makes one estimate of a run's sums.
        lacking: what these texts lack where the statistic does not exist.

    """
    if "sums" not in tables:
        return None
    sums = tables["sums"]
    rows = sums.loc[(sums["measure"] == measure) & (sums["statistic"] == statistic)]
    return of_runs(rows, quantity, lacking)


def of_runs(rows: pd.DataFrame, quantity: Quantity, lacking: str) -> Finding:
    """The encoder's estimate beside those of untrained twins and of shuffled tokens."""
    by_run = {str(run): quantity(RunSums(of_run)) for run, of_run in rows.groupby("run", sort=True)}
    effect = by_run.get("encoder")
    if effect is None:
        return not_applicable(lacking)
    twins = [one for run, one in by_run.items() if one and run.split()[0] == "untrained"]
    controls = {LEARNED: population(twins)} if twins else {}
    if shuffled := by_run.get("shuffled"):
        controls[WORDS] = shuffled
    return Finding(effect, controls)


def register(  # one line per claim below reads better than a decorator each
    id: str,
    statement: str,
    measure: str,
    statistic: str,
    quantity: Quantity,
    *,
    says: str,
    lacking: str = "these texts have no pair of tokens of this kind",
    order: bool = False,
    least: float = 1.1,
    least_reason: str = TENTH,
    simplest: str,
    choices: str,
    **given: Any,
) -> None:
    """Register one P1 claim about one statistic.

    `order`: the statistic is about the order of tokens, so that shuffling them is a question.
    """

    def find(tables: Tables) -> Finding | None:
        finding = compare(tables, measure, statistic, quantity, lacking)
        if finding is not None and not order:
            finding.controls.pop(WORDS, None)
        return finding

    claim(
        id=id,
        paper="P1",
        statement=statement,
        statistic=says,
        control="untrained twins",
        asks=(LEARNED,),
        least=least,
        least_reason=least_reason,
        simplest=simplest,
        choices=choices,
        figure={"table": "heads", "measure": measure, "statistic": statistic},
        **{"null": 1.0, **given},
    )(find)


HALVES = "The strongest head of each half of the texts is measured on the other half; mean of both."
HEADS_BY_CHANCE = (
    "The strongest of as many heads that nobody trained: the untrained twins' strongest, chosen in "
    "the same way."
)

register(
    "p1-separator",
    "In the final blocks, attention focuses on the sentence separators: the separator token.",
    "separators",
    "attention to separator",
    RunSums.final_third,
    says="attention that words send to the separator token, over its share of the tokens",
    lacking="the encoder puts no separator token into its texts",
    least=1.5,
    least_reason="Half as much again as its share: a focus is more than a preference (ours).",
    simplest="Attention to every token alike, 1; or to a fixed place, which untrained encoders "
    "have as well.",
    choices=f"{FINAL_THIRD} Separators are two classes, tested apart: the special separator token "
    "([SEP] or </s>) here, full stops below. Shuffling leaves the separator where it is, so it is "
    "not asked.",
)
register(
    "p1-full-stop",
    "In the final blocks, attention focuses on the sentence separators: the full stop.",
    "separators",
    "attention to full stop",
    RunSums.final_third,
    says="attention that words send to full stops, over their share of the tokens",
    lacking="these texts have no full stops",
    least=1.5,
    least_reason="Half as much again as their share: a focus is more than a preference (ours).",
    simplest="Attention to every token alike: 1.",
    choices=f"{FINAL_THIRD} Queries are word tokens only.",
)
register(
    "p1-heads-differ",
    "The heads of a block focus on different characteristics of a text.",
    "specialisation",
    "repetition",
    RunSums.spread_over_heads,
    says="spread over a block's heads of the repetition score, in doublings",
    lacking="each block has one head, or no token occurs twice in one of these texts",
    null=0.0,
    least=0.2,
    least_reason="A fifth of a doubling: typical heads then differ by a seventh (ours).",
    simplest="Heads of random weights, which differ by chance: the untrained twins.",
    choices="The spread is the standard deviation over heads of log2(observed / all pairs) of the "
    "repetition score, less the noise of the texts, root mean square over blocks.",
)
register(
    "p1-repetition-head",
    "Some heads specialise in the repetitions of a token.",
    "specialisation",
    "repetition",
    RunSums.strongest_head,
    says="share of high pairs that repeat a token, over that of all pairs, strongest head",
    lacking="no token occurs twice in one of these texts",
    least=2.0,
    least_reason="Twice the share of all pairs: a specialist does more than lean (ours).",
    simplest=f"Embeddings alone: equal tokens are alike before any block. {HEADS_BY_CHANCE}",
    choices=HALVES,
)
register(
    "p1-anchor-head",
    "Some heads specialise in one common token of the text.",
    "specialisation",
    "anchor",
    RunSums.strongest_head,
    says="share of high pairs that hold the head's anchor, over that of random pairs and theirs, "
    "strongest head",
    least=2.0,
    least_reason="Twice the share of random pairs (ours).",
    simplest=HEADS_BY_CHANCE,
    choices=HALVES,
)
register(
    "p1-context-head",
    "Some heads specialise in the surroundings of a common token.",
    "specialisation",
    "anchor context",
    RunSums.strongest_head,
    says="share of high pairs within two tokens of the head's anchor, over that of all pairs, "
    "strongest head",
    order=True,
    simplest=HEADS_BY_CHANCE,
    choices="Surroundings are two tokens to each side; pairs that hold the anchor are left out. "
    f"{HALVES}",
)
register(
    "p1-long-range-first",
    "In the first blocks, high similarity is long range, later it is shorter.",
    "distance",
    "mean distance",
    RunSums.first_over_final,
    says="mean distance of high pairs in the first third of the blocks over that in the last "
    "third, each over that of all pairs",
    order=True,
    simplest="Blocks that do not differ: 1.",
    choices="First and final blocks are the first and last third (ours).",
)
register(
    "p1-short-range-last",
    "In the final blocks, high similarity is short range: tokens near each other.",
    "distance",
    "share within 5",
    RunSums.final_third,
    says="share of high pairs at most 5 tokens apart, over that of all pairs",
    order=True,
    simplest="Position embeddings alone, which make neighbours alike: shuffled tokens show it.",
    choices=f"{FINAL_THIRD} Short is at most 5 tokens.",
)
register(
    "p1-same-sentence",
    "The final blocks prefer pairs within one sentence.",
    "sentences",
    "same sentence, distance matched",
    RunSums.final_third,
    says="share of high pairs within one sentence, over that of pairs at the same distances",
    lacking="none of these texts has two sentences",
    order=True,
    simplest="Nearness alone, which the null takes out: it keeps every distance.",
    choices=f"{FINAL_THIRD} Nearness alone puts pairs into one sentence, so the null keeps every "
    "distance and shifts the sentence borders around the text.",
)
register(
    "p1-own-anchor",
    "Each head focuses on a token of its own.",
    "anchors",
    "uniqueness",
    RunSums.effect,
    says="distinct anchor tokens of a block's heads, over those of random pairs",
    simplest="Heads that look at random: untrained twins, whose anchors are nearly all distinct.",
    choices="All blocks. The anchor is the token most often in a head's high pairs; random pairs "
    "find the text's commonest token again and again: the untrained twin is the stricter control.",
)
register(
    "p1-pairs-around-anchor",
    "A head's high pairs are built around its anchor token.",
    "specialisation",
    "anchor",
    RunSums.effect,
    says="share of high pairs that hold the head's anchor, over that of random pairs and theirs",
    simplest="Random pairs and the token most often in them: the null.",
    choices="All blocks and heads.",
)
