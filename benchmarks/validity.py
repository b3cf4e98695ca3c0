# ruff: noqa: E501 - the page it writes has lines of its own
"""Can the verdicts be trusted? Coverage, false verdicts and power, measured; writes docs/validity.md.

`make validity`. Five questions, each with its table:

1. How often does a 95 % interval cover the truth? (`coverage`)
2. How often is an untrained encoder said to do what the papers say of trained ones? Each of many is
   judged beside twelve others of its shape as its twins.
3. How often is a true statement found? Encoders built so that it is true to a degree
   (`built_encoders`), beside untrained ones.
4. How many of an untrained encoder's heads have a label?
5. What do P2's claims say of predictions whose truth is known? (`made_up_predictions`)

What was measured of encoders is kept, so that a run that was stopped goes on. `--only` measures one
question anew and leaves the rest of the page as it is.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks import coverage
from benchmarks.built_encoders import BUILT, SHAPES, SHORT_RANGE, Shape
from benchmarks.judged import (
    BUILT_SHAPE,
    CLAIMS,
    COUNTS,
    DEGREES,
    TWINS,
    Estimates,
    Made,
    known,
    measure_once,
    rate,
    read,
    verdicts,
    with_twins,
)  # fmt: skip
from benchmarks.markdown import percent, table
from benchmarks.predictions_judged import predictions_section
from blocklens.claims.registry import REGISTRY
from blocklens.heads.head_options import MOST_WINDOWS
from blocklens.heads.specialisation import labels_beyond_twins
from blocklens.statistics.intervals import EXCESS_KURTOSIS

PAGE = Path(__file__).parents[1] / "docs" / "validity.md"
COVERED_TEXTS = (20, 30, 50, 100, 250)
SELDOM = 0.05
"""A cell that gives verdicts more seldom says too little of them."""


def coverage_table(found: dict[tuple[str, int], dict[str, float]]) -> str:
    """Coverage and bias by quantity and number of texts."""
    return table(
        ["what", *(f"{count} texts" for count in COVERED_TEXTS)],
        [
            [f"`{what}`" if what in REGISTRY else what]
            + [
                f"{percent(cell['coverage'])} ({100 * cell['bias']:+.1f} %)"
                if judged(cell)
                else "no verdict"
                for count in COVERED_TEXTS
                for cell in [found[what, count]]
            ]
            for what in dict.fromkeys(what for what, _ in found)
        ]
        + [
            ["*effective groups, and runs with ten*"]
            + [
                f"*{cell['groups']:.0f}, {100 * cell['judged']:.0f} %*"
                for count in COVERED_TEXTS
                for cell in [found[next(iter(found))[0], count]]
            ]
        ],
    )


def judged(cell: dict[str, float]) -> bool:
    """Whether more than one draw in twenty has enough groups of texts for a verdict."""
    return cell["judged"] > SELDOM


def outside(found: dict[tuple[str, int], dict[str, float]]) -> str:
    """Which quantities are not covered 93 to 97 % of the time with some number of texts."""
    said = []
    for what in dict.fromkeys(what for what, _ in found):
        cells = [found[what, count] for count in COVERED_TEXTS]
        shares = [cell["coverage"] for cell in cells if judged(cell)]
        if min(shares) < 0.93 or max(shares) > 0.97:
            said.append(f"`{what}` ({percent(min(shares))} to {percent(max(shares))})")
    return f"Not within 93 to 97 % everywhere: {', '.join(said) or 'none'}."


def untrained_table(pools: dict[int, list[list[Estimates]]]) -> str:
    """Verdicts on untrained encoders, and what the rule before gave."""
    header, columns = ["claim"], []
    for count, by_shape in pools.items():
        judged = [one for pool in by_shape for one in with_twins(pool)]
        new, old = verdicts(judged), verdicts(judged, known)
        columns += [
            rate(new, "alone", "holds"), rate(new, "alone", "does not hold"),
            rate(new, "study", "holds"), rate(old, "alone", "holds"),
        ]  # fmt: skip
        header += [
            f"holds, {count} texts",
            "does not hold",
            "holds, in a study",
            "*twins as known*",
        ]
    rows = [
        [f"`{claim.id}`", *(percent(column.get(claim.id, 0.0)) for column in columns)]
        for claim in CLAIMS
    ]
    return table(header, rows)


def power_table(kept: Path, pools: dict[int, list[Estimates]], replicates: int) -> str:
    """How often a statement that is true is found, in a study."""
    header = ["claim"] + [
        f"{degree:g}: effect, holds at {' and '.join(map(str, COUNTS))} texts" for degree in DEGREES
    ]
    rows = []
    for claim in CLAIMS:
        cells = []
        for degree in DEGREES:
            rates, effects = [], []
            for count in COUNTS:
                found = [read(made, kept, count) for made in to_build(claim.id, degree, replicates)]
                rng = np.random.default_rng(0)
                pool = pools[count]
                judged = [
                    (own, [pool[n] for n in rng.choice(len(pool), TWINS, replace=False)])
                    for own in found
                ]
                rates.append(rate(verdicts(judged), "study", "holds").get(claim.id, 0.0))
                effects = [one[claim.id].value for one in found if one.get(claim.id)]
            cells.append(
                f"{np.median(effects):.2f}: " + ", ".join(f"{100 * one:.0f} %" for one in rates)
            )
        rows.append([f"`{claim.id}`", *cells])
    return table(header, rows)


def labelled(kept: Path, shape: Shape, seeds: int) -> tuple[int, int, int]:
    """Heads of untrained encoders with a label without twins, beside others, and how many there are."""
    frames = [
        pd.read_parquet(Made(shape, seed).file(kept, COUNTS[-1], "-heads")) for seed in range(seeds)
    ]
    alone = beside = heads = 0
    for start in range(0, seeds - TWINS, TWINS + 1):
        runs = [
            frame.assign(run="encoder" if place == 0 else f"untrained {place}")
            for place, frame in enumerate(frames[start : start + TWINS + 1])
        ]
        found = labels_beyond_twins(pd.concat(runs), coverage.ONE_CUT.cut)
        named = found["label"] != "none"
        beside, heads = beside + int(named.sum()), heads + len(found)
        for one in runs:
            without = labels_beyond_twins(one.assign(run="encoder"), coverage.ONE_CUT.cut)
            alone += int((without["label"] != "none").sum())
    return alone, beside, heads


def to_build(claim: str, degree: float, replicates: int) -> list[Made]:
    """The encoders built for one claim, of one degree and several seeds."""
    task = SHORT_RANGE if claim not in BUILT else claim
    return [Made(BUILT_SHAPE, 1000 + seed, task, degree) for seed in range(replicates)]


COVERAGE = "Do 95 % intervals cover the truth?"
UNTRAINED = "How often does an untrained encoder pass?"
POWER = "How often is a true statement found?"
LABELS = "How many untrained heads have a label?"
PREDICTIONS = "What do P2's claims say of predictions whose truth is known?"


def coverage_section(kept: Path, simulations: int, pool: ProcessPoolExecutor) -> str:
    """Coverage on simulated texts and on real ones."""
    prose = {long: pool.submit(coverage.text_sums, kept, long) for long in ("windows", "cut")}
    cells = {
        (what, count): pool.submit(coverage.of_simulated, what, count, simulations)
        for what in coverage.SIMULATED
        for count in COVERED_TEXTS
    }
    real_cells = {
        (long, what, count): pool.submit(
            coverage.of_measured, sums.result(), what, count, simulations
        )
        for long, sums in prose.items()
        for what in coverage.MEASURED
        for count in COVERED_TEXTS
    }
    of_simulated = {at: cell.result() for at, cell in cells.items()}
    tails = {
        long: {claim: coverage.excess_kurtosis(sums.result(), claim) for claim in coverage.MEASURED}
        for long, sums in prose.items()
    }
    whole, cut = (
        {at[1:]: cell.result() for at, cell in real_cells.items() if at[0] == wanted}
        for wanted in prose
    )
    half = 100 * 1.96 * (0.95 * 0.05 / simulations) ** 0.5
    return f"""{simulations:,} draws a cell, those with enough groups of texts for a verdict counted: within {half:.1f} points where all of them
