"""P2's claims on predictions whose truth is known by construction. Part of `validity`.

An encoder is what its read-outs answer: how often each block is right, and whom its errors take a
label for. Texts differ in their labels and in how hard they are, as real ones do. The tables and
the claims are those of a study.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blocklens.claims.registry import LEARNED, REGISTRY, judge
from blocklens.labels.confusion import ConfusionCounts
from blocklens.labels.nulls import frequency_bins
from blocklens.labels.tables import label_tables
from blocklens.labels.tasks import TEXT, TOKENS, Task
from blocklens.statistics.groups import GROUPS

BLOCKS = 5
LABELS = {TOKENS: 500, TEXT: 20}
INPUTS_OF_TEXT = {TOKENS: 100, TEXT: 1}
TWINS = 5
WRONG_PARTNERS = 3

Ints = NDArray[np.int64]
Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Kind:
    """How an encoder answers, at its first and last block, in equal steps between.

    Attributes:
        right: share of right answers.
        own: share of a clustered label's errors that fall into its cluster; others fall on labels
            as often as these occur.
        finite: clusters are of two to four labels as frequent; else a label's errors fall on
            `WRONG_PARTNERS` of its own, which connects all of them.
        permuted: wrong answers are dealt anew among labels of one frequency.

    """

    right: tuple[float, float]
    own: tuple[float, float] = (0.0, 0.0)
    finite: bool = True
    permuted: bool = False


RISES, FLAT = (0.1, 0.5), (0.1, 0.1)
KINDS = {
    "untrained": Kind(FLAT),
    "errors at random": Kind(RISES),
    "errors dealt anew": Kind(RISES, (0.1, 0.6), permuted=True),
    "clusters": Kind(RISES, (0.1, 0.6)),
    "clusters from the start": Kind(RISES, (0.5, 0.5)),
    "one cluster of all": Kind(RISES, (0.6, 0.6), finite=False),
}
FALSE = {
    "untrained": ("rises", "clusters", "sharper", "finite"),
    "errors at random": ("clusters", "sharper", "finite"),
    "errors dealt anew": ("clusters", "sharper", "finite"),
    "clusters": (),
    "clusters from the start": ("sharper",),
    "one cluster of all": ("sharper", "finite"),
}
"""Which statements are false of each kind; "finite" has no verdict where nothing could connect."""


def partners_of(kind: Kind, labels: int, rng: np.random.Generator) -> list[Ints]:
    """Whom each label's errors may fall on; half of the labels are in no cluster."""
    if not kind.finite:
        near = np.arange(labels)[:, None] + rng.integers(-20, 20, (labels, WRONG_PARTNERS))
        return list(np.clip(near, 0, labels - 1))
    found, at = [np.empty(0, np.int64)] * labels, 0
    while at < labels:
        size = int(rng.integers(2, 5))
        members = np.arange(at, min(at + size, labels))
        for member in members if rng.random() < 0.5 else ():
            found[member] = members[members != member]
        at += size
    return found


def answers(
    kind: Kind, task: Task, inputs: int, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints]:
    """True labels and their groups, [inputs], and predictions, [blocks, inputs]."""
    labels, of_text = LABELS[task], INPUTS_OF_TEXT[task]
    share = 1 / (np.arange(labels) + 10.0) if task is TOKENS else np.ones(labels)
    texts = inputs // of_text
    of_texts = share * rng.lognormal(0, 1, (texts, labels)) if of_text > 1 else None
    true = (
        rng.integers(labels, size=texts)
        if of_texts is None
        else np.concatenate([rng.choice(labels, of_text, p=one / one.sum()) for one in of_texts])
    )
    text = np.repeat(np.arange(texts), of_text)
    hard = rng.beta(1, 1, labels)[true] * 0.5 + rng.beta(2, 2, texts)[text] * 0.5
    seed_slope = rng.normal(0, 0.002)  # untrained encoders differ a little
    partners = partners_of(kind, labels, rng)
    number = np.array([len(one) for one in partners])
    table = np.zeros((labels, max(number.max(), 1)), np.int64)
    for label, one in enumerate(partners):
        table[label, : len(one)] = one
    luck, predicted = rng.random(len(true)), np.empty((BLOCKS, len(true)), np.int64)
    for block in range(BLOCKS):
        part = block / (BLOCKS - 1)
        right = kind.right[0] + part * (kind.right[1] - kind.right[0]) + seed_slope * block
        own = kind.own[0] + part * (kind.own[1] - kind.own[0])
        wrong = rng.choice(labels, len(true), p=share / share.sum())
        inside = (rng.random(len(true)) < own) & (number[true] > 0)
        which = (rng.random(len(true)) * number[true]).astype(np.int64)
        wrong[inside] = table[true, which][inside]
        predicted[block] = np.where(luck < 2 * right * hard, true, wrong)
        if kind.permuted:
            deal_anew(true, predicted[block], rng)
    return true, rng.integers(GROUPS, size=texts)[text], predicted


