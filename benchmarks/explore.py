"""Does the explorer answer while one types? A text of 64 tokens, on two threads.

python -m benchmarks --only explore
"""

from __future__ import annotations

import json
import statistics
from typing import Any

import torch

from benchmarks.timing import seconds
from blocklens.embedded.prose import prose
from blocklens.encoder.trunk import Encoder
from blocklens.exploring.explorer import Explorer
from blocklens.heads.maps_of_texts import look
from blocklens.inputs.texts import TextSource

TOKENS = 64


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Time from the text to the JSON of all heads, and to what every block predicts in a gap."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    encoder = Encoder.load()
    explorer = Explorer(encoder, TextSource(prose()[:3]))
    words = prose()[0].split()
    count = next(
        n for n in range(5, 99) if len(look(encoder, " ".join(words[:n])).tokens) >= TOKENS
    )
    text, times = " ".join(words[:count]), 3 if quick else 30

    def median(**asked: Any) -> float:
        json.dumps(explorer.answer(text, **asked))
        answers = [
            seconds(lambda: json.dumps(explorer.answer(text, **asked))) for _ in range(times)
        ]
        return 1000 * statistics.median(answers)

    asked = {"all heads of a text": {}, "a hidden token": {"position": 5}}
    found = {name: median(**given) for name, given in asked.items()}
    torch.set_num_threads(before)
    tokens = len(explorer.answer(text)["tokens"])
    return [
        {
            "name": f"the explorer's answer, {name}, {tokens} tokens, embedded encoder",
            "value": value, "unit": "ms", "limit": 200, "holds": value <= 200, "times": times,
        }
        for name, value in found.items()
    ]  # fmt: skip
