"""P2 on images (arXiv 2509.03407): that image classes are learned by the mechanism of tokens.

So these claims have no functions of their own: they are P2's claims on tokens, read from the tables
of image classes. The paper says that the mechanism is the same (tag paper); which networks and
which images it looked at is not known, and the statistics and controls are ours.
"""

from __future__ import annotations

from functools import partial

from blocklens.claims.p2 import (
    HALF_A_POINT,
    HEADS_ALONE,
    beside_untrained,
    clusters_beside_null,
    falling_noise,
)
from blocklens.claims.registry import LEARNED, SIMPLEST, claim

PREFIX = "image_"
"""What stands before the names of the tables of image classes."""

READ_OUTS = (
    "Each block's accuracy is that of read-outs trained on its frozen output; the untrained trunk "
    "has read-outs of its own, trained alike (ours)."
)
FROM_BLOCK_1 = (
    "Block 0 is shown and not counted: a [CLS] has seen nothing of the input there, and the step "
    "from chance to block 1 would decide the slope, with the untrained trunk as well."
)

claim(
    id="p2-image-accuracy",
    paper="P2",
    statement="The accuracy on image classes rises along the blocks, as that on tokens does.",
    statistic="change of the accuracy per block, least squares over blocks 1..L",
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
    id="p2-image-clusters",
    paper="P2",
    statement="Image classes fall into strong match clusters, as tokens do.",
    statistic="classes in strong match clusters of two or more at the last block",
    control="predictions permuted among classes, and partners moved at random",
    null=0.0,
    least=2.0,
    least_reason="Two classes are the smallest cluster.",
    simplest="The same number of errors, at random among classes; it is run.",
    asks=(SIMPLEST,),
    choices="Threshold 0.3 (the group's on image classes, but on another matrix than that of "
    "confusions), greedy cliques by falling frequency, classes with at least 10 predictions. An "
    "encoder that hardly ever errs has no strong matches; the sweep shows lower thresholds.",
    figure={"table": f"{PREFIX}cluster_sweep", "statistic": "clustered"},
)(partial(clusters_beside_null, prefix=PREFIX, labels="classes"))

claim(
    id="p2-image-clusters-sharper",
    paper="P2",
    statement="The clusters of image classes become sharper along the blocks, as those of tokens.",
    statistic="fall per block of the share of strong matches that lie outside the clusters",
    control="partners moved at random",
    null=0.0,
    least=0.01,
    least_reason="A point a block: less could not be seen in a chart (ours).",
    simplest="Partners moved at random; it is run.",
    asks=(SIMPLEST,),
    choices="Sharpness is read as little noise (ours), over blocks with at least 3 kept classes "
    "and a strong match; fewer than three such blocks leave it undecided.",
    figure={"table": f"{PREFIX}learning", "statistic": "noise share"},
)(partial(falling_noise, prefix=PREFIX))
