"""What is chosen for segmentation, each setting tried on Choi's set 4 alone.

    python -m benchmarks.segmentation_choices MODEL [--every 6]

Prints mean Pk in sentences on documents of set 4, the number of segments given and found: apart for
the ranges of like lengths (3-5, 6-8, 9-11, 12-15) and for 3-15. One thing is changed at a time:
which heads give the vectors, of how many heads the rule takes one, the power of the whitening, the
power of a segment's coherence, which blocks count in `blocks`, which heads in `attention`, and in
`both` the worth of one standard deviation of separator attention. Needs the folder of Choi's
documents.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.c99 import FOLDER
from blocklens.encoder.trunk import Encoder
from blocklens.segmentation import methods
from blocklens.segmentation.border_strength import border_attention
from blocklens.segmentation.c99 import c99
from blocklens.segmentation.documents import Document, read_documents, selected
from blocklens.segmentation.head_choice import Which, best, neighbour_contrast
from blocklens.segmentation.metrics import masses_from_starts, pk
from blocklens.segmentation.reading import Reading
from blocklens.segmentation.segment_count import find_starts

POWERS = (0.4, 0.6, 0.8, 0.9, 1.0)
ONE_IN = (2, 4, 8)
COHERENCES = (0.0, 0.5, 0.6, 0.7, 0.8, 1.0)
WEIGHTS = (0.01, 0.02, 0.05)
Divide = Callable[[int | None], NDArray[np.int64]]
WHICH: tuple[Which, ...] = get_args(Which)


def main() -> None:
    """Print the table for one encoder."""
    parser = argparse.ArgumentParser(description="Pk of each setting on Choi's set 4.")
    parser.add_argument("model")
    parser.add_argument("--every", type=int, default=6)
    given = parser.parse_args()
    encoder = Encoder.load(given.model)
    documents = read_documents(FOLDER / "choi.jsonl.xz")
    documents = list(selected(documents, {"set": ["4"]}, given.every))
    rows = []
    for document in documents:
        lengths = "3-15" if document.fields["range"] == "3-15" else "like lengths"
        for choice, setting, divide in ways(encoder, document):
            for segments, known in ((len(document.masses), "given"), (None, "found")):
                masses = masses_from_starts(divide(segments), len(document.sentences))
                rows.append((choice, setting, lengths, known, pk(document.masses, masses)))
    table = pd.DataFrame(rows, columns=["choice", "setting", "lengths", "known", "pk"])
    means = table.groupby(["choice", "setting", "lengths", "known"], sort=False).pk.mean()
    print(f"{len(documents)} documents")
    print(means.unstack(["lengths", "known"]).round(3).to_string())


def ways(encoder: Encoder, document: Document) -> Iterator[tuple[str, str, Divide]]:
    """What is tried, which setting, and how it divides one document."""
    reading = Reading(encoder, document.sentences, blocks=True)
    heads = reading.vectors.heads

    def by(vectors: NDArray[np.floating]) -> Divide:
        return methods.of_vectors(vectors).starts

    for which in WHICH:
        yield "heads of the vectors", which, by(methods.context_vectors(heads, which))
    parts = np.moveaxis(heads.reshape(len(heads), -1, heads.shape[-1]), 1, 0)
    for one_in in ONE_IN:
        some = parts[best(neighbour_contrast(parts), one_in)]
        yield "heads chosen, one in", str(one_in), by(methods.joined(some))
    for power in POWERS:
        yield (
            "power of the whitening",
            str(power),
            by(methods.context_vectors(heads, "chosen", power)),
        )
    vectors = methods.context_vectors(heads)
    for coherence in COHERENCES:
        yield "coherence", str(coherence), partial(divided_by, vectors, coherence)
    for which in WHICH:
        yield "blocks", which, methods.METHODS["blocks"](reading, which).starts
    for which in WHICH:
        received = border_attention(reading.separators, which)
        yield "attention alone", which, methods.of_borders(received).starts
        for weight in WEIGHTS:
            evidence = methods.of_vectors(vectors, weight * received)
            yield "both, weight", f"{weight} {which}", evidence.starts
    yield "baseline", "c99", partial(c99, document.sentences)


def divided_by(
    vectors: NDArray[np.floating], coherence: float, segments: int | None
) -> NDArray[np.int64]:
    """`find_starts` with the number of segments last."""
    return find_starts(vectors, segments=segments, coherence=coherence)


if __name__ == "__main__":
    main()
