"""Memory of the head measures: peaks above the plain forward pass, each in a fresh process.

A process loads what it needs, notes how much it holds, runs its batches, and notes the peak. What
a side adds is its rise from there less the rise of the plain forward pass on the same batches.
Imports and weights are in neither, the measures' state is: it is made before and touched during
the run.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.calibration import calibrate
from benchmarks.fresh import in_fresh_process
from benchmarks.sides import SIDES
from benchmarks.workload import random_batches, random_bert, word_tokenizer
from blocklens.encoder.trunk import Encoder
from blocklens.heads.measurement import measure

SHORT = 32
"""Tokens of a window where ten thousand texts are measured."""


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Extra memory at 512 tokens against both other ways, at 128 tokens, and over many texts."""
    calibration = calibrate()
    rises = {
        (side, tokens): in_fresh_process(
            "benchmarks.memory", "rise", side=side, tokens=tokens, quick=quick
        )["megabytes"]
        for side, tokens in (
            ("plain", 128), ("ours", 128), ("plain", 512), ("ours", 512), ("hooks", 512),
            ("lens", 512),
        )
    }  # fmt: skip
    extra = {key: value - rises["plain", key[1]] for key, value in rises.items()}
    rows = [
        row(
            "all head measures, peak memory above the plain forward pass, 128 tokens",
            extra["ours", 128], 150, unit="MB", plain_rise=rises["plain", 128],
        )
    ]  # fmt: skip
    for other, name in (("hooks", "output_attentions and hooks"), ("lens", "TransformerLens")):
        rows.append(
            row(
                f"extra memory over that of {name}, 512 tokens",
                extra["ours", 512] / extra[other, 512], 0.25, unit="times",
                ours_megabytes=extra["ours", 512], other_megabytes=extra[other, 512],
                plain_rise=rises["plain", 512],
            )
        )  # fmt: skip
    few, many = (
        median(
            in_fresh_process("benchmarks.memory", "texts_rise", count=count)["megabytes"]
            for _ in range(1 if quick else 3)
        )
        for count in (100, 1_000 if quick else 10_000)
    )
    rows.append(
        row(
            "peak memory of measuring 10,000 texts over that of 100 (small encoder, 32 tokens)",
            many / few, 1.1, unit="times", few_megabytes=few, many_megabytes=many,
        )
    )  # fmt: skip
    return [{**found, **calibration} for found in rows]


def row(name: str, value: float, limit: float, **extras: Any) -> dict[str, Any]:
    """One figure that must not be above its limit."""
    return {
        "name": name,
        "value": round(value, 3),
        "limit": limit,
        "holds": value <= limit,
        "better": "lower",
        **extras,
    }


def rise(side: str, tokens: int, quick: bool = False) -> dict[str, float]:
    """How far the process's memory rises, in MB, while one side takes six batches."""
    work = SIDES[side](random_bert("small" if quick else "base"), tokens)
    batches = random_batches(6, tokens)
    before = resident_now()
    for batch in batches:
        work(batch)
    return {"megabytes": round(peak() - before, 1)}


def texts_rise(count: int) -> dict[str, float]:
    """The same for `blocklens.measure` on `count` texts, with a small encoder."""
    encoder = Encoder(random_bert("small"), word_tokenizer(), name="small")
    before = resident_now()
    measure(_Texts(count), encoder, window=SHORT, long="cut")
    return {"megabytes": round(peak() - before, 1)}


class _Texts:
    """Texts of two sentences that are written when asked for."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[str]:
        rng = np.random.default_rng(0)
        for _ in range(self.count):
            words = [f"w{number}" for number in rng.zipf(1.2, size=SHORT) % 20_000]
            yield f"{' '.join(words[:12])} .\n{' '.join(words[12:])} ."


def resident_now() -> float:
    """Memory held now, in MB; freed memory is given back and the peak forgotten first."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak() -> float:
    """The most memory held since `resident_now`, in MB."""
    return _status("VmHWM")


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith(field + ":"))
    return int(kilobytes) / 1024
