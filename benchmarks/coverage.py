"""How often does a 95 % interval cover the truth? Part of `validity`.

Twice: on simulated texts, whose truth is known, and on real texts drawn with replacement from all
those measured, whose truth is the figure of them all. What counts is where a verdict may be given:
draws of too few groups of texts have none.

The strongest head is chosen on half of the texts and measured on the other. Its interval is that of
the heads so chosen, and must cover their own true effect; how far that lies below the strongest of
all is a figure of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from blocklens.claims.head_sums import Quantity, RunSums
from blocklens.embedded.bert6 import EMBEDDED
from blocklens.embedded.prose import prose
from blocklens.encoder.trunk import Encoder
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.measurement import measure
from blocklens.statistics.groups import FEWEST_GROUPS, GROUPS
from blocklens.statistics.intervals import Floats
from blocklens.storage import write_table

BLOCKS, HEADS = 3, 4
ONE_CUT = HeadOptions(sweep=(0.01,))

Sums = tuple[Floats, Floats]
"""Observed and expected, [texts or groups, blocks, heads]."""


def run_of(sums: Sums) -> RunSums:
    """The sums as a run whose quantities claims take."""
    made = RunSums.__new__(RunSums)
    made.observed, made.expected = sums
    made.blocks, made.of = sums[0].shape[1], GROUPS
    return made


def grouped(rng: np.random.Generator, texts: Sums) -> Sums:
    """The texts' sums by group; a text's group is its hash, and so any."""
    group = rng.integers(GROUPS, size=len(texts[0]))
    there = np.unique(group)
    observed, expected = (np.zeros((GROUPS, *of_texts.shape[1:])) for of_texts in texts)
    np.add.at(observed, group, texts[0])
    np.add.at(expected, group, texts[1])
    return observed[there], expected[there]


def simulated(
    rng: np.random.Generator, texts: int, truth: Floats, *, noise: float = 0.35, size: float = 0.7
) -> Sums:
    """Texts of unlike lengths, whose own ratios are skewed around `truth` [blocks, heads].

    A part of a text's own ratio is the same for all heads, as it is with real texts. Both spreads
    are as wide as those of real texts (Python's language reference: 0.7 to 1.0, 0.06 to 0.44).
    """
    length = rng.lognormal(0, size, (texts, 1, 1)) * 100
    shared = rng.lognormal(-(noise**2) / 2, noise, (texts, 1, 1))
    own = rng.lognormal(-(noise**2) / 2, noise, (texts, *truth.shape))
    return length * truth * shared * own, np.broadcast_to(length, own.shape)


SIMULATED: dict[str, tuple[Quantity, Callable[[Floats], Floats]]] = {
    "ratio, final third": (RunSums.final_third, lambda truth: truth[-1].mean()),
    "first over final third": (
        RunSums.first_over_final,
        lambda truth: truth[0].mean() / truth[-1].mean(),
    ),
    "strongest head": (RunSums.strongest_head, lambda truth: truth),
    "spread over heads": (
        RunSums.spread_over_heads,
        lambda truth: np.sqrt(np.log2(truth).var(axis=1, ddof=1).mean()),
    ),
}
"""Each quantity with its true value, or that of every head where a draw chooses among them."""

MEASURED: dict[str, tuple[str, str, Quantity]] = {
    "p1-separator": ("separators", "attention to separator", RunSums.final_third),
    "p1-full-stop": ("separators", "attention to full stop", RunSums.final_third),
    "p1-heads-differ": ("specialisation", "repetition", RunSums.spread_over_heads),
    "p1-repetition-head": ("specialisation", "repetition", RunSums.strongest_head),
    "p1-context-head": ("specialisation", "anchor context", RunSums.strongest_head),
    "p1-long-range-first": ("distance", "mean distance", RunSums.first_over_final),
    "p1-short-range-last": ("distance", "share within 5", RunSums.final_third),
    "p1-same-sentence": ("sentences", "same sentence, distance matched", RunSums.final_third),
    "p1-own-anchor": ("anchors", "uniqueness", RunSums.effect),
    "p1-pairs-around-anchor": ("specialisation", "anchor", RunSums.effect),
}
"""Each claim's measure, statistic and quantity."""


def covered(draws: Iterator[RunSums], estimate: Quantity, truth: Floats) -> dict[str, float]:
    """How often the interval covers the truth, the bias by its size, and the groups' number.

    Of the draws with enough groups for a verdict; "in all draws" whatever their groups. `truth`:
    every head's ratio, [blocks, heads], or the one true value, [].
    """
    groups, found = [], []
    for run in draws:
        one = estimate(run)
        if one is None:
            continue
        groups.append(one.inputs.groups if one.inputs else 0.0)
        heads = [truth[block, head] for _, block, head in run.strongest_heads() if truth.ndim]
        true = float(np.mean(heads)) if heads else float(truth)
        found.append((one.low <= true <= one.high, one.value / true - 1, true))
    judged, every = np.array(groups) >= FEWEST_GROUPS, np.array(found)
    hit, bias, _ = every[judged].mean(axis=0) if judged.any() else [np.nan] * 3
    return {
        "coverage": float(hit),
        "in all draws": float(every[:, 0].mean()),
        "bias": float(bias),
        "short": float(1 - every[:, 2].mean() / truth.max()),
        "groups": float(np.mean(groups)),
        "judged": float(judged.mean()),
    }


def of_simulated(
    quantity: str, texts: int, simulations: int, seed: int = 0, **spread: float
) -> dict[str, float]:
    """Coverage of one quantity on simulated texts."""
    rng = np.random.default_rng([seed, texts])
    estimate, of_truth = SIMULATED[quantity]
    truth = np.exp(np.random.default_rng(1).normal(0, 0.3, (BLOCKS, HEADS)))
    truth[1, 2] = 4.0  # a head that is clearly the strongest
    drawn = (simulated(rng, texts, truth, **spread) for _ in range(simulations))
    return covered((run_of(grouped(rng, one)) for one in drawn), estimate, of_truth(truth))


def of_measured(
    texts: pd.DataFrame, claim: str, count: int, simulations: int, seed: int = 0
) -> dict[str, float]:
    """Coverage of one claim's quantity on texts drawn from those measured, `text_sums`."""
    population, estimate = population_of(texts, claim)
    rng = np.random.default_rng([seed, count])
    every = population.observed, population.expected

    def draws() -> Iterator[RunSums]:
        for _ in range(simulations):
            some = rng.integers(len(every[0]), size=count)
            yield run_of(grouped(rng, (every[0][some], every[1][some])))

    return covered(draws(), estimate, truth_of(estimate, population))


def population_of(texts: pd.DataFrame, claim: str) -> tuple[RunSums, Quantity]:
    """What a claim reads of all texts measured, each a group of its own, and its quantity."""
    measure_name, statistic, estimate = MEASURED[claim]
    rows = texts[(texts["measure"] == measure_name) & (texts["statistic"] == statistic)]
    return RunSums(rows), estimate


def excess_kurtosis(texts: pd.DataFrame, claim: str) -> float:
    """Of what each text adds to a claim's quantity; NaN where it is not left out text by text.

    A bell curve has 0. `intervals.EXCESS_KURTOSIS` is what intervals allow for.
    """
    population, estimate = population_of(texts, claim)
    found = estimate(population)
    assert found is not None
    return float("nan") if found.without is None else float(stats.kurtosis(found.without))


def truth_of(estimate: Quantity, population: RunSums) -> Floats:
    """What a quantity would be of all texts, without noise; or that of every head."""
    ratio = population.observed.sum(axis=0) / population.expected.sum(axis=0)
    for quantity, of_truth in SIMULATED.values():
        if quantity is estimate and quantity in (RunSums.strongest_head, RunSums.spread_over_heads):
            return of_truth(ratio)
    found = estimate(population)
    assert found is not None
    return np.asarray(found.value)


def text_sums(kept: Path, long: Literal["windows", "cut"]) -> pd.DataFrame:
    """The sums of every text of the embedded prose by the embedded encoder, kept for another run.

    `group` is the text's number. `long`: whole texts, in windows, or their beginnings.
    """
    file = kept / f"text-sums-{long}.parquet"
    if not file.exists():
        encoder, found = Encoder.load(EMBEDDED), []
        for number, text in enumerate(prose()):
            measured = measure(encoder, [text], options=ONE_CUT, unit="text", long=long)
            found.append(measured.groups.assign(group=number))
        write_table(pd.concat(found, ignore_index=True), file)
    return pd.read_parquet(file)
