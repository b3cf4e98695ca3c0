"""Two programs timed side by side: A B A B ..., since only ratios within one run hold.

The figure is the median over the pairs of the two times' ratio. Whatever slows the machine for
longer than a pair slows both sides of it; what hits one side of one pair moves the median little.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def paired(
    first: Callable[[], object], second: Callable[[], object], *, pairs: int, warm_up: int = 1
) -> dict[str, Any]:
    """Time of `first` over time of `second`, from interleaved pairs.

    Args:
        first: one side's work, complete in itself.
        second: the other side's.
        pairs: how many pairs are timed.
        warm_up: pairs run before and not counted.

    Returns:
        `ratio` (median over pairs), `ratio_low` and `ratio_high` (smallest and largest pair),
        `first_seconds` and `second_seconds` (medians) and `pairs`.

    """
    gc.collect()
    gc.disable()
    try:
        return in_turn(
            lambda: seconds(first), lambda: seconds(second), pairs=pairs, warm_up=warm_up
        )
    finally:
        gc.enable()


def in_turn(
    first: Callable[[], float], second: Callable[[], float], *, pairs: int, warm_up: int = 1
) -> dict[str, Any]:
    """As `paired`, of two sides that time themselves: each call returns its seconds."""
    for _ in range(warm_up):
        first()
        second()
    times = [(first(), second()) for _ in range(pairs)]
    ratios = [a / b for a, b in times]
    return {
        "ratio": statistics.median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "first_seconds": statistics.median(a for a, _ in times),
        "second_seconds": statistics.median(b for _, b in times),
        "pairs": pairs,
    }
