"""Head measures: against the plain forward pass, NumPy over hooks, and TransformerLens.

BERT-base's shape with random weights, 2 threads, float32; the sides are described in
`benchmarks/sides.py`, who runs in which batches and settings in `compare`. Before a comparison is
timed, the figures of both sides are checked equal (in double precision, where no rounding decides
which pair is larger).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import numpy as np
import torch

from benchmarks.calibration import calibrate
from benchmarks.fresh import in_fresh_process
from benchmarks.numpy_way import Figures
from benchmarks.sides import SIDES, Alike, Plain
from benchmarks.timing import in_turn, paired
from benchmarks.workers import WINDOWS, Worker
from benchmarks.workload import random_batches, random_bert
from blocklens.heads.distance import Distance
from blocklens.heads.measures import HeadMeasures
from blocklens.heads.uniqueness import Uniqueness

LIMITS: dict[tuple[str, int], float | None] = {
    ("alike", 128): 1.10,
    ("alike", 512): 1.15,
    ("one thread", 128): 1.10,
    ("one thread", 512): 1.15,
    ("plain", 128): 1.25,
    ("plain", 512): 1.6,
    ("hooks", 128): 1.5,
    ("hooks", 512): 2.5,
    ("lens", 128): 1.5,
    ("lens", 512): 1.5,
    ("tuned", 128): None,
    ("tuned", 512): None,
}
"""By what ours is compared with and tokens: at most (a pass) or at least (another way)."""

PASSES = {"alike": Alike, "one thread": Alike, "plain": Plain}
"""Those that measure nothing; the second on one thread, as each of several processes has it."""

NAMES = {
    "alike": "all head measures, time over the forward pass on the same products to the same place",
    "one thread": "all head measures, time over the same pass, both on one thread",
    "plain": "all head measures, time over the plain forward pass",
    "hooks": "speed over output_attentions, hooks and NumPy",
    "lens": "speed over TransformerLens' bridge and NumPy",
    "tuned": "speed over output_attentions, hooks and NumPy with our own tricks",
}


def run(quick: bool = False) -> Iterator[dict[str, Any]]:
    """All comparisons of time; each in a process of its own."""
    for (other, tokens), limit in LIMITS.items():
        found = in_fresh_process(
            "benchmarks.heads", "compare", other=other, tokens=tokens, quick=quick
        )
        better = "lower" if other in PASSES else "higher"
        value = found["ratio"]
        yield {
            "name": f"{NAMES[other]}, {tokens} tokens",
            "value": round(value, 3),
            "limit": limit,
            "holds": limit is None or (value <= limit if better == "lower" else value >= limit),
            "better": better,
            "unit": "times",
            **found,
        }


def compare(other: str, tokens: int, quick: bool = False) -> dict[str, Any]:
    """Time of ours over the plain pass, or time of the other over ours; see `timing.paired`.

    The passes that measure nothing run in our process and on our batches. The other ways run as
    people run them: in batches of 16 (8 long) windows, in a process without memory settings. What
    the settings and the batches are worth is measured beside it: `same_settings_ratio` gives them
    both of ours.
    """
    shape = "small" if quick else "base"
    pairs = 3 if quick or other not in PASSES else 7
    calibration = calibrate()
    if other in PASSES:
        if other == "one thread":
            torch.set_num_threads(1)
        model = random_bert(shape)
        batches = random_batches(3, tokens)
        ours, theirs = SIDES["ours"](model, tokens), PASSES[other](model, tokens)
        first, second = (_each_in_turn(side, batches) for side in (ours, theirs))
        return {**paired(first, second, pairs=pairs), **calibration}
    check_equal(other, shape, tokens)
    with Worker("ours", shape, tokens, batch=None, tuned=True) as ours:
        with Worker(other, shape, tokens, batch=WINDOWS[tokens], tuned=False) as theirs:
            found = in_turn(theirs, ours, pairs=pairs)
        with Worker(other, shape, tokens, batch=None, tuned=True) as theirs:
            same = in_turn(theirs, ours, pairs=pairs)
    return {**found, "same_settings_ratio": same["ratio"], **calibration}


def _each_in_turn(side: Callable[[Any], None], batches: list[Any]) -> Callable[[], None]:
    turn = cycle(batches)
    return lambda: side(next(turn))


def check_equal(other: str, shape: str, tokens: int) -> None:
    """Both sides' figures of one batch, in double precision.

    Raises:
        AssertionError: they differ.

    """
    model = random_bert(shape, double=True)
    batch = random_batches(1, tokens)[0][:2]
    ours, theirs = SIDES["ours"](model, tokens), SIDES[other](model, tokens)
    ours(batch)
    theirs(batch)
    assert_same(ours.sums, theirs.figures)


def assert_same(ours: HeadMeasures, theirs: Figures) -> None:
    """Every sum of every measure, the histograms and the anchors' counts are equal.

    Raises:
        AssertionError: they differ.

    """
    for measure in ours.each:
        sums = measure.ratios
        for mine, other in zip(
            (sums.observed, sums.expected, sums.weight), theirs.sums[measure.name], strict=True
        ):
            np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-9, err_msg=measure.name)
        assert sums.weight.any(), measure.name
    distance, anchors = ours.of(Distance).kept, ours.of(Uniqueness).kept
    np.testing.assert_array_equal(distance["pairs"], theirs.histogram)
    np.testing.assert_allclose(distance["expected"], theirs.expected, rtol=1e-5)
    texts = np.zeros_like(anchors["texts"])
    for place, count in theirs.anchors.items():
        texts[place] = count
    np.testing.assert_array_equal(anchors["texts"], texts)
