"""P2 on the confidence of text classifiers (arXiv 2509.03407), and on the cause it gives.

P2 says that a fine-tuned model's confidence does not depend on the APT of its input, because a
token and its strong match partners serve a classifier alike.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from blocklens.claims.label_findings import Frame, estimate, of_task
from blocklens.claims.needs import rounded_up
from blocklens.claims.registry import Finding, Tables, claim, undecided
from blocklens.confidence.independence import BOUND, RELIABLE
from blocklens.labels.tasks import FINE_TUNED, TEXT


def of_best_variant(tables: Tables, name: str) -> Frame | None:
    """The rows of the fine-tuned model where there is one, else those of the read-out."""
    tuned = of_task(tables, name, FINE_TUNED)
    return of_task(tables, name, TEXT) if tuned is None else tuned


def within_bound(tables: Tables, subset: str) -> Finding | None:
    """The change of confidence over the central 90 % of input APT, to lie within its margin.

    Nothing is said where input APT is measured too badly to be corrected for, or where confidence
    varies so little that it could not change by more.
    """
    rows = of_best_variant(tables, "confidence")
    if rows is None:
        return None
    rows = rows[rows["subset"].eq(subset)]
    change = estimate(rows[rows["statistic"].eq("change over the range")])
    if change is None:
        return None
    row = rows[rows["statistic"].eq("reliability")].iloc[0]
    reliable, modified = float(row["value"]), int(row["modified"])
    if not reliable >= RELIABLE:
        if not reliable > 0:  # no number of them can be worked out
            return undecided(
                "input APT is noise: measured on either half of the texts it does not agree",
                f"many more modified tokens (--modified-tokens); this run had {modified:,}",
            )
        wanted = modified * (1 - reliable) / reliable * RELIABLE / (1 - RELIABLE)
        return undecided(
            f"input APT was measured with a reliability of {reliable:.2f}, below {RELIABLE}",
            f"about {rounded_up(wanted):,} modified tokens (--modified-tokens, or more texts); "
            f"this run had {modified:,}",
            Finding(change),
        )
    if rows.loc[rows["statistic"].eq("largest change"), "value"].le(BOUND).any():
        return undecided(
            f"confidence varies so little that it could not change by {BOUND}",
            "harder texts, on which the model is less certain",
            Finding(change),
        )
    return Finding(change)


def partners_beside_random(tables: Tables, statistic: str, sign: Literal[1, -1]) -> Finding | None:
    """By how much partners are better than random tokens, every token replaced; control: by 0.

    `sign`: 1 where small values of the statistic are good, -1 where large ones are.
    """
    rows = of_best_variant(tables, "replacement")
    if rows is None:
        return None
    rows = rows[rows["arm"].eq("random - partner") & rows["statistic"].eq(statistic)]
    drop = estimate(rows[rows["share"].eq(rows["share"].max())], sign)
    return None if drop is None else Finding(drop)


_CONFIDENCE: dict[str, Any] = {
    "paper": "P2",
    "control": f"a change of {BOUND} over the central 90 % of input APT",
    "null": 0.0,
    "least": BOUND,
    "least_reason": "Two points of confidence from low to high input APT (ours).",
    "simplest": "A model whose confidence is the same for every input: left undecided.",
    "side": "within",
    "figure": {"table": "confidence_curve", "statistic": "confidence"},
}
_HOW = (
    "Independence needs a bound, not a missing p value: the change is slope times the central 90 % "
    "of input APT, and 0.02 counts as none (range and bound ours). APT is measured on the same "
    "texts, and both are corrected for its reliability; below 0.8 nothing is said (ours). "
    "Confidence of the model fine-tuned up to the last block, or else of its read-outs. A "
    "confidence that could not move by 0.02 if it followed APT on a line, as where all answers are "
    "certain, leaves it undecided."
)

claim(
    id="p2-confidence",
    statement="The confidence of a fine-tuned model does not depend on the APT of its input.",
    statistic="change of confidence from low to high input APT",
    choices=_HOW,
    **_CONFIDENCE,
)(partial(within_bound, subset="all"))

claim(
    id="p2-confidence-correct",
    statement="Nor does it where the model is right.",
    statistic="change of confidence from low to high input APT, right answers alone",
    choices=_HOW,
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
    figure={"table": "replacement", "statistic": "prediction change"},
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
    figure={"table": "replacement", "statistic": "accuracy"},
)(partial(partners_beside_random, statistic="accuracy", sign=-1))
