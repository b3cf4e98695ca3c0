"""Claims on segmenting a text: P1's separators, and whether what it suggests works.

P1 states that the final blocks attend to sentence separators, and only suggests that this could
segment a text. The first claim is therefore the paper's; all others are ours, each tested on
documents whose true segments are known. The unit that is resampled is the document.
"""

from __future__ import annotations

from functools import partial

from blocklens.claims.head_sums import RunSums
from blocklens.claims.p1 import FINAL_THIRD, TENTH, of_runs
from blocklens.claims.registry import LEARNED, Finding, Tables, claim
from blocklens.segmentation.summary import paired_gains
from blocklens.statistics.estimate import DOCUMENTS, Estimate


def separators(tables: Tables, statistic: str) -> Finding | None:
    """One statistic of the border sums in the final third of the blocks, against the twins'."""
    if "border_sums" not in tables:
        return None
    rows = tables["border_sums"]
    return of_runs(
        rows.loc[rows["statistic"] == statistic],
        RunSums.final_third,
        "no document has sentence ends",
    )


def gain(tables: Tables, method: str, other: str, known: bool) -> Finding | None:
    """Mean Pk of another way less that of a method, on the same documents: above 0 is better.

    A baseline of several runs ("untrained 0", "untrained 1") counts with its mean. TextTiling finds
    the number of segments itself.
    """
    if "scores" not in tables:
        return None
    scores = tables["scores"]
    scores = scores.loc[scores["known"] == known]
    better = paired_gains(scores, method, other, "pk")
    if not len(better):
        return None
    without = (better.sum() - better) / max(1, len(better) - 1)
    return Finding(Estimate.left_out(better.mean(), without, unit=DOCUMENTS))


claim(
    id="segment-separators",
    paper="P1",
    statement="In the final blocks, attention marks the sentence separators: the end of each "
    "sentence.",
    statistic="attention that words send to the last punctuation of a sentence, over what words "
    "receive",
    control="untrained twin",
    null=1.0,
    least=1.1,
    least_reason=TENTH,
    simplest="Heads of random weights: the untrained twins; they are run.",
    asks=(LEARNED,),
    choices=f"{FINAL_THIRD} Whole sentences fill windows of the encoder's length. The separator of "
    "a sentence is its last punctuation token (ours); words are tokens that are no separators.",
    figure={
        "table": "borders",
        "measure": "borders",
        "statistic": "attention to sentence ends",
    },
)(partial(separators, statistic="attention to sentence ends"))

claim(
    id="segment-borders",
    paper="ours",
    statement="In the final blocks, separators at true section borders receive more attention than "
    "those at other sentence borders.",
    statistic="attention that separators at true borders receive, over that at other borders",
    control="untrained twin",
    null=1.0,
    least=1.1,
    least_reason=TENTH,
    simplest="Heads of random weights: the untrained twins; they are run.",
    asks=(LEARNED,),
    choices=f"P1 suggests this only. {FINAL_THIRD} The two are compared within each document.",
    figure={
        "table": "borders",
        "measure": "borders",
        "statistic": "attention at true borders",
    },
    tag="ours",
)(partial(separators, statistic="attention at true borders"))

WAYS = {
    "attention": "attention to separators",
    "context": "similarity of head output vectors",
    "joint": "similarity of head output vectors and of the last block's outputs",
}
RIVALS = {
    "random": ("random cuts", True),
    "untrained": ("an untrained twin's vectors", True),
    "texttiling": ("TextTiling", False),
    "c99": ("C99", True),
    "no-cut": ("no cut at all", False),
    "blocks": ("similarity of block outputs", True),
    "change-points": ("kernel change points of sentence means", False),
}


def register(method: str, rival: str, known: bool) -> None:
    """Register the claim that a method is better than another way to segment."""
    name, number = RIVALS[rival][0], "given" if known else "not given"
    suggested = (
        " P1 suggests only that attention can segment, and speaks of the final blocks; which heads "
        "count here, in whatever blocks, the option heads says (ours)."
        if method == "attention"
        else ""
    )
    claim(
        id=f"segment-{method}-{rival}{'' if known == RIVALS[rival][1] else '-found'}",
        paper="ours",
        statement=f"Segmenting by {WAYS[method]} is better than {name}, the number of segments "
        f"{number}.",
        statistic=f"mean Pk of {name} less that of the method {method}: 0 is no better",
        control="no difference",
        null=0.0,
        least=0.01,
        least_reason="A point of Pk (ours).",
        simplest=f"{name[0].upper()}{name[1:]}; it is what the method is compared with.",
        choices="Pk is an error: 0 is perfect. Differences are taken document by document."
        + suggested,
        figure={},
        tag="ours",
    )(partial(gain, method=method, other=rival, known=known))


for _method in ("attention", "context"):
    for _rival, (_, _known) in RIVALS.items():
        if not (_method == "attention" and _rival == "untrained"):  # that one is a claim above
            register(_method, _rival, _known)
register("context", "c99", False)
for _rival in ("no-cut", "change-points", "c99"):
    register("joint", _rival, False)
