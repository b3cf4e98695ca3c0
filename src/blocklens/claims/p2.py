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

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from blocklens.claims.registry import LEARNED, SIMPLEST, Finding, Tables, claim, undecided
from blocklens.labels.sharpness import EXCESS
from blocklens.labels.tasks import FINE_TUNED, IMAGE, TASKS, TEXT, TOKENS, Task
from blocklens.statistics.estimate import SEEDS, Estimate, population

Frame: TypeAlias = Any
"""A pandas data frame; pandas ships no types for its arithmetic."""

UNTRAINED = "untrained"
PERCOLATES = 0.5
"""A share of the kept tokens that one connected cluster would hold if it percolates (ours)."""
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
    if not effect.value:
        return undecided(
            f"no two {task.labels} match strongly: none is taken for another often enough",
            more_inputs(learning, task),
            Finding(effect),
        )
    row = nearest(sweep, task, "cliques")
    nulls = (drawn(row, f"{null}_clustered") for null in ("predictions", "partners"))
    strictest = max(nulls, key=lambda null: null.value)
    return Finding(effect, {SIMPLEST: strictest})


def finite_clusters(tables: Tables) -> Finding | None:
    """Share of the kept tokens that strong matches connect; null: as many matches at random.

    Nothing is said where even matches at random would connect few: then nothing could percolate.
    """
    learning, sweep = (of_task(tables, name, TOKENS) for name in ("learning", "cluster_sweep"))
    if learning is None or sweep is None:
        return None
    share = estimate(of_encoder(last_block(learning, "largest connected share")))
    if share is None:
        return None
    null = drawn(nearest(sweep, TOKENS, "directed"), "partners_largest", "kept")
    if not null.value >= PERCOLATES:
        return undecided(
            "there are so few strong matches that even at random they would not connect the tokens",
            more_inputs(learning, TOKENS),
            Finding(share),
        )
    return Finding(share, {SIMPLEST: null})


def sharper_clusters(tables: Tables, task: Task) -> Finding | None:
    """Rise per block of the share of errors in the own cluster, over matched labels."""
    learning = of_task(tables, "learning", task)
    if learning is None:
        return None
    rise = estimate(of_encoder(whole_encoder(learning, f"{EXCESS} slope")))
    if rise is None:
        return None
    if not math.isfinite(rise.value):
        return undecided(
            f"half of the {task.inputs} holds no cluster of {task.labels}",
            more_inputs(learning, task),
        )
    return Finding(rise)


def nearest(sweep: Frame, task: Task, method: str) -> Frame:
    """The row of the encoder's last block at the task's threshold."""
    sweep = of_encoder(sweep)
    sweep = sweep[sweep["block"].eq(sweep["block"].max()) & sweep["method"].eq(method)]
    return sweep.iloc[(sweep["theta"] - task.theta).abs().argsort()[:1]]


def drawn(row: Frame, name: str, over: str | None = None) -> Estimate:
    """A null's draws in a row of the sweep, as a share of another column where one is given."""
    total = 1.0 if over is None else max(float(row[over].iloc[0]), 1.0)
    ends = (float(row[f"{name}{end}"].iloc[0]) / total for end in ("", "_low", "_high"))
    return Estimate.of_interval(*ends, unit="draws of the null")


def more_inputs(learning: Frame, task: Task) -> str:
    """What shows more clusters, and how many predictions there were."""
    rows = of_encoder(last_block(learning, "accuracy"))
    here = f"; this run had {int(rows['n'].iloc[0]):,}" if len(rows) and "n" in rows else ""
    of = "modified tokens (--modified-tokens)" if task is TOKENS else "predictions"
    return f"more {of}, or more {task.inputs}{here}"


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
        choices=f"Threshold {task.theta:g} (the group's on image classes: 0.3, on another matrix; "
        "ours), to be passed by the lower limit of a match; greedy cliques by falling frequency, "
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

claim(
    id="p2-apt-rises-inside",
    paper="P2",
    statement="It rises from the first block on, not only from the embedding to it.",
    statistic="change of <APT> per block, least squares over blocks 1..L",
    control="untrained trunk with trained read-outs",
    null=0.0,
    least=0.005,
    least_reason=HALF_A_POINT,
    simplest=HEADS_ALONE,
    asks=(LEARNED,),
    choices=HOW[TOKENS],
    figure={"table": "learning", "statistic": TOKENS.accuracy, "task": TOKENS.name},
)(
    where_trained(
        partial(
            beside_untrained,
            task=TOKENS,
            statistic=f"{TOKENS.accuracy} slope from block 1",
            whole=True,
        )
    )
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
    null=1.0,
    least=PERCOLATES,
    least_reason="One cluster of half of the tokens is not finite (ours).",
    side="below",
    simplest="As many matches with random partners, which connect half of the tokens or more.",
    asks=(SIMPLEST,),
    choices="A match in one direction connects. Where matches at random would connect fewer than "
    "half of the kept tokens nothing could percolate, and it is left undecided (ours).",
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
