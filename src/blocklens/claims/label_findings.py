"""What P2's statements find in the tables of labels: an effect, its control, what is too little.

Each function is one for every kind of label; none knows a statement's words.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from blocklens.claims.registry import LEARNED, SIMPLEST, Finding, Tables, undecided
from blocklens.labels.nulls import NULLS
from blocklens.labels.sharpness import EXCESS
from blocklens.labels.tasks import TOKENS, Task
from blocklens.statistics.estimate import SEEDS, TEXTS, Estimate, Source, population
from blocklens.statistics.groups import GROUPS

Frame: TypeAlias = Any
"""A pandas data frame; pandas ships no types for its arithmetic."""

UNTRAINED = "untrained"
PERCOLATES = 0.25
"""A share of the kept tokens in one connected cluster that is no longer small (ours)."""


def estimate(rows: Frame, sign: float = 1.0, unit: str = TEXTS) -> Estimate | None:
    """The value of a table's single row with its interval; None without a row.

    `sign`: -1 turns a fall into a positive number. `unit`: what the inputs are.
    """
    if len(rows) != 1:
        return None
    row = rows.iloc[0]
    low, high = sorted((sign * float(row["low"]), sign * float(row["high"])))
    # Folders of earlier studies do not say how many groups there were; that was seldom too few.
    value, groups = sign * float(row["value"]), float(row.get("groups", GROUPS))
    error = float(row.get("seeds_error", math.nan))
    seeds = Source(SEEDS, error, int(row["seeds"])) if math.isfinite(error) else None
    return Estimate.of_interval(value, low, high, unit=unit, groups=groups, of=GROUPS, seeds=seeds)


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
    tables: Tables, task: Task, statistic: str, *, of_all_blocks: bool = False
) -> Finding | None:
    """A statistic of `learning` for the encoder, and for all untrained twins together.

    At the last block, or `of_all_blocks` together.
    """
    learning = of_task(tables, "learning", task)
    if learning is None:
        return None
    rows: Frame = (whole_encoder if of_all_blocks else last_block)(learning, statistic)
    effect = estimate(of_encoder(rows), unit=task.inputs)
    if effect is None:
        return None
    twins = [run for run in rows["run"].unique() if str(run).split()[0] == UNTRAINED]
    controls = [estimate(rows[rows["run"].eq(run)], unit=task.inputs) for run in twins]
    measured = [control for control in controls if control is not None]
    return Finding(effect, {LEARNED: population(measured)} if measured else {})


def clusters_beside_null(tables: Tables, task: Task) -> Finding | None:
    """Share of errors in the own cluster, over matched labels, at the last block.

    Clusters come from one half of the inputs and errors from the other: how many labels are in
    clusters changes by leaps with every group that is left out, and this does not. Nothing is said
    where a draw of either null puts as many labels into clusters.
    """
    learning, sweep = (of_task(tables, name, task) for name in ("learning", "cluster_sweep"))
    if learning is None or sweep is None:
        return None
    inside = estimate(of_encoder(last_block(learning, EXCESS)), unit=task.inputs)
    clustered = estimate(of_encoder(last_block(learning, "labels in clusters")))
    if inside is None or clustered is None:
        return None
    row = nearest(sweep, task, "cliques")
    by_chance = max(float(row[f"{null}_clustered_high"].iloc[0]) for null in NULLS)
    why = None
    if not clustered.value:
        why = f"no two {task.labels} match strongly: none is taken for another often enough"
    elif not math.isfinite(inside.value):
        why = f"half of the {task.inputs} holds no cluster of {task.labels}"
    elif clustered.value <= by_chance:
        why = (
            f"{clustered.value:.0f} {task.labels} are in clusters, and errors at random put up to "
            f"{by_chance:.0f} into some"
        )
    finding = Finding(inside)
    return undecided(why, more_inputs(learning, task), finding) if why else finding


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
    rise = estimate(of_encoder(whole_encoder(learning, f"{EXCESS} slope")), unit=task.inputs)
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

    def judged(tables: Tables) -> Finding | None:
        finding = find(tables)
        if finding is None or not read_outs_fall_short(tables):
            return finding
        return undecided(
            "the read-outs were trained on too little: the encoder's own head does better at the "
            "last block",
            "read-outs trained on more tokens (--train-tokens)",
            finding,
        )

    return judged


def of_encoder(rows: Frame) -> Frame:
    """The rows of the encoder itself."""
    return rows[rows["run"].eq("encoder")]
