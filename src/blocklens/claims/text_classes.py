"""P2 on text classes (arXiv 2509.03407): fine-tuning along the blocks, and confidence.

The claims on accuracy, clusters and noise are P2's claims on tokens, read from the tables of text
classes, as those on image classes are. Those on confidence have functions of their own: P2 says
that a fine-tuned model's confidence does not depend on the APT of its input, and why.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, TypeAlias

from blocklens.claims.image_classes import FROM_BLOCK_1, READ_OUTS
from blocklens.claims.p2 import beside_untrained, clusters_beside_null, estimate, falling_noise
from blocklens.claims.registry import Estimate, Finding, Tables, claim

Frame: TypeAlias = Any

PREFIX = "text_"
"""What stands before the names of the tables of text classes read out from a frozen trunk."""

TUNED = "truncate_"
"""The same for classifiers fine-tuned up to every block."""


def of_best_variant(table: Frame) -> Frame:
    """The rows of the fine-tuned model where there is one, else those of the read-out."""
    kinds = set(table["read_out"])
    return table[table["read_out"].eq("truncate" if "truncate" in kinds else "read-out")]


def within_bound(tables: Tables, subset: str) -> Finding | None:
    """How far the change of confidence stays within its bound; control: at the bound, 0.

    Nothing is said where confidence varies so little that it could not change by more.
    """
    if f"{PREFIX}confidence" not in tables:
        return None
    rows = of_best_variant(tables[f"{PREFIX}confidence"])
    rows = rows[rows["subset"].eq(subset)]
    change = estimate(rows[rows["statistic"].eq("change over the range")])
    if change is None:
        return None
    bound = float(rows["bound"].iloc[0])
    if rows.loc[rows["statistic"].eq("largest change"), "value"].le(bound).any():
        return Finding(Estimate(float("nan"), float("nan"), float("nan")), Estimate(0.0, 0.0, 0.0))
    ends = (abs(change.low), abs(change.high))
    nearest = 0.0 if change.low <= 0 <= change.high else min(ends)
    effect = Estimate(bound - abs(change.value), bound - max(ends), bound - nearest)
    return Finding(effect, Estimate(0.0, 0.0, 0.0))


def partners_beside_random(tables: Tables, statistic: str, sign: Literal[1, -1]) -> Finding | None:
    """By how much partners are better than random tokens, every token replaced; control: by 0.

    `sign`: 1 where small values of the statistic are good, -1 where large ones are.
    """
    if f"{PREFIX}replacement" not in tables:
        return None
    rows = of_best_variant(tables[f"{PREFIX}replacement"])
    rows = rows[rows["arm"].eq("random - partner") & rows["statistic"].eq(statistic)]
    found = estimate(rows[rows["share"].eq(rows["share"].max())])
    if found is None:
        return None
    low, high = sorted((sign * found.low, sign * found.high))
    return Finding(Estimate(sign * found.value, low, high), Estimate(0.0, 0.0, 0.0))


claim(
    id="p2-class-accuracy",
    paper="P2",
    statement="The accuracy on text classes rises along the blocks.",
    statistic="change of the accuracy per block, least squares over blocks 1..L, frozen trunk",
    control="untrained trunk with trained read-outs",
    bound=0.0,
    choices=f"{READ_OUTS} {FROM_BLOCK_1}",
    figure={"table": f"{PREFIX}learning", "statistic": "accuracy"},
)(partial(beside_untrained, statistic="accuracy slope", whole=True, prefix=PREFIX))

claim(
    id="p2-finetuned-accuracy",
    paper="P2",
    statement="The accuracy after fine-tuning up to a block rises along the blocks.",
    statistic="change of the accuracy per block, least squares over blocks 1..L, all fine-tuned",
    control="the same from fresh weights",
    bound=0.0,
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
    bound=0.0,
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
    bound=0.0,
    choices="Sharpness is read as little noise (ours), over blocks with at least 3 kept classes "
    "and a strong match; fewer than three such blocks leave it open.",
    figure={"table": f"{PREFIX}learning", "statistic": "noise share"},
)(partial(falling_noise, prefix=PREFIX))

_CONFIDENCE: dict[str, Any] = {
    "paper": "P2",
    "control": "a change of 0.02 over the central 90 % of input APT",
    "bound": 0.0,
    "figure": {"table": f"{PREFIX}confidence_curve", "statistic": "confidence"},
}
_BOUND = (
    "Independence needs a bound, not a missing p value: the change is slope times the central 90 % "
    "of input APT, and 0.02 counts as none (range and bound ours). APT is measured on the same "
    "texts. Confidence of the model fine-tuned up to the last block, or else of its read-outs. "
    "What is left of 0.02 ends there where the change may be none. A confidence that could not "
    "move by 0.02 if it followed APT on a line, as where all answers are certain, leaves it open."
)

claim(
    id="p2-confidence",
    statement="The confidence of a fine-tuned model does not depend on the APT of its input.",
    statistic="0.02 less the change of confidence from low to high input APT",
    choices=_BOUND,
    **_CONFIDENCE,
)(partial(within_bound, subset="all"))

claim(
    id="p2-confidence-correct",
    statement="Nor does it where the model is right.",
    statistic="0.02 less the change of confidence from low to high input APT, right answers alone",
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
    bound=0.0,
    choices=f"{_REPLACED} A prediction's move is the total variation between class probabilities.",
    figure={"table": f"{PREFIX}replacement", "statistic": "prediction change"},
)(partial(partners_beside_random, statistic="prediction change", sign=1))

claim(
    id="p2-partners-accuracy",
    paper="P2",
    statement="A token's strong match partner costs a classifier less accuracy than a random one.",
    statistic="accuracy with strong match partners in the text minus that with random tokens",
    control="no difference",
    bound=0.0,
    choices=_REPLACED,
    figure={"table": f"{PREFIX}replacement", "statistic": "accuracy"},
)(partial(partners_beside_random, statistic="accuracy", sign=-1))
