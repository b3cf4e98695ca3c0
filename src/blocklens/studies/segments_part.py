"""A folder of segments, or of how good they are: tables, claims, figures and a page to open.

    tables/sentences       of texts: every sentence with its segment and the border after it
    tables/scores          of an evaluation: every document's figures for every method
    tables/summary         their means with intervals
    tables/differences     what `joint` and `context` gain over other ways, with intervals
    tables/borders         what separators receive, by block and head, with intervals
    tables/border_sums     the same by document, of which the claims leave out each
    tables/claims          effect, interval, control and verdict

The rest is as in every study's folder (`runner.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from blocklens.distributed import join
from blocklens.encoder.trunk import Encoder
from blocklens.progress import SILENT, Progress
from blocklens.segmentation.baselines import BASELINES
from blocklens.segmentation.borders import BorderSums
from blocklens.segmentation.documents import Document, without
from blocklens.segmentation.evaluate import evaluate
from blocklens.segmentation.methods import METHODS
from blocklens.segmentation.segment_options import SegmentOptions
from blocklens.segmentation.segmented import Segmentation
from blocklens.segmentation.summary import differences, summarise
from blocklens.studies.part import Part, Result, Step
from blocklens.studies.runner import StudyRun, encoder_facts
from blocklens.studies.study_record import InputsRecord, StudyRecord

VERSION = 3

COMPARED = ("joint", "context")
"""The methods whose gain over every other is a table: the default, and the one of heads alone."""


def evaluate_in_folder(
    documents: Sequence[Document],
    encoder: Encoder,
    out: str | Path,
    *,
    methods: Sequence[str] | None = None,
    baselines: Sequence[str] | None = None,
    heads: str = "chosen",
    unit: Literal["sentences", "words"] = "sentences",
    untrained: int = 1,
    borders: bool = True,
    description: str = "documents",
    left_out: Sequence[str] = (),
    progress: Progress = SILENT,
) -> pd.DataFrame | None:
    """Score as `evaluate` does, judge the claims, and write tables and `report.html`.

    Under `torchrun` each process takes its share of the documents.

    Args:
        documents: with their true segments.
        encoder: what the methods read them with.
        out: the folder; one that holds such an evaluation already is brought up to date.
        methods: names in `METHODS`, default all.
        baselines: names in `BASELINES`, default all.
        heads: as in `segment`.
        unit: what Pk and WindowDiff count.
        untrained: how many untrained twins are measured beside the encoder.
        borders: whether to measure what separators receive, which the claims about them need.
        description: where the documents are from, for people.
        left_out: names of the documents that have nothing to be scored, see `read_documents`.
        progress: told how many documents are done.

    Returns:
        The scores, see `evaluate`; None on other processes than the first.

    Raises:
        UserError: no documents, an unknown method, or a folder that cannot be written.

    """
    options = {
        "methods": list(METHODS if methods is None else methods),
        "baselines": list(BASELINES if baselines is None else baselines),
        "heads": heads,
        "unit": unit,
        "untrained": untrained,
        "borders": borders,
    }
    hashes = {"encoder": encoder.fingerprint(), "documents": digest(documents)}
    notes = [
        "The intervals leave out one document at a time.",
        "Nothing is trained on the documents, and headings are not shown to any method.",
        *(f"Documents {line}." for line in without(left_out)),
    ]
    if not untrained:
        notes.append("No untrained twin was measured, so no claim that needs one has a verdict.")

    share = join()
    first, last = (len(documents) * end // share.world for end in (share.rank, share.rank + 1))

    def score(progress: Progress) -> Result | None:
        twins = [encoder.untrained(seed) for seed in range(untrained)]
        sums, scores = BorderSums(twins), None
        if first < last or share.world == 1:  # more processes than documents: nothing to do here
            scores = evaluate(
                documents[first:last], encoder, methods=methods, baselines=baselines, heads=heads,
                unit=unit, twins=twins, progress=progress,
                **({"watch": sums.add} if borders else {}),
            )  # fmt: skip
        parts = share.gather((scores, sums.documents_of))
        if parts is None:
            return None
        for _, documents_of in parts[1:]:
            sums.merge(documents_of)
        whole = pd.concat([some for some, _ in parts if some is not None], ignore_index=True)
        return Result({"scores": whole, **sums.tables()}, {})

    part = Part(
        "scores", VERSION, [Step("documents", {**options, **hashes}, score)],
        notes=lambda facts, tables: notes,
        derive=derived,
    )  # fmt: skip
    record = StudyRecord(
        kind="scores",
        **encoder_facts(encoder),
        texts=InputsRecord(description=description, count=len(documents)),
        options=options,
        hashes=hashes,
    )
    with StudyRun(out, "scores", share=share, progress=progress) as run:
        measured = run.measure(part)
        run.finish(record)
    return measured.results["documents"].tables["scores"] if share.rank == 0 else None


def derived(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """What follows from the scores without an encoder."""
    scores = tables["scores"]
    made = {"summary": summarise(scores)}
    ways = set(scores["method"])
    gains = [differences(scores, one) for one in COMPARED if one in ways and len(ways) > 1]
    return made | ({"differences": pd.concat(gains, ignore_index=True)} if gains else {})


def write_segmentations(
    segmentations: Sequence[Segmentation],
    encoder: Encoder,
    out: str | Path,
    *,
    options: SegmentOptions,
    description: str = "texts",
) -> Path:
    """Write the segments and the strength along each text: tables, `report.html`.

    Args:
        segmentations: what `segment` returned, one for each text.
        encoder: what they were found with.
        out: the folder.
        options: how they were found, to be recorded.
        description: where the texts are from, for people.

    Returns:
        The page's path.

    """
    frames = [one.sentences().assign(text=number) for number, one in enumerate(segmentations)]
    table = pd.concat(frames, ignore_index=True)
    made_of = hashlib.sha256(table.to_csv().encode("utf-8", "surrogatepass")).hexdigest()
    part = Part(
        "segments", VERSION,
        [Step("texts", made_of, lambda progress: Result({"sentences": table}, {}))],
        notes=lambda facts, tables: ["A border's strength is comparable within one text only."],
    )  # fmt: skip
    record = StudyRecord(
        kind="segments",
        **encoder_facts(encoder),
        texts=InputsRecord(description=description, count=len(segmentations)),
        options=options.model_dump(mode="json"),
        intervals=False,
    )
    with StudyRun(out, "segments") as run:
        run.measure(part)
        return run.finish(record).report


def digest(documents: Sequence[Document]) -> str:
    """A hash of the documents' names, sentences, true segments and fields."""
    sha = hashlib.sha256()
    for one in documents:
        record = [one.name, one.sentences, one.masses, one.fields]
        sha.update(json.dumps(record, ensure_ascii=False, default=str).encode())
    return sha.hexdigest()
