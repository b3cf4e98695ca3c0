"""How good segmentations are, on documents whose true segments are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Int64
from numpy.typing import NDArray

from blocklens.errors import UserError
from blocklens.progress import NOTEBOOK, Progress
from blocklens.segmentation.baselines import BASELINES, FINDS_ALONE
from blocklens.segmentation.documents import Document, read_documents, without
from blocklens.segmentation.head_choice import checked_which
from blocklens.segmentation.methods import METHODS, context
from blocklens.segmentation.metrics import boundary_similarity, masses_from_starts, pk, window_diff
from blocklens.segmentation.reading import Reading

if TYPE_CHECKING:
    from blocklens.encoder.trunk import Encoder

UNTRAINED = "untrained"
"""How the rows of untrained twins start: "untrained 0" is the twin of seed 0."""

Unit = Literal["sentences", "words"]


def evaluate(
    documents: Iterable[Document] | str | Path,
    encoder: Any = None,
    *,
    methods: Sequence[str] | None = None,
    baselines: Sequence[str] | None = None,
    heads: str = "chosen",
    unit: Unit = "sentences",
    twins: Sequence[Encoder] = (),
    watch: Callable[[Document, Reading], None] = lambda document, reading: None,
    progress: Progress = NOTEBOOK,
) -> pd.DataFrame:
    """Score methods and baselines on documents, with the number of segments unknown and known.

    Args:
        documents: with their true segments, or the file or folder to read them from, see
            `read_documents`.
        encoder: what the methods read the documents with; None leaves the methods out.
        methods: names in `METHODS`, default all.
        baselines: names in `BASELINES`, default all.
        heads: as in `segment`.
        unit: what the measures count; Choi's own figures count words.
        twins: untrained twins of the encoder; each segments by `context` too, as "untrained 0" and
            so on: what the trained weights are worth.
        watch: called with each document and what the encoder read of it, to measure more.
        progress: counts the documents.

    Returns:
        One row for each document, method and `known`: `document`, `method`, `known` (whether the
        number of segments was given), `pk`, `windowdiff`, `boundary_similarity`, `uncut` (Pk and
        WindowDiff of the document as one segment, the same number), `segments`,
        `true_segments`, and the document's own numbers and words, such as Choi's `set` and `range`.
        Boundary similarity is counted in sentences with either unit, since words inside a sentence
        are no places for a border.

    Raises:
        UserError: no documents, an unknown method or choice of heads.

    Examples:
        >>> import blocklens
        >>> from pathlib import Path
        >>> line = "=" * 10  # between segments
        >>> lines = [line, "The cat sat.", "It ate.", line, "Stocks fell.", "Banks fell."]
        >>> _ = Path("document.txt").write_text(chr(10).join(lines))
        >>> scores = blocklens.evaluate(
        ...     "document.txt", "embedded", methods=["context"], baselines=["no-cut"]
        ... )
        >>> sorted(set(scores["method"]))
        ['context', 'no-cut']

    """
    which = checked_which(heads)
    if encoder is not None:
        from blocklens.encoder.given import texts_and_encoder

        documents, encoder = texts_and_encoder(documents, encoder)
    methods = list(METHODS if methods is None else methods) if encoder is not None else []
    baselines = list(BASELINES if baselines is None else baselines)
    for name in (*methods, *baselines):
        if name not in METHODS and name not in BASELINES:
            raise UserError(f"method {name!r}: expected one of {', '.join([*METHODS, *BASELINES])}")
    left_out: list[str] = []
    if isinstance(documents, (str, Path)):
        documents = read_documents(documents, left_out=left_out)
    total = len(documents) if isinstance(documents, Sized) else None
    scores: list[dict[str, object]] = []
    with progress.stage("documents", total, "documents") as stage:
        for document in documents:
            starts: dict[tuple[str, bool], NDArray[np.int64]] = {}
            count = len(document.masses)
            if encoder is not None:
                reading = Reading(encoder, document.sentences, blocks="blocks" in methods)
                evidences = {name: METHODS[name](reading, which) for name in methods}
                for seed, twin in enumerate(twins):
                    of_twin = Reading(twin, document.sentences)
                    evidences[f"{UNTRAINED} {seed}"] = context(of_twin, which)
                for name, evidence in evidences.items():
                    starts[name, False] = evidence.starts(None)
                    starts[name, True] = evidence.starts(count)
                watch(document, reading)
            for name in baselines:
                starts[name, False] = BASELINES[name](document.sentences, None)
                if name not in FINDS_ALONE:
                    starts[name, True] = BASELINES[name](document.sentences, count)
            for (name, known), places in starts.items():
                scores.append(score(document, name, known, places, unit))
            stage.advance()
    for line in without(left_out):
        progress.say(line)
    if not scores:
        raise UserError("no document with two segments or more to evaluate on")
    return pd.DataFrame(scores)


def score(
    document: Document,
    method: str,
    known: bool,
    places: Int64[np.ndarray, " starts"],
    unit: Unit = "sentences",
) -> dict[str, object]:
    """One row of `evaluate`: the measures of one segmentation of one document."""
    masses = masses_from_starts(places, len(document.sentences))
    true, proposed = document.masses, masses
    if unit == "words":
        true, proposed = document.in_words(true), document.in_words(proposed)
    own = {k: v for k, v in document.fields.items() if isinstance(v, (str, int, float))}
    return {
        **own,
        "document": document.name,
        "method": method,
        "known": known,
        "pk": pk(true, proposed),
        "windowdiff": window_diff(true, proposed),
        "boundary_similarity": boundary_similarity(document.masses, masses),
        "uncut": pk(true, [sum(true)]),
        "segments": len(masses),
        "true_segments": len(document.masses),
    }
