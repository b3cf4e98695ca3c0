"""P2's statements on labels (arXiv 2509.03407), each tested on the study's tables.

Its claim of universality is that tokens, text classes and image classes are learned by one
mechanism, so each function here is one for all of them, and claims are made per task.

The statements are the paper's, in our words. How each is made a number and which control it must
beat are ours, and stand in each claim's `choices`. The control that matters is the untrained trunk
with read-outs trained by the same code on the same texts: it says what a head learns without a
trunk. Where the encoder's own head beats the read-out of the last block, the read-outs were trained
on too little, and no verdict is given.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from blocklens.claims.registry import LEARNED, SIMPLEST, Finding, Tables, claim, undecided
from blocklens.labels.tasks import FINE_TUNED, IMAGE, TASKS, TEXT, TOKENS, Task
from blocklens.statistics.estimate import SEEDS, Estimate, population

Frame: TypeAlias = Any
"""A pandas data frame; pandas ships no types for its arithmetic."""

UNTRAINED = "untrained"
MORE_TOKENS = "more modified tokens (--passes, or more texts)"
HALF_A_POINT = "Half a point a block: over six blocks, three points (ours)."
HEADS_ALONE = "Read-outs on untrained blocks, which learn what needs no trunk; they are run."
HEADS = (
    "Each block's accuracy is that of a vocabulary head on it, which starts and is trained as the "
    "notes say; the untrained trunk has heads of its own, trained from new ones (ours)."
)


def estimate(rows: Frame, sign: float = 1.0) -> Estimate | None:
    """The value of a table's single row with its interval; None without a row.

    `sign`: -1 turns a fall into a positive number.
    """
    if len(rows) != 1:
        return None
    row = rows.iloc[0]
    low, high = sorted((sign * float(row["low"]), sign * float(row["high"])))
    return Estimate.of_interval(sign * float(row["value"]), low, high)


def whole_encoder(learning: Frame, statistic: str) -> Frame:
    """The rows of a statistic that stands for all blocks together."""
    return learning[learning["statistic"].eq(statistic) & learning["block"].isna()]


def last_block(learning: Frame, statistic: str) -> Frame:
    """The rows of a statistic at the last block of each run."""
    rows = learning[learning["statistic"].eq(statistic)].dropna(subset=["block"])
    return rows[rows["block"] == rows.groupby("run")["block"].transform("max")]


def of_task(tables: Tables, name: str, task: Task) -> Frame | None:
    """A table's rows of one task; None where there are none."""
    if name not in tables:
        return None
    rows: Frame = tables[name]
    rows = rows[rows["task"].eq(task.name)]
    return None if rows.empty else rows


def beside_untrained(
    tables: Tables, task: Task, statistic: str, *, whole: bool = False
) -> Finding | None:
    """A statistic of `learning` for the encoder, and for all untrained twins together.

    At the last block, or of the `whole` encoder.
    """
    learning = of_task(tables, "learning", task)
    if learning is None:
        return None
    rows: Frame = (whole_encoder if whole else last_block)(learning, statistic)
    effect = estimate(of_encoder(rows))
    if effect is None:
        return None
    twins = [run for run in rows["run"].unique() if str(run).split()[0] == UNTRAINED]
    controls = [estimate(rows[rows["run"].eq(run)]) for run in twins]
    measured = [control for control in controls if control is not None]
    return Finding(effect, {LEARNED: population(measured)} if measured else {})


def clusters_beside_null(tables: Tables, task: Task) -> Finding | None:
    """Labels in clusters at the last block; control: the stricter of both nulls."""
    learning, sweep = (of_task(tables, name, task) for name in ("learning", "cluster_sweep"))
    if learning is None or sweep is None:
        return None
    effect = estimate(of_encoder(last_block(learning, "labels in clusters")))
    if effect is None:
        return None
    sweep = of_encoder(sweep)
    sweep = sweep[sweep["block"].eq(sweep["block"].max()) & sweep["method"].eq("cliques")]
    nearest = sweep.iloc[(sweep["theta"] - 0.3).abs().argsort()[:1]]
    strictest = max(
        (
            Estimate.of_interval(
                *(
                    float(nearest[f"{null}_clustered{end}"].iloc[0])
                    for end in ("", "_low", "_high")
                ),
                unit="draws of the null",
            )
            for null in ("predictions", "partners")
        ),
        key=lambda null: null.value,
    )
    return Finding(effect, {SIMPLEST: strictest})


def finite_clusters(tables: Tables) -> Finding | None:
    """The exponent with which the largest cluster grows; 1 is one cluster of all tokens.

    Without a cluster of two or more there is nothing that could be finite, and no verdict.
    """
    learning = of_task(tables, "learning", TOKENS)
    if learning is None:
        return None
    growth = estimate(of_encoder(last_block(learning, "growth exponent")))
    if growth is None:
        return None
    clusters = estimate(of_encoder(last_block(learning, "clusters")))
    if clusters is not None and not clusters.value:
        return undecided("no two tokens match strongly, so no cluster could be finite", MORE_TOKENS)
    return Finding(growth)


def falling_noise(tables: Tables, task: Task) -> Finding | None:
    """Fall of the noise share per block; control: the same fall with partners moved at random."""
    learning = of_task(tables, "learning", task)
    if learning is None:
        return None
    fall = estimate(of_encoder(whole_encoder(learning, "noise share slope")), -1)
    null = estimate(of_encoder(whole_encoder(learning, "noise share slope, null")), -1)
    if fall is None:
        return None
    return Finding(fall, {} if null is None else {SIMPLEST: null})


