"""P2's statements on labels (arXiv 2509.03407), each tested on the study's tables.

Its claim of universality is that tokens, text classes and image classes are learned by one
mechanism, so what finds them is one for all (`label_findings`), and claims are made per task.

The statements are the paper's, in our words. How each is made a number and which control it must
beat are ours, and stand in each claim's `choices`. The control that matters is the untrained trunk
with read-outs trained by the same code on the same texts: it says what a head learns without a
trunk. Where the encoder's own head beats the read-out of the last block, the read-outs were trained
on too little, and no verdict is given.
"""

from __future__ import annotations

from functools import partial

from blocklens.claims.label_findings import (
    PERCOLATES,
    beside_untrained,
    clusters_beside_null,
    finite_clusters,
    more_articles,
    sharper_clusters,
    where_trained,
)
from blocklens.claims.registry import LEARNED, SIMPLEST, claim
from blocklens.labels.sharpness import EXCESS
from blocklens.labels.tasks import FINE_TUNED, IMAGE, TASKS, TEXT, TOKENS, Task

HALF_A_POINT = "Half a point a block: over six blocks, three points (ours)."
HEADS_ALONE = "Read-outs on untrained blocks, which learn what needs no trunk; they are run."
HEADS = (
    "Each block's accuracy is that of a vocabulary head on it, which starts and is trained as the "
    "notes say; the untrained trunk has heads of its own, trained from new ones (ours)."
)

RISES = {
    TOKENS: "The mean accuracy per token, <APT>, rises along the blocks.",
    TEXT: "The accuracy on text classes rises along the blocks.",
    FINE_TUNED: "The accuracy after fine-tuning up to a block rises along the blocks.",
    IMAGE: "The accuracy on image classes rises along the blocks, as that on tokens does.",
}
HOW = {
    TOKENS: f"{HEADS} <APT> is over tokens modified at least once.",
    FINE_TUNED: "The trunk is cut after each block and all weights are trained; epochs and rate "
    "are ours (docs/finetuning.md). Up to block 0 there is only [CLS], so blocks start at 1.",
}
"""What is ours in it, where it is not what stands in CLASS_HEADS."""
CLASS_HEADS = (
    "Each block's accuracy is that of read-outs trained on its frozen output; the untrained trunk "
    "has read-outs of its own, trained alike (ours). Block 0 is shown and not counted: a [CLS] has "
    "seen nothing of the input there, and the step from chance to block 1 would decide the slope, "
    "with the untrained trunk as well."
)


def register(task: Task) -> None:
    """The claims that the paper makes of every kind of label.

    It says that the mechanism is one (tag paper); which networks, texts and images it looked at is
    not known, and the statistics and controls are ours.
    """
    judged = where_trained if task is TOKENS else (lambda find: find)
    words = "" if task.first == 0 else " from block 1"
    claim(
        id=task.rises,
        paper="P2",
        statement=RISES.get(task, f"The accuracy on {task.shown} rises along the blocks."),
        statistic=f"change of {'<APT>' if task is TOKENS else 'the accuracy'} per block, least "
        f"squares over blocks {task.first}..L",
        control="the same from fresh weights"
        if task is FINE_TUNED
        else "untrained trunk with trained read-outs",
        null=0.0,
        least=0.005,
        least_reason=HALF_A_POINT,
        simplest="The same training from fresh weights; it is run."
        if task is FINE_TUNED
        else HEADS_ALONE,
        asks=(LEARNED,),
        choices=HOW.get(task, CLASS_HEADS),
        figure={"table": "learning", "statistic": task.accuracy, "task": task.name},
    )(
        judged(
            partial(
                beside_untrained,
                task=task,
                statistic=f"{task.accuracy} slope{words}",
                of_all_blocks=True,
            )
        )
    )
    if task.clusters is None:
        return
    claim(
        id=task.clusters,
        paper="P2",
        statement="Pre-training groups tokens into strong match clusters."
        if task is TOKENS
        else f"{task.shown.capitalize()} fall into strong match clusters, as tokens do.",
        statistic=f"share of a clustered {task.label}'s errors at the last block that fall into "
        f"its own cluster, over {task.labels} of like frequency",
        control=f"other {task.labels} of the partners' frequency",
        null=0.0,
        least=0.02,
        least_reason="Two of a hundred errors (ours).",
        simplest=f"Other {task.labels} as frequent as the partners: they are subtracted. Errors at "
        "random, which must put fewer into clusters; they are run.",
        choices=f"Threshold {task.theta:g} (the group's on image classes: 0.3, on another matrix; "
        "ours), to be passed by the lower limit of a match; greedy cliques by falling frequency, "
        f"{task.labels} with at least 10 predictions. Clusters are those of one half of the "
        f"{task.inputs}, the errors those of the other half (ours): a number of {task.labels} in "
        "clusters would change by leaps with the few matches near the threshold. Both nulls "
        "(predictions permuted within frequency bins, partners moved at random; the second is "
        "ours) must put fewer into clusters in every draw.",
        figure={"table": "cluster_sweep", "statistic": "clustered", "task": task.name},
    )(judged(partial(clusters_beside_null, task=task)))
    claim(
        id=f"{task.clusters}-sharper",
        paper="P2",
        statement="The strong match clusters become sharper along the blocks."
        if task is TOKENS
        else f"The clusters of {task.shown} become sharper along the blocks, as those of tokens.",
        statistic=f"change per block of the share of a {task.label}'s errors that fall into its "
        f"own cluster, over {task.labels} of like frequency",
        control=f"other {task.labels} of the partners' frequency",
        null=0.0,
        least=0.005,
        least_reason=HALF_A_POINT,
        simplest=f"Other {task.labels} as frequent as the partners: they are subtracted.",
        choices="Sharpness is read as errors that stay in the cluster (ours). Clusters are those "
        f"of the last block on one half of the {task.inputs}, the errors those of the other half.",
        figure={"table": "learning", "statistic": EXCESS, "task": task.name},
    )(judged(partial(sharper_clusters, task=task)))


