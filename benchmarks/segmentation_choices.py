"""What is chosen for segmentation, tried on Choi's set 4 alone: whitening, heads, border weight.

    python -m benchmarks.segmentation_choices MODEL [--every 5]

Prints mean Pk in sentences on documents of set 4 (ranges 3-5, 6-8, 9-11), the number of segments
given and found, for each power of the whitening, each choice of heads for the vectors, and, in the
method `both`, each choice of heads for the attention with each worth of a standard deviation of it
(0 is `context`). Needs the folder of Choi's documents.
"""

from __future__ import annotations

import argparse

import pandas as pd

from benchmarks.c99 import FOLDER
from blocklens.encoder import Encoder
from blocklens.segmentation import methods, pk, read_documents, selected
from blocklens.segmentation.metrics import masses_from_cuts
from blocklens.segmentation.number import find_cuts

POWERS = (0.6, 0.8, 1.0)
WEIGHTS = (0.01, 0.02, 0.03, 0.05, 0.1)
HEADS: tuple[methods.Which, ...] = ("all", "middle", "last", "chosen")


def main() -> None:
    """Print the table for one encoder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--every", type=int, default=5)
    given = parser.parse_args()
    encoder = Encoder.load(given.model)
    wanted = {"set": ["4"], "range": ["3-5", "6-8", "9-11"]}
    documents = list(selected(read_documents(FOLDER / "choi.jsonl.xz"), wanted, given.every))
    rows = []
    for document in documents:
        reading = methods.Reading(encoder, document.sentences)
        rows += figures(reading, document.masses)
    table = pd.DataFrame(rows, columns=["choice", "power", "weight", "heads", "known", "pk"])
    means = table.groupby(["choice", "power", "weight", "heads", "known"], sort=False).pk
    shown = means.mean().unstack("known").rename(columns={True: "given", False: "found"})
    print(f"{len(documents)} documents")
    print(shown.round(4).to_string())


def figures(reading: methods.Reading, masses: list[int]) -> list[tuple[object, ...]]:
    """Pk of one document for every choice, one thing changed at a time."""
    rows: list[tuple[object, ...]] = []

    def add(choice: str, power: float, weight: float, which: methods.Which) -> None:
        border = None
        if weight:
            border = weight * methods.border_attention(reading.separators, which)
        looked_at: methods.Which = "all" if weight else which
        vectors = methods.context_vectors(reading.vectors.heads, looked_at, power)
        for segments in (len(masses), None):
            cuts = find_cuts(vectors, border, segments=segments)
            error = pk(masses, masses_from_cuts(cuts, len(reading.sentences)))
            rows.append((choice, power, weight, which, segments is not None, error))

    for power in POWERS:
        add("whitening", power, 0.0, "all")
    for which in HEADS:
        add("heads of the vectors", methods.POWER, 0.0, which)
    for which in HEADS:
        for weight in WEIGHTS:
            add("heads of the attention", methods.POWER, weight, which)
    return rows


if __name__ == "__main__":
    main()