def more_articles(tables: Tables) -> Finding | None:
    """Gain of <APT> from the fewest to the most articles at equal steps; control: no gain, 0.

    Training decides it, so one seed gives no interval, and no verdict.
    """
    if "training_sizes" not in tables:
        return None
    rows: Frame = tables["training_sizes"]
    rows = rows[rows["comparison"].eq("equal steps")].sort_values("articles")
    if len(rows) < 2:
        return None
    most = rows.iloc[-1]
    effect = Estimate.of_interval(
        float(most["gain"]), float(most["gain_low"]), float(most["gain_high"]),
        unit=SEEDS, groups=max(2, int(most["seeds"])),
    )  # fmt: skip
    if not effect.sources:
        return undecided("one training run says nothing of others", "five seeds", Finding(effect))
    return Finding(effect)


def read_outs_fall_short(tables: Tables) -> bool:
    """Whether the encoder's own head beats the read-out at its own place, the last block.

    That head is one of those a read-out may become. Where it is more accurate by both intervals,
    the read-outs were trained on too little, and say more about that than about the blocks.
    """
    learning = of_task(tables, "learning", TOKENS)
    if learning is None:
        return False
    rows: Frame = last_block(learning, "accuracy")
    own, read_out = (estimate(rows[rows["run"].eq(run)]) for run in ("lens", "encoder"))
    return own is not None and read_out is not None and own.low > read_out.high


def where_trained(find: Callable[[Tables], Finding | None]) -> Callable[[Tables], Finding | None]:
    """The same finding, without a verdict where read-outs fall short."""

    def found(tables: Tables) -> Finding | None:
        finding = find(tables)
        if finding is None or not read_outs_fall_short(tables):
            return finding
        return undecided(
            "the read-outs were trained on too little: the encoder's own head does better at the "
            "last block",
            "read-outs trained on more tokens (--train-tokens)",
            finding,
        )

    return found


def of_encoder(rows: Frame) -> Frame:
    """The rows of the encoder itself."""
    return rows[rows["run"].eq("encoder")]


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
                beside_untrained, task=task, statistic=f"{task.accuracy} slope{words}", whole=True
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
        statistic=f"{task.labels} in strong match clusters of two or more at the last block",
        control="predictions permuted within frequency bins, and partners moved at random",
        null=0.0,
        least=2.0,
        least_reason=f"Two {task.labels} are the smallest cluster.",
        simplest=f"The same number of errors, at random among {task.labels} of like frequency; it "
        "is run.",
        asks=(SIMPLEST,),
        choices="Threshold 0.3 (the group's on image classes, on another matrix than that of "
        "confusions; carried over by us), greedy cliques by falling frequency, "
        f"{task.labels} with at least 10 predictions. The second null, stricter where errors are "
        "concentrated, is ours. Who hardly ever errs has no strong matches; the sweep shows lower "
        "thresholds.",
        figure={"table": "cluster_sweep", "statistic": "clustered", "task": task.name},
    )(judged(partial(clusters_beside_null, task=task)))
    claim(
        id=f"{task.clusters}-sharper",
        paper="P2",
        statement="The strong match clusters become sharper along the blocks."
        if task is TOKENS
        else f"The clusters of {task.shown} become sharper along the blocks, as those of tokens.",
        statistic="fall per block of the share of strong matches that lie outside the clusters",
        control="partners moved at random within frequency bins",
        null=0.0,
        least=0.01,
        least_reason="A point a block: less could not be seen in a chart (ours).",
        simplest=f"Partners moved at random, whose noise falls as {task.labels} are kept; it is "
        "run.",
        asks=(SIMPLEST,),
        choices=f"Sharpness is read as little noise (ours), over blocks with at least "
        f"{task.fewest_kept} kept {task.labels} and a strong match; fewer than three such blocks "
        "leave it undecided.",
        figure={"table": "learning", "statistic": "noise share", "task": task.name},
    )(judged(partial(falling_noise, task=task)))


for _task in TASKS:
    register(_task)

claim(
    id="p2-apt-frequency",
    paper="P2",
    statement="A token's accuracy grows with its frequency in the training texts.",
    statistic="Spearman's rho between frequency and APT at the last block",
    control="untrained trunk with trained read-outs",
    null=0.0,
    least=0.1,
    least_reason="A correlation below 0.1 explains less than a hundredth (ours).",
    simplest="Read-outs on untrained blocks, which learn token frequencies alone; they are run.",
    asks=(LEARNED,),
    choices=f"{HEADS} Tokens modified at least 10 times; their frequency is counted in the "
    "study's texts unless the training texts were given.",
    figure={"table": "frequency", "statistic": "frequency rho", "task": TOKENS.name},
)(where_trained(partial(beside_untrained, task=TOKENS, statistic="frequency rho")))

claim(
    id="p2-clusters-finite",
    paper="P2",
    statement="The strong match clusters are finite and small.",
    statistic="exponent with which the largest cluster grows with the number of kept tokens",
    control="one cluster that takes in every kept token",
    null=1.0,
    least=0.5,
    least_reason="Below the square root of the number of tokens (ours).",
    side="below",
    simplest="One cluster of every token: 1.",
    choices="The exponent is fitted from the most frequent eighth of the kept tokens to all of "
    "them; below 0.5 counts as finite (ours). Where no tokens group, it is left undecided.",
    figure={"table": "learning", "statistic": "largest cluster", "task": TOKENS.name},
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