for _task in TASKS:
    register(_task)


def register_rise(
    id: str, statement: str, statistic: str, *, choices: str, of: str, along: str
) -> None:
    """A claim on how <APT> rises, stricter than the paper's: on the statistic `of`, `along` it."""
    claim(
        id=id,
        paper="P2",
        tag="ours",
        statement=statement,
        statistic=statistic,
        control="untrained trunk with trained read-outs",
        null=0.0,
        least=0.005,
        least_reason=HALF_A_POINT,
        simplest=HEADS_ALONE,
        asks=(LEARNED,),
        choices=choices,
        figure={"table": "learning", "statistic": of, "task": TOKENS.name},
    )(
        where_trained(
            partial(beside_untrained, task=TOKENS, statistic=of + along, of_all_blocks=True)
        )
    )


register_rise(
    "p2-apt-rises-inside",
    "It rises from the first block on, not only from the embedding to it.",
    "change of <APT> per block, least squares over blocks 1..L",
    choices=HOW[TOKENS],
    of=TOKENS.accuracy,
    along=" slope from block 1",
)
register_rise(
    "p2-apt-rises-masked",
    "It rises at masked tokens alone, which cannot be copied from the input.",
    "change of <APT> at masked tokens per block, least squares over blocks 0..L",
    choices=f"{HEADS} That masked tokens are looked at alone is ours: a head copies an "
    "unchanged token, and a block that keeps less of it lowers <APT> whatever it knows of the "
    "words around.",
    of=f"{TOKENS.accuracy} on {TOKENS.hidden}",
    along=" slope",
)

claim(
    id="p2-apt-frequency",
    paper="P2",
    statement="A token's accuracy grows with its frequency in the training texts.",
    statistic="change of APT for ten times the frequency, least squares over tokens, last block",
    control="untrained trunk with trained read-outs",
    null=0.0,
    least=0.02,
    least_reason="Two points of accuracy for ten times the frequency (ours).",
    simplest="Read-outs on untrained blocks, which learn token frequencies alone; they are run.",
    asks=(LEARNED,),
    choices=f"{HEADS} Tokens modified at least 10 times; their frequency is counted in the "
    "study's texts unless the training texts were given. A slope, as few occurrences weaken a "
    "rank correlation, and that of the untrained twins more.",
    figure={"table": "frequency", "statistic": "frequency slope", "task": TOKENS.name},
)(where_trained(partial(beside_untrained, task=TOKENS, statistic="frequency slope")))

claim(
    id="p2-clusters-finite",
    paper="P2",
    statement="The strong match clusters are finite and small.",
    statistic="share of the kept tokens that strong matches connect with one another",
    control="as many strong matches, with partners at random",
    null=2 * PERCOLATES,
    least=PERCOLATES,
    least_reason="One cluster of a quarter of the tokens is not small (ours).",
    side="below",
    simplest="As many matches with random partners, which connect a quarter of the tokens or more.",
    asks=(SIMPLEST,),
    choices="A match in one direction connects. Where matches at random would connect fewer than "
    "a quarter of the kept tokens nothing could percolate, and it is left undecided (ours).",
    figure={"table": "learning", "statistic": "largest connected share", "task": TOKENS.name},
)(where_trained(finite_clusters))

claim(
    id="p2-more-texts",
    paper="P2",
    statement="The mean accuracy per token grows with the number of pre-training articles.",
    statistic="<APT> at the last block after the most articles minus that after the fewest",
    control="the same number of steps on the fewest articles of the same seed",
    null=0.0,
    least=0.005,
    least_reason="Half a point of <APT> (ours).",
    simplest="As many steps on the fewest articles; it is what the gain is over.",
    choices="Equal optimisation steps; the interval is over seeds, each of which draws the texts, "
    "the vocabulary and the first weights anew (ours). One seed leaves it undecided.",
    figure={"table": "training_sizes", "statistic": "apt"},
    tag="review",
)(more_articles)