have, within more where the last row says that few have ("no verdict": fewer than one in twenty; the strongest head needs twice the
texts); the bias of the estimate in brackets. The strongest head is chosen on half of the texts and measured on the
other: what must be covered is the true effect of the heads so chosen, which lies below that of the strongest of all by the
share under each table. First simulated texts whose lengths and ratios spread as those of real texts do.

{coverage_table(of_simulated)}

{outside(of_simulated)}

Then the texts of Python's language reference as the embedded encoder reads them, drawn with replacement, so
that the truth is the figure of them all. First their beginnings, of one window each:

{coverage_table(cut)}

{outside(cut)} {shortfall(cut)}
{kurtosis(tails["cut"])}

Then the same texts in windows, {MOST_WINDOWS} of a text at most, as a study takes them:

{coverage_table(whole)}

{outside(whole)} {shortfall(whole)}
{kurtosis(tails["windows"])}

With all windows of every text, of 50 to 1,400 tokens, one text of 149 held 7 % of all pairs of a kind and differed from the rest:
the heads' pairs hold their anchor 1.5 times as often as random ones, against 2.5 times in all texts. In draws that missed it an
interval was too narrow and nothing in them told of it: `p1-heads-differ`, `p1-repetition-head` and `p1-pairs-around-anchor` were
covered 89 to 93 % of the time from fifty texts on, and to ask for more effective groups made it no better. That is what
`--most-windows` is for."""


def shortfall(cells: dict[tuple[str, int], dict[str, float]]) -> str:
    """By how much the heads that are chosen fall short of the strongest of all."""
    said = []
    for what, (_, _, estimate) in coverage.MEASURED.items():
        if estimate is coverage.RunSums.strongest_head:
            short = [cells[what, count]["short"] for count in COVERED_TEXTS]
            said.append(f"`{what}` {percent(min(short))} to {percent(max(short))}")
    return f"Chosen heads below the strongest of all: {', '.join(said)}."


def kurtosis(tails: dict[str, float]) -> str:
    """How far what single texts add is from a bell curve."""
    said = [f"`{claim}` {value:.1f}" for claim, value in tails.items() if np.isfinite(value)]
    return (
        f"Excess kurtosis of what single texts add (0 for a bell curve; intervals allow for "
        f"{EXCESS_KURTOSIS:.0f}): {', '.join(said)}."
    )


def untrained_section(pools: dict[int, list[list[Estimates]]], seeds: int) -> str:
    """Verdicts on untrained encoders."""
    count = len(SHAPES) * seeds
    ends = stats.binom.interval(0.95, count, 0.05)
    return f"""{count} untrained encoders, {seeds} seeds each of (blocks x heads) {"; ".join(map(str, SHAPES))}; each judged beside twelve others of its