def deal_anew(true: Ints, predicted: Ints, rng: np.random.Generator) -> None:
    """Permute wrong answers among the labels of one frequency."""
    bins = frequency_bins(np.bincount(true))[true]
    for one in np.unique(bins):
        wrong = np.flatnonzero((bins == one) & (predicted != true))
        predicted[wrong] = rng.permutation(predicted[wrong])


def tables_of(kind: Kind, task: Task, inputs: int, rng: np.random.Generator, run: str) -> Tables:
    """The tables of one run."""
    true, group, predicted = answers(kind, task, inputs, rng)
    counts = ConfusionCounts(LABELS[task], BLOCKS, GROUPS)
    counts.update(true, predicted, group)
    names = [str(label) for label in range(LABELS[task])]
    frequency = np.bincount(true, minlength=LABELS[task]) if task is TOKENS else None
    one_cut = replace(task, thetas=(task.theta,))
    return label_tables(counts, names, one_cut, run=run, frequency=frequency)


def measured_once(given: tuple[str, Task, int, int]) -> Tables:
    """The tables of one encoder of a kind: its name, task, number of inputs and seed."""
    name, task, inputs, seed = given
    rng = np.random.default_rng([seed, list(KINDS).index(name), inputs])
    tables = tables_of(KINDS[name], task, inputs, rng, "encoder")
    return {table: tables[table] for table in ("learning", "cluster_sweep")}


def verdicts_on(task: Task, own: Tables, twins: Sequence[Tables] = ()) -> dict[str, str]:
    """The verdict on each of the task's claims, asked alone; some ask for twins."""
    runs = [own] + [
        {name: table.assign(run=f"untrained {number}") for name, table in twin.items()}
        for number, twin in enumerate(twins)
    ]
    tables = {name: pd.concat([run[name] for run in runs], ignore_index=True) for name in own}
    said = {}
    for what, one in claims_of(task).items():
        finding = REGISTRY[one].find(tables)
        if finding and (twins or LEARNED not in REGISTRY[one].asks):
            said[what] = judge([(REGISTRY[one], finding)])[0].verdict
    return said


def rates(task: Task, name: str, pool: Sequence[Tables]) -> pd.DataFrame:
    """How often each statement holds and does not hold, of encoders of one kind.

    Untrained ones are judged beside others of the pool, as twins.
    """
    rng, said = np.random.default_rng(0), []
    for number, own in enumerate(pool):
        others = np.delete(np.arange(len(pool)), number)
        drawn = rng.choice(others, TWINS, replace=False) if name == "untrained" else ()
        said.append(verdicts_on(task, own, [pool[other] for other in drawn]))
    verdicts = pd.DataFrame(said)
    words = ("holds", "does not hold")
    return pd.DataFrame({word: verdicts.eq(word).mean() for word in words})


def claims_of(task: Task) -> dict[str, str]:
    """The claims on a kind of label, by what they state."""
    clusters = str(task.clusters)
    found = {"rises": task.rises, "clusters": clusters, "sharper": f"{clusters}-sharper"}
    return found | ({"finite": "p2-clusters-finite"} if task is TOKENS else {})
