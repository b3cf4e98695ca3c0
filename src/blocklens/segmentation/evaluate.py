"""How good segmentations are, on documents whose true segments are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blocklens.errors import UserError
from blocklens.segmentation.baselines import even_cuts, random_cuts, texttiling_cuts
from blocklens.segmentation.c99 import c99
from blocklens.segmentation.documents import Document
from blocklens.segmentation.methods import METHODS, Reading, checked_which, cuts
from blocklens.segmentation.metrics import boundary_similarity, masses_from_cuts, pk, window_diff

if TYPE_CHECKING:
    from blocklens.encoder import Encoder

BASELINES: dict[str, Callable[[list[str], int | None], NDArray[np.int64]]] = {
    "texttiling": texttiling_cuts,
    "c99": c99,
    "random": random_cuts,
    "even": even_cuts,
}
FINDS_ALONE = {"texttiling"}
"""Baselines that cannot be told the number of segments."""
MEASURES = {"pk": pk, "windowdiff": window_diff}
RESAMPLES = 2000


def evaluate(
    documents: Iterable[Document],
    encoder: Encoder | None = None,
    *,
    methods: Sequence[str] | None = None,
    baselines: Sequence[str] | None = None,
    heads: str = "all",
    unit: Literal["sentences", "words"] = "sentences",
    progress: Callable[[str], None] = lambda name: None,
) -> pd.DataFrame:
    """Score methods and baselines on documents, with the number of segments unknown and known.

    Args:
        documents: with their true segments, see `read_documents`.
        encoder: what the methods read the documents with; None leaves the methods out.
        methods: names in `METHODS`, default all.
        baselines: names in `BASELINES`, default all.
        heads: as in `segment`.
        unit: what the measures count; Choi's own figures count words.
        progress: called with each document's name when it is done.

    Returns:
        One row for each document, method and `known`: `document`, `method`, `known` (whether the
        number of segments was given), `pk`, `windowdiff`, `boundary_similarity`, `segments`,
        `true_segments`. Boundary similarity is counted in sentences with either unit, since words
        inside a sentence are no places for a border.

    Raises:
        UserError: no documents, an unknown method or choice of heads.

    """
    which = checked_which(heads)
    methods = list(METHODS if methods is None else methods) if encoder is not None else []
    baselines = list(BASELINES if baselines is None else baselines)
    for name in (*methods, *baselines):
        if name not in METHODS and name not in BASELINES:
            raise UserError(f"method {name!r}: expected one of {', '.join([*METHODS, *BASELINES])}")
    rows: list[dict[str, object]] = []
    for document in documents:
        found: dict[tuple[str, bool], NDArray[np.int64]] = {}
        count = len(document.masses)
        if encoder is not None:
            reading = Reading(encoder, document.sentences)
            for name in methods:
                evidence = METHODS[name](reading, which)
                found[name, False] = cuts(evidence)
                found[name, True] = cuts(evidence, count)
        for name in baselines:
            found[name, False] = BASELINES[name](document.sentences, None)
            if name not in FINDS_ALONE:
                found[name, True] = BASELINES[name](document.sentences, count)
        for (name, known), places in found.items():
            rows.append(score(document, name, known, places, unit))
        progress(document.name)
    if not rows:
        raise UserError("no document with two segments or more to evaluate on")
    return pd.DataFrame(rows)


def score(
    document: Document,
    method: str,
    known: bool,
    places: NDArray[np.int64],
    unit: Literal["sentences", "words"] = "sentences",
) -> dict[str, object]:
    """One row of `evaluate`: the three measures of one segmentation of one document."""
    masses = masses_from_cuts(places, len(document.sentences))
    pair = (document.masses, masses)
    if unit == "words":
        pair = (document.in_words(document.masses), document.in_words(masses))
    return {
        "document": document.name,
        "method": method,
        "known": known,
        **{name: measure(*pair) for name, measure in MEASURES.items()},
        "boundary_similarity": boundary_similarity(document.masses, masses),
        "segments": len(masses),
        "true_segments": len(document.masses),
    }


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean of each measure with its 95 % interval, one row for each method and `known`.

    Columns: `method`, `known`, `documents`, and for each of `pk`, `windowdiff`,
    `boundary_similarity` the mean, `_low` and `_high`. Intervals come from resampling documents,
    the same draws for every method.
    """
    rows = []
    for key, part in scores.groupby(["method", "known"], sort=False):
        method, known = tuple(key)  # type: ignore[arg-type]
        row: dict[str, object] = {"method": method, "known": bool(known), "documents": len(part)}
        for measure in ("pk", "windowdiff", "boundary_similarity"):
            values = part[measure].to_numpy(dtype=float)
            means = values[draws(len(values))].mean(axis=1)
            row[measure] = float(values.mean())
            row[f"{measure}_low"], row[f"{measure}_high"] = (
                float(v) for v in np.percentile(means, (2.5, 97.5))
            )
        rows.append(row)
    return pd.DataFrame(rows)


def draws(count: int) -> NDArray[np.int64]:
    """Resamples of ``count`` documents, the same for the same count, [resamples, count]."""
    return np.random.default_rng(0).integers(0, count, (RESAMPLES, count))
