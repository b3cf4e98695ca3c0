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
from blocklens.segmentation.head_choice import checked_which
from blocklens.segmentation.methods import METHODS, Reading, context, cuts
from blocklens.segmentation.metrics import boundary_similarity, masses_from_cuts, pk, window_diff

if TYPE_CHECKING:
    from blocklens.encoder.trunk import Encoder

BASELINES: dict[str, Callable[[list[str], int | None], NDArray[np.int64]]] = {
    "texttiling": texttiling_cuts,
    "c99": c99,
    "random": random_cuts,
    "even": even_cuts,
}
FINDS_ALONE = {"texttiling"}
"""Baselines that cannot be told the number of segments."""
MEASURES = {"pk": pk, "windowdiff": window_diff}
ALL_MEASURES = (*MEASURES, "boundary_similarity")
RESAMPLES = 2000
SCORED = ("document", "method", "known", *ALL_MEASURES, "segments", "true_segments")
"""Columns of every evaluation; what else there is comes from the documents."""
UNTRAINED = "untrained"
"""How the rows of untrained twins start: "untrained 0" is the twin of seed 0."""


def evaluate(
    documents: Iterable[Document],
    encoder: Encoder | None = None,
    *,
    methods: Sequence[str] | None = None,
    baselines: Sequence[str] | None = None,
    heads: str = "chosen",
    unit: Literal["sentences", "words"] = "sentences",
    twins: Sequence[Encoder] = (),
    watch: Callable[[Document, Reading], None] = lambda document, reading: None,
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
        twins: untrained twins of the encoder; each segments by `context` too, as "untrained 0" and
            so on: what the trained weights are worth.
        watch: called with each document and what the encoder read of it, to measure more.
        progress: called with each document's name when it is done.

    Returns:
        One row for each document, method and `known`: `document`, `method`, `known` (whether the
        number of segments was given), `pk`, `windowdiff`, `boundary_similarity`, `segments`,
        `true_segments`, and the document's own numbers and words, such as Choi's `set` and `range`.
        Boundary similarity is counted in sentences with either unit, since words inside a sentence
        are no places for a border.

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
            reading = Reading(encoder, document.sentences, blocks="blocks" in methods)
            evidences = {name: METHODS[name](reading, which) for name in methods}
            for seed, twin in enumerate(twins):
                of_twin = Reading(twin, document.sentences)
                evidences[f"{UNTRAINED} {seed}"] = context(of_twin, which)
            for name, evidence in evidences.items():
                found[name, False] = cuts(evidence)
                found[name, True] = cuts(evidence, count)
            watch(document, reading)
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
    own = {k: v for k, v in document.fields.items() if isinstance(v, (str, int, float))}
    return {
        **own,
        "document": document.name,
        "method": method,
        "known": known,
        **{name: measure(*pair) for name, measure in MEASURES.items()},
        "boundary_similarity": boundary_similarity(document.masses, masses),
        "segments": len(masses),
        "true_segments": len(document.masses),
    }


def summarise(scores: pd.DataFrame, by: str | None = None) -> pd.DataFrame:
    """Mean of each measure with its 95 % interval, one row for each method and `known`.

    Columns: `method`, `known`, `documents`, and for each of `pk`, `windowdiff`,
    `boundary_similarity` the mean, `_low` and `_high`. Intervals come from resampling documents,
    the same draws for every method; one document has none, NaN.

    Args:
        scores: from `evaluate`.
        by: a column of the documents' own, such as "range", to be summarised apart; it becomes the
            first column.

    Raises:
        UserError: no such column.

    """
    if by is not None and by not in scores:
        own = [name for name in scores if name not in SCORED]
        raise UserError(f"{by}: no such field of the documents; expected one of {', '.join(own)}")
    rows = []
    for key, part in scores.groupby([*([by] if by else []), "method", "known"], sort=False):
        *apart, method, known = tuple(key)  # type: ignore[arg-type]
        row: dict[str, object] = {by: apart[0]} if by else {}
        row |= {"method": method, "known": bool(known), "documents": len(part)}
        for measure in ALL_MEASURES:
            values = part[measure].to_numpy(dtype=float)
            row[measure] = float(values.mean())
            row[f"{measure}_low"], row[f"{measure}_high"] = interval(values)
        rows.append(row)
    return pd.DataFrame(rows)


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of the mean over documents; NaN twice for a single one."""
    if len(values) < 2:
        return float("nan"), float("nan")
    low, high = np.percentile(values[draws(len(values))].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def draws(count: int) -> NDArray[np.int64]:
    """Resamples of ``count`` documents, the same for the same count, [resamples, count]."""
    return np.random.default_rng(0).integers(0, count, (RESAMPLES, count))