shape, as many as a study has by default. No claim may hold for more than 5 % of them; of {count} encoders at a true rate of 5 % between {ends[0]:.0f} and
{ends[1]:.0f} pass by chance. "Does not hold" is right of an untrained encoder. In a study the error is controlled over
its statements (false discovery rate). The last column takes the
twins as known, with intervals over texts alone: a rule that was replaced.

{untrained_table(pools)}"""


def power_section(kept: Path, pools: dict[int, list[list[Estimates]]], replicates: int) -> str:
    """Verdicts on built encoders."""
    beside = {count: by_shape[SHAPES.index(BUILT_SHAPE)] for count, by_shape in pools.items()}
    return f"""{replicates} encoders of each kind ({BUILT_SHAPE}), untrained but for some heads that were given a task, to three
degrees; beside twelve untrained ones, error controlled over the study. The effect is the median at {COUNTS[-1]} texts. Attention to
separators is e^degree times even attention; what a head carries of its task weighs degree times its random values.
`p1-own-anchor` has little room: four heads have four anchors at most, and those of untrained ones are nearly all distinct already.

{power_table(kept, beside, replicates)}"""


def labels_section(kept: Path, seeds: int) -> str:
    """How many heads of untrained encoders have a label."""
    alone, beside, heads = np.sum([labelled(kept, shape, seeds) for shape in SHAPES], axis=0)
    return f"""Of {heads:,} heads of untrained encoders {beside} ({percent(beside / heads)}) have a label beside twelve others as their twins; without twins
{alone:,} ({percent(alone / heads)}) would."""


def sections_of(page: str) -> dict[str, str]:
    """The sections of a page by their title."""
    parts = page.split("\n## ")[1:]
    return {title: text.strip() for title, _, text in (part.partition("\n") for part in parts)}


def main() -> None:
    """Measure everything, or one question, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=21, help="untrained encoders of each shape")
    parser.add_argument("--replicates", type=int, default=10, help="built encoders of each kind")
    parser.add_argument("--only", choices=("coverage", "encoders", "predictions"))
    parser.add_argument("--kept", type=Path, default=Path(".validity"), help="what was measured")
    parser.add_argument("--out", type=Path, default=PAGE)
    given = parser.parse_args()
    began, kept = time.perf_counter(), given.kept
    kept.mkdir(parents=True, exist_ok=True)
    cores = os.cpu_count() or 1
    page = given.out.read_text("utf-8") if given.only else ""
    sections = sections_of(page)
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        if given.only in (None, "coverage"):
            sections[COVERAGE] = coverage_section(kept, given.simulations, pool)
        if given.only in (None, "encoders"):
            nobody = [Made(shape, seed) for shape in SHAPES for seed in range(given.seeds)]
            some = [
                made
                for claim in BUILT
                for degree in DEGREES
                for made in to_build(claim, degree, given.replicates)
            ]
            list(pool.map(partial(measure_once, kept=kept), [*nobody, *some]))
            pools = {
                count: [
                    [read(Made(shape, seed), kept, count) for seed in range(given.seeds)]
                    for shape in SHAPES
                ]
                for count in COUNTS
            }
            sections[UNTRAINED] = untrained_section(pools, given.seeds)
            sections[POWER] = power_section(kept, pools, given.replicates)
            sections[LABELS] = labels_section(kept, given.seeds)
        if given.only in (None, "predictions"):
            sections[PREDICTIONS] = predictions_section(given.replicates, pool)
    minutes = (time.perf_counter() - began) / 60
    top = f"""# Can the verdicts be trusted?

Measured by `make validity` (`python -m benchmarks.validity --simulations {given.simulations} --seeds {given.seeds}
--replicates {given.replicates}`; {minutes:.0f} minutes, {cores} processes). The rule is in [definitions.md](definitions.md#a-claim)."""
    if given.only:
        top = page.partition("\n## ")[0].strip()
    order = (COVERAGE, UNTRAINED, POWER, LABELS, PREDICTIONS)
    parts = [f"## {title}\n\n{sections[title]}" for title in order if title in sections]
    given.out.write_text("\n\n".join([top, *parts]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
