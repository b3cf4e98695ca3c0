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

from benchmarks.built_encoders import BUILT, SHAPES, SHORT_RANGE, Shape
from benchmarks.coverage import ONE_CUT
from benchmarks.coverage_tables import coverage_section
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
from blocklens.heads.specialisation import labels_beyond_twins

PAGE = Path(__file__).parents[1] / "docs" / "validity.md"


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
        found = labels_beyond_twins(pd.concat(runs), ONE_CUT.cut)
        named = found["label"] != "none"
        beside, heads = beside + int(named.sum()), heads + len(found)
        for one in runs:
            without = labels_beyond_twins(one.assign(run="encoder"), ONE_CUT.cut)
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
