# ruff: noqa: E501 - the page it writes has lines of its own
"""The section of `validity` on coverage: tables of how often 95 % intervals cover the truth."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks import coverage
from benchmarks.markdown import percent, table
from blocklens.claims.registry import REGISTRY
from blocklens.heads.head_options import MOST_WINDOWS
from blocklens.statistics.intervals import EXCESS_KURTOSIS

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
covered 89 to 93 % of the time from fifty texts on (measured once, without the limit), and to ask for more effective groups made it
no better. That is what `--most-windows` is for."""


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
