"""P2 on text classes (arXiv 2509.03407): fine-tuning along the blocks, and confidence.

The claims on accuracy, clusters and noise are P2's claims on tokens, read from the tables of text
classes, as those on image classes are. Those on confidence have functions of their own: P2 says
that a fine-tuned model's confidence does not depend on the APT of its input, and why.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, TypeAlias

from blocklens.claims.image_classes import FROM_BLOCK_1, READ_OUTS
from blocklens.claims.p2 import (
    HALF_A_POINT,
    HEADS_ALONE,
    beside_untrained,
    clusters_beside_null,
    estimate,
    falling_noise,
)
from blocklens.claims.registry import LEARNED, SIMPLEST, Finding, Tables, claim, undecided

Frame: TypeAlias = Any

PREFIX = "text_"
"""What stands before the names of the tables of text classes read out from a frozen trunk."""

MARGIN = 0.02
"""The largest change of confidence that counts as none."""

TUNED = "truncate_"
"""The same for classifiers fine-tuned up to every block."""


def of_best_variant(table: Frame) -> Frame:
    """The rows of the fine-tuned model where there is one, else those of the read-out."""
    kinds = set(table["read_out"])
    return table[table["read_out"].eq("truncate" if "truncate" in kinds else "read-out")]


def within_bound(tables: Tables, subset: str) -> Finding | None:
    """The change of confidence over the central 90 % of input APT, to lie within its margin.

    Nothing is said where confidence varies so little that it could not change by more.
    """
    if f"{PREFIX}confidence" not in tables:
        return None
    rows = of_best_variant(tables[f"{PREFIX}confidence"])
    rows = rows[rows["subset"].eq(subset)]
    change = estimate(rows[rows["statistic"].eq("change over the range")])
    if change is None:
        return None
    if rows.loc[rows["statistic"].eq("largest change"), "value"].le(MARGIN).any():
        return undecided(
            f"confidence varies so little that it could not change by {MARGIN}",
            "harder texts, on which the model is less certain",
            Finding(change),
        )
    return Finding(change)


def partners_beside_random(tables: Tables, statistic: str, sign: Literal[1, -1]) -> Finding | None:
    """By how much partners are better than random tokens, every token replaced; control: by 0.

    `sign`: 1 where small values of the statistic are good, -1 where large ones are.
    """
    if f"{PREFIX}replacement" not in tables:
        return None
    rows = of_best_variant(tables[f"{PREFIX}replacement"])
    rows = rows[rows["arm"].eq("random - partner") & rows["statistic"].eq(statistic)]
    found = estimate(rows[rows["share"].eq(rows["share"].max())], sign)
    return None if found is None else Finding(found)


claim(
    id="p2-class-accuracy",
    paper="P2",
    statement="The accuracy on text classes rises along the blocks.",
    statistic="change of the accuracy per block, least squares over blocks 1..L, frozen trunk",
    control="untrained trunk with trained read-outs",
    null=0.0,
    least=0.005,
    least_reason=HALF_A_POINT,
    simplest=HEADS_ALONE,
    asks=(LEARNED,),
    choices=f"{READ_OUTS} {FROM_BLOCK_1}",
    figure={"table": f"{PREFIX}learning", "statistic": "accuracy"},
)(partial(beside_untrained, statistic="accuracy slope", whole=True, prefix=PREFIX))

claim(
    id="p2-finetuned-accuracy",
    paper="P2",
    statement="The accuracy after fine-tuning up to a block rises along the blocks.",
    statistic="change of the accuracy per block, least squares over blocks 1..L, all fine-tuned",
    control="the same from fresh weights",
    null=0.0,
    least=0.005,
    least_reason=HALF_A_POINT,
    simplest="The same training from fresh weights; it is run.",
    asks=(LEARNED,),
    choices="The trunk is cut after each block and all weights are trained; epochs and rate are "
    "ours (docs/finetuning.md). Up to block 0 there is only [CLS], so blocks start at 1.",
    figure={"table": f"{TUNED}learning", "statistic": "accuracy"},
)(partial(beside_untrained, statistic="accuracy slope", whole=True, prefix=TUNED))

claim(
    id="p2-class-clusters",
    paper="P2",
    statement="Text classes fall into strong match clusters, as tokens do.",
    statistic="classes in strong match clusters of two or more at the last block",
    control="predictions permuted among classes, and partners moved at random",
    null=0.0,
    least=2.0,
    least_reason="Two classes are the smallest cluster.",
    simplest="The same number of errors, at random among classes; it is run.",
    asks=(SIMPLEST,),
    choices="Threshold 0.3 (the group's on image classes, carried over by us), greedy cliques by "
    "falling frequency, classes with at least 10 predictions. A trunk that hardly ever errs has no "
    "strong matches; the sweep shows lower thresholds.",
    figure={"table": f"{PREFIX}cluster_sweep", "statistic": "clustered"},
)(partial(clusters_beside_null, prefix=PREFIX, labels="classes"))

claim(
    id="p2-class-clusters-sharper",
    paper="P2",
    statement="The clusters of text classes become sharper along the blocks, as those of tokens.",
    statistic="fall per block of the share of strong matches that lie outside the clusters",
    control="partners moved at random",
    null=0.0,
    least=0.01,
    least_reason="A point a block: less could not be seen in a chart (ours).",
    simplest="Partners moved at random; it is run.",
    asks=(SIMPLEST,),
    choices="Sharpness is read as little noise (ours), over blocks with at least 3 kept classes "
    "and a strong match; fewer than three such blocks leave it open.",
    figure={"table": f"{PREFIX}learning", "statistic": "noise share"},
)(partial(falling_noise, prefix=PREFIX))

_CONFIDENCE: dict[str, Any] = {
    "paper": "P2",
    "control": f"a change of {MARGIN} over the central 90 % of input APT",
    "null": 0.0,
    "least": MARGIN,
    "least_reason": "Two points of confidence from low to high input APT (ours).",
    "simplest": "A model whose confidence is the same for every input: left undecided.",
    "side": "within",
    "figure": {"table": f"{PREFIX}confidence_curve", "statistic": "confidence"},
}
_BOUND = (
    "Independence needs a bound, not a missing p value: the change is slope times the central 90 % "
    "of input APT, and 0.02 counts as none (range and bound ours). APT is measured on the same "
    "texts. Confidence of the model fine-tuned up to the last block, or else of its read-outs. "
    "A confidence that could not move by 0.02 if it followed APT on a line, as where all answers "
    "are certain, leaves it undecided."
)

claim(
    id="p2-confidence",
    statement="The confidence of a fine-tuned model does not depend on the APT of its input.",
    statistic="change of confidence from low to high input APT",
    choices=_BOUND,
    **_CONFIDENCE,
)(partial(within_bound, subset="all"))

claim(
    id="p2-confidence-correct",
    statement="Nor does it where the model is right.",
    statistic="change of confidence from low to high input APT, right answers alone",
    choices=_BOUND,
    **_CONFIDENCE,
)(partial(within_bound, subset="correct"))

_REPLACED = (
    "The paper's cause for confidence's independence is that a token and its partner serve a "
    "classifier alike; that partners do better than random tokens is the part of it that is tested "
    "(ours), and the figures say how far from alike they are. Every token with a partner is "
    "replaced, by it or by a random token as frequent as it, in the same places."
)

claim(
    id="p2-partners-replace",
    paper="P2",
    statement="A token's strong match partner moves a classifier less than a random token does.",
    statistic="how much further random tokens move the prediction than strong match partners",
    control="no further",
    null=0.0,
    least=0.005,
    least_reason="Half a point (ours).",
    simplest="Random tokens as frequent; they are what partners are compared with.",
    choices=f"{_REPLACED} A prediction's move is the total variation between class probabilities.",
    figure={"table": f"{PREFIX}replacement", "statistic": "prediction change"},
)(partial(partners_beside_random, statistic="prediction change", sign=1))

claim(
    id="p2-partners-accuracy",
    paper="P2",
    statement="A token's strong match partner costs a classifier less accuracy than a random one.",
    statistic="accuracy with strong match partners in the text minus that with random tokens",
    control="no difference",
    null=0.0,
    least=0.005,
    least_reason="Half a point (ours).",
    simplest="Random tokens as frequent; they are what partners are compared with.",
    choices=_REPLACED,
    figure={"table": f"{PREFIX}replacement", "statistic": "accuracy"},
)(partial(partners_beside_random, statistic="accuracy", sign=-1))
