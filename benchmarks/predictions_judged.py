# ruff: noqa: E501 - the page it writes has lines of its own
"""P2's claims on made-up predictions: a section of `validity`'s page."""

from __future__ import annotations

from concurrent.futures import Executor

from benchmarks.made_up_predictions import (
    FALSE,
    KINDS,
    TEXT,
    TOKENS,
    Task,
    claims_of,
    measured_once,
    rates,
)
from benchmarks.markdown import table

MANY, OF_TWINS = 100_000, 8_000
"""Modified tokens of a default study, and of its untrained twins."""

MADE_UP: tuple[tuple[Task, int, str], ...] = (
    (TOKENS, 20_000, "tokens, 20,000"),
    (TOKENS, MANY, "tokens, 100,000"),
    (TEXT, 2_000, "text classes, 2,000"),
)
"""Tasks and numbers of predictions."""


def predictions_section(replicates: int, pool: Executor) -> str:
    """Verdicts on made-up predictions."""
    rows = []
    for task, inputs, words in MADE_UP:
        for name in KINDS:
            if name == "untrained" and inputs == MANY:
                continue  # twins are measured on fewer
            times = 20 if name == "untrained" else 4 if FALSE[name] and inputs < MANY else 1
            size = OF_TWINS if name == "untrained" and task is TOKENS else inputs
            given = [(name, task, size, seed) for seed in range(times * replicates)]
            runs = list(pool.map(measured_once, given, chunksize=4))
            verdicts = rates(task, name, runs)
            row = [words if size == inputs else f"tokens, {size:,}", f"{name} ({len(given)})"]
            for what in claims_of(TOKENS):
                if what not in verdicts.index:
                    row.append("")
                    continue
                holds, fails = (f"{100 * one:.0f} %" for one in verdicts.loc[what])
                row.append(
                    f"{'*' * (what in FALSE[name])}{holds}{'*' * (what in FALSE[name])}, {fails}"
                )
            rows.append(row)
    header = [
        "predictions",
        "encoders",
        *(f"{what}: holds, does not" for what in claims_of(TOKENS)),
    ]
    return f"""Encoders that are what their read-outs answer (`benchmarks/made_up_predictions.py`): how often a block is right and whom its errors
take a label for is given, texts differ as real ones do, and tables and claims are those of a study. Untrained encoders rise no more than
others of their kind; errors at random, or dealt anew among labels as frequent, hold no cluster; clusters are of two to four tokens or classes and get
sharper, or are as sharp from the start; or matches connect all tokens. Rates of `holds` and of `does not hold`, each claim asked alone; *where it is false*, `holds` may
stand for at most 5 %.

{table(header, rows)}"""
