"""How fast a text is segmented, and what scoring and dividing cost beside the encoder.

    python -m benchmarks --only segmentation

The embedded encoder on two threads reads the prose of Python's language reference, joined to texts
of about 2,500 words; the number of segments is to be found, which costs more than when it is given.
Tokens are those that go through the encoder, special tokens included; the time is all of `segment`:
splitting into sentences, reading, scoring, dividing. The second figure is the time of all that is
no encoder (whitening, strengths, number of segments, starts) over the encoder's own, tokenising
included. `BLOCKLENS_ENCODER` names another encoder.
"""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

import torch

from benchmarks.calibration import calibrate
from benchmarks.fresh import in_fresh_process
from blocklens.embedded.bert6 import EMBEDDED
from blocklens.embedded.prose import prose
from blocklens.encoder.trunk import Encoder
from blocklens.inputs.sentences import sentence_spans
from blocklens.segmentation.methods import context
from blocklens.segmentation.reading import Reading

TOKENS_A_SECOND = 2000
SHARE = 0.1
WORDS = 2500


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Tokens a second, and scoring and dividing over the encoder, medians over texts."""
    given = {"texts": 1, "repeats": 1} if quick else {}
    found = in_fresh_process("benchmarks.segmentation", "work", **given)
    extra = {**calibrate(), **found}
    speed, share = found["tokens_a_second"], found["share"]
    return [
        {
            "name": "segmenting a text, number of segments to be found",
            "value": round(speed),
            "unit": "tokens/s",
            "better": "higher",
            "limit": TOKENS_A_SECOND,
            "holds": speed >= TOKENS_A_SECOND,
            **extra,
        },
        {
            "name": "scoring and dividing / the encoder",
            "value": round(share, 4),
            "unit": "x",
            "better": "lower",
            "limit": SHARE,
            "holds": share <= SHARE,
            **extra,
        },
    ]


def work(texts: int = 8, repeats: int = 3, threads: int = 2) -> dict[str, Any]:
    """Each text segmented several times; medians throughout, the worst beside them."""
    torch.set_num_threads(threads)
    encoder = Encoder.load(os.environ.get("BLOCKLENS_ENCODER", EMBEDDED))
    speeds, shares = [], []
    chosen = long_texts(texts)
    segmented(encoder, chosen[0])
    for text in chosen:
        for _ in range(repeats):
            tokens, reading, rest = segmented(encoder, text)
            speeds.append(tokens / (reading + rest))
            shares.append(rest / reading)
    return {
        "tokens_a_second": statistics.median(speeds),
        "slowest": min(speeds),
        "share": statistics.median(shares),
        "largest_share": max(shares),
        "encoder": encoder.name.rpartition("/")[2],
        "threads": threads,
        "texts": len(chosen),
    }


def segmented(encoder: Encoder, text: str) -> tuple[int, float, float]:
    """Tokens of one text, seconds of the encoder, and seconds of all else."""
    start = time.perf_counter()
    sentences = [text[a:b] for a, b in sentence_spans(text)]
    split = time.perf_counter()
    reading = Reading(encoder, sentences)
    tokens = reading.vectors.tokens
    read = time.perf_counter()
    context(reading).starts(None)
    return tokens, read - split, (split - start) + (time.perf_counter() - read)


def long_texts(count: int) -> list[str]:
    """Sections of Python's language reference joined until a text has `WORDS` words."""
    found, words = [""], 0
    for section in prose():
        if words >= WORDS:
            found.append("")
            words = 0
        found[-1] += section + "\n"
        words += len(section.split())
    return found[:count]
