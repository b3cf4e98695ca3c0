"""Do separators stand out, and those at true borders more? Sums over documents, head by head.

What the separator at the end of a sentence receives comes from `sentence_ends`; here it is set
against what other tokens receive, and at true borders against all other borders of the same
document. The sampling unit is the document, and every document weighs the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float64
from numpy.typing import NDArray

from blocklens.heads.ratios import Ratios
from blocklens.segmentation.documents import Document
from blocklens.segmentation.metrics import starts_from_masses
from blocklens.segmentation.reading import Reading

if TYPE_CHECKING:
    from blocklens.encoder.trunk import Encoder
    from blocklens.segmentation.sentence_ends import SeparatorAttention

MEASURE = "borders"
SEPARATORS = "attention to sentence ends"
TRUE_BORDERS = "attention at true borders"
STATISTICS = (SEPARATORS, TRUE_BORDERS)
Means = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Observed and expected of one document, see `border_means`."""


class BorderSums:
    """Attention that sentence ends receive, collected over documents for an encoder and its twins.

    Give `add` to `evaluate` as its ``watch``.

    Args:
        twins: untrained twins of the encoder that is evaluated.

    """

    def __init__(self, twins: Sequence[Encoder] = ()) -> None:
        self.twins = twins
        self.documents_of: dict[str, list[Means]] = {}

    def add(self, document: Document, reading: Reading) -> None:
        """Count one document; one in which every border is a true one has nothing to compare."""
        if len(document.masses) == len(document.sentences):
            return
        received = {"encoder": reading.separators}
        for seed, twin in enumerate(self.twins):
            received[f"untrained {seed}"] = Reading(twin, document.sentences).separators
        for run, attention in received.items():
            self.documents_of.setdefault(run, []).append(border_means(attention, document.masses))

    def merge(self, documents_of: dict[str, list[Means]]) -> None:
        """Add those of the documents that come after these."""
        for run, documents in documents_of.items():
            self.documents_of.setdefault(run, []).extend(documents)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The sums by block and head with their intervals, and by document for the claims.

        `borders`: as the head measures' table (value, null, effect, low, high), `run` in front.
        `border_sums`: `run`, `group` (the document's number), block, head, observed, expected.
        """
        reduced, sums = [], []
        for run, documents in self.documents_of.items():
            blocks, heads = documents[0][0].shape[1:]
            ratios = Ratios(MEASURE, STATISTICS, blocks=blocks, heads=heads, groups=len(documents))
            for group, (observed, expected) in enumerate(documents):
                ratios.observed[group, :, :, 0] = np.moveaxis(observed, 0, -1)
                ratios.expected[group, :, :, 0] = np.moveaxis(expected, 0, -1)
                ratios.weight[group] = 1
            reduced.append(ratios.table().assign(run=run))
            sums.append(ratios.sums(ratios.cuts[0]).assign(run=run))
        if not reduced:
            return {}
        return {
            "borders": pd.concat(reduced, ignore_index=True),
            "border_sums": pd.concat(sums, ignore_index=True),
        }


def border_means(
    attention: SeparatorAttention, masses: Sequence[int]
) -> tuple[
    Float64[np.ndarray, "statistics blocks heads"],
    Float64[np.ndarray, "statistics blocks heads"],
]:
    """Observed and expected of both statistics in one document, [2, blocks, heads] each.

    `SEPARATORS`: what the ends of sentences receive, against what tokens receive that are no
    separators. `TRUE_BORDERS`: what the sentence ends before a true border receive, against those
    before any other sentence; the last sentence of a document has none after it.
    """
    received = attention.received.astype(np.float64)
    inside = np.ones(len(received) - 1, dtype=bool)
    inside[starts_from_masses(masses) - 1] = False
    ends = received[:-1]
    observed = np.stack([received.mean(axis=0), ends[~inside].mean(axis=0)])
    expected = np.stack([attention.others.astype(np.float64), ends[inside].mean(axis=0)])
    return observed, expected
