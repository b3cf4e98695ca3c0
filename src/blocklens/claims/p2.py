"""P2's statements about pre-training (arXiv 2509.03407), each tested on the study's tables.

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


def beside_untrained(
    tables: Tables, statistic: str, *, whole: bool, prefix: str = ""
) -> Finding | None:
    """A statistic of `learning` for the encoder, and for all untrained twins together.

    `prefix`: what stands before the tables' names where labels are not tokens, as "image_".
    """
    if f"{prefix}learning" not in tables:
        return None
    choose = whole_encoder if whole else last_block
    rows: Frame = choose(tables[f"{prefix}learning"], statistic)
    effect = estimate(rows[rows["run"].eq("encoder")])
    if effect is None:
        return None
    twins = [run for run in rows["run"].unique() if str(run).split()[0] == UNTRAINED]
    controls = [estimate(rows[rows["run"].eq(run)]) for run in twins]
    found = [control for control in controls if control is not None]
    return Finding(effect, {LEARNED: population(found)} if found else {})


def clusters_beside_null(
    tables: Tables, *, prefix: str = "", labels: str = "tokens"
) -> Finding | None:
    """Labels in clusters at the last block; control: the largest of both nulls' draws.

    `labels`: what the tables call them.
    """
    if not {f"{prefix}learning", f"{prefix}cluster_sweep"} <= set(tables):
        return None
    learning = tables[f"{prefix}learning"]
    effect = estimate(_of_encoder(last_block(learning, f"{labels} in clusters")))
    if effect is None:
        return None
    sweep = _of_encoder(tables[f"{prefix}cluster_sweep"])
    sweep = sweep[sweep["block"].eq(sweep["block"].max()) & sweep["method"].eq("cliques")]
    nearest = sweep.iloc[(sweep["theta"] - 0.3).abs().argsort()[:1]]
    strictest = max(
        (
            Estimate.of_interval(
                float(nearest[f"{null}_clustered"].iloc[0]),
                float(nearest[f"{null}_clustered_low"].iloc[0]),
                float(nearest[f"{null}_clustered_high"].iloc[0]),
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
    if "learning" not in tables:
        return None
    growth = estimate(_of_encoder(last_block(tables["learning"], "growth exponent")))
    if growth is None:
        return None
    clusters = estimate(_of_encoder(last_block(tables["learning"], "clusters")))
    if clusters is not None and not clusters.value:
        return undecided("no two tokens match strongly, so no cluster could be finite", MORE_TOKENS)
    return Finding(growth)


def falling_noise(tables: Tables, *, prefix: str = "") -> Finding | None:
    """Fall of the noise share per block; control: the same fall with partners moved at random."""
    if f"{prefix}learning" not in tables:
        return None
    learning = tables[f"{prefix}learning"]
    fall = estimate(_of_encoder(whole_encoder(learning, "noise share slope")), -1)
    null = estimate(_of_encoder(whole_encoder(learning, "noise share slope, null")), -1)
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
    if "learning" not in tables:
        return False
    rows: Frame = last_block(tables["learning"], "masked-LM accuracy")
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


def _of_encoder(rows: Frame) -> Frame:
    return rows[rows["run"].eq("encoder")]


claim(
    id="p2-apt-rises",
    paper="P2",
    statement="The mean accuracy per token, <APT>, rises along the blocks.",
    statistic="change of <APT> per block, least squares over blocks 0..L",
    control="untrained trunk with trained read-outs",
    null=0.0,
    least=0.005,
    least_reason=HALF_A_POINT,
    simplest=HEADS_ALONE,
    asks=(LEARNED,),
    choices=f"{HEADS} <APT> is over tokens modified at least once.",
    figure={"table": "learning", "statistic": "mean APT"},
)(where_trained(partial(beside_untrained, statistic="mean APT slope", whole=True)))

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
    figure={"table": "frequency", "statistic": "frequency rho"},
)(where_trained(partial(beside_untrained, statistic="frequency rho", whole=False)))

claim(
    id="p2-clusters",
    paper="P2",
    statement="Pre-training groups tokens into strong match clusters.",
    statistic="tokens in strong match clusters of two or more at the last block",
    control="predictions permuted within frequency bins, and partners moved at random",
    null=0.0,
    least=2.0,
    least_reason="Two tokens are the smallest cluster.",
    simplest="The same number of errors, at random among tokens of like frequency; it is run.",
    asks=(SIMPLEST,),
    choices="Threshold 0.3 (the group's on image classes, carried over by us), greedy cliques by "
    "falling frequency, tokens with at least 10 modified occurrences. The second null, stricter "
    "where errors are concentrated, is ours.",
    figure={"table": "cluster_sweep", "statistic": "clusters"},
)(where_trained(clusters_beside_null))

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
    figure={"table": "learning", "statistic": "largest cluster"},
)(where_trained(finite_clusters))

claim(
    id="p2-clusters-sharper",
    paper="P2",
    statement="The strong match clusters become sharper along the blocks.",
    statistic="fall per block of the share of strong matches that lie outside the clusters",
    control="partners moved at random within frequency bins",
    null=0.0,
    least=0.01,
    least_reason="A point a block: less could not be seen in a chart (ours).",
    simplest="Partners moved at random, whose noise falls as tokens are kept; it is run.",
    asks=(SIMPLEST,),
    choices="Sharpness is read as little noise (ours), over blocks with at least 10 kept tokens "
    "and a strong match; fewer than three such blocks leave it undecided.",
    figure={"table": "learning", "statistic": "noise share"},
)(where_trained(falling_noise))

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
