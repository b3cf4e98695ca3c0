"""What is chosen for segmentation, each setting tried on Choi's set 4 alone.

    python -m benchmarks.segmentation_choices MODEL [--every 3]

Prints mean Pk in sentences on documents of set 4 (ranges 3-5, 6-8, 9-11), the number of segments
given and found. One thing is changed at a time: which heads give the vectors, of how many heads the
rule takes one, the power of the whitening, which blocks count in `blocks`, which heads in
`attention`, and in `both` the worth of one standard deviation of separator attention. Needs the
folder of Choi's documents.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import get_args

import numpy as np
import pandas as pd

from benchmarks.c99 import FOLDER
from blocklens.encoder import Encoder
from blocklens.segmentation import Evidence, Reading, methods, pk, read_documents, selected
from blocklens.segmentation.choice import Which, best, neighbour_contrast
from blocklens.segmentation.metrics import masses_from_cuts

POWERS = (0.4, 0.6, 0.8, 0.9, 1.0)
ONE_IN = (2, 4, 8)
WEIGHTS = (0.01, 0.02, 0.03, 0.05)
WHICH: tuple[Which, ...] = get_args(Which)


def main() -> None:
    """Print the table for one encoder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--every", type=int, default=3)
    given = parser.parse_args()
    encoder = Encoder.load(given.model)
    wanted = {"set": ["4"], "range": ["3-5", "6-8", "9-11"]}
    documents = list(selected(read_documents(FOLDER / "choi.jsonl.xz"), wanted, given.every))
    rows = []
    for document in documents:
        reading = Reading(encoder, document.sentences, blocks=True)
        for choice, setting, evidence in evidences(reading):
            for segments, known in ((len(document.masses), "given"), (None, "found")):
                cuts = methods.cuts(evidence, segments)
                error = pk(document.masses, masses_from_cuts(cuts, len(document.sentences)))
                rows.append((choice, setting, known, error))
    table = pd.DataFrame(rows, columns=["choice", "setting", "known", "pk"])
    means = table.groupby(["choice", "setting", "known"], sort=False).pk.mean()
    print(f"{len(documents)} documents")
    print(means.unstack("known")[["given", "found"]].round(3).to_string())


def evidences(reading: Reading) -> Iterator[tuple[str, str, Evidence]]:
    """What is tried, which setting, and the evidence that one document gives with it."""
    heads = reading.vectors.heads
    none = np.zeros(len(reading.sentences) - 1)

    def vectors(*options: object) -> Evidence:
        return Evidence(none, methods.context_vectors(heads, *options))  # type: ignore[arg-type]

    for which in WHICH:
        yield "heads of the vectors", which, vectors(which)
    parts = np.moveaxis(heads.reshape(len(heads), -1, heads.shape[-1]), 1, 0)
    for one_in in ONE_IN:
        some = parts[best(neighbour_contrast(parts), one_in)]
        yield "heads chosen, one in", str(one_in), Evidence(none, methods.joined(some))
    for power in POWERS:
        yield "power of the whitening", str(power), vectors("chosen", power)
    for which in WHICH:
        yield "blocks", which, methods.METHODS["blocks"](reading, which)
    chosen = vectors().vectors
    for which in WHICH:
        received = methods.border_attention(reading.separators, which)
        yield "attention alone", which, Evidence(received)
        for weight in WEIGHTS:
            yield "both, weight", f"{weight} {which}", Evidence(none, chosen, weight * received)


if __name__ == "__main__":
    main()
