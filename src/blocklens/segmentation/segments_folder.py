"""A folder of segments, or of how good they are: tables, claims, figures and a page to open.

    study.json             what was segmented or scored, with every option, version and input hash
    tables/sentences       of texts: every sentence with its segment and the border after it
    tables/scores          of an evaluation: every document's figures for every method
    tables/summary         their means with intervals
    tables/borders         what separators receive, by block and head, with intervals
    tables/border_sums     the same by document, which the claims resample
    tables/claims          effect, interval, control and verdict
    figures/, report.html  as a study's

The same evaluation asked for again is not measured again: claims and report are made anew from the
tables.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from blocklens.claims import evaluate as judge
from blocklens.encoder.trunk import Encoder
from blocklens.provenance import made_with
from blocklens.segmentation.borders import BorderSums
from blocklens.segmentation.documents import Document
from blocklens.segmentation.evaluate import BASELINES, evaluate, summarise
from blocklens.segmentation.methods import METHODS
from blocklens.segmentation.segment import Segmentation
from blocklens.storage import output_folder, write_json, write_table

PACKAGES = ("blocklens", "torch", "transformers", "tokenizers", "numpy", "nltk", "sentencex")
"""Whose versions are recorded."""
MEASURED = ("scores", "borders", "border_sums")
"""Tables that take an encoder to make; the others follow from them."""


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
    progress: Callable[[str], None] = lambda name: None,
) -> pd.DataFrame:
    """Score as `evaluate` does, judge the claims, and write tables, figures and `report.html`.

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
        progress: called with each document's name when it is done.

    Returns:
        The scores, see `evaluate`.

    Raises:
        UserError: no documents, an unknown method, or a folder that cannot be written.

    """
    folder = output_folder(Path(out), "study.json")
    options = {
        "methods": list(METHODS if methods is None else methods),
        "baselines": list(BASELINES if baselines is None else baselines),
        "heads": heads,
        "unit": unit,
        "untrained": untrained,
        "borders": borders,
    }
    hashes = {"encoder": encoder.fingerprint(), "documents": digest(documents)}
    key = [options, hashes, version("blocklens")]
    tables = kept_tables(folder, key)
    if tables is None:
        twins = [encoder.untrained(seed) for seed in range(untrained)]
        sums = BorderSums(twins)
        scores = evaluate(
            documents, encoder, methods=methods, baselines=baselines, heads=heads, unit=unit,
            twins=twins, progress=progress, **({"watch": sums.add} if borders else {}),
        )  # fmt: skip
        tables = {"scores": scores, **sums.tables()}
    tables["summary"] = summarise(tables["scores"])
    tables["claims"] = judge(tables)
    notes = [
        "The intervals resample documents.",
        "Nothing is trained on the documents, and headings are not shown to any method.",
    ]
    if not untrained:
        notes.append("No untrained twin was measured, so no claim that needs one has a verdict.")
    texts = {"description": description, "count": len(documents)}
    _write(folder, encoder, tables, texts, options, {"hashes": hashes, "key": key}, notes)
    return tables["scores"]


def write_segmentations(
    found: Sequence[Segmentation],
    encoder: Encoder,
    out: str | Path,
    *,
    options: dict[str, Any],
    description: str = "texts",
) -> Path:
    """Write the segments and the strength along each text: tables, figures, `report.html`.

    Args:
        found: what `segment` returned, one for each text.
        encoder: what they were found with.
        out: the folder.
        options: how they were found, to be recorded.
        description: where the texts are from, for people.

    Returns:
        The page's path.

    """
    folder = output_folder(Path(out), "study.json")
    frames = [one.sentences().assign(text=number) for number, one in enumerate(found)]
    tables = {"sentences": pd.concat(frames, ignore_index=True)}
    texts = {"description": description, "count": len(found)}
    notes = ["A border's strength is comparable within one text only."]
    return _write(folder, encoder, tables, texts, options, {"intervals": False}, notes)


def _write(
    folder: Path,
    encoder: Encoder,
    tables: dict[str, pd.DataFrame],
    texts: dict[str, Any],
    options: dict[str, Any],
    record: dict[str, Any],
    notes: list[str],
) -> Path:
    """Tables, then the description that says they are whole, then the report."""
    from blocklens.report import write_report

    for old in (folder / "tables").glob("*.parquet"):
        if old.stem not in tables:
            old.unlink()
    for name, table in tables.items():
        write_table(table, folder / "tables" / f"{name}.parquet")
    description = {
        "encoder": encoder.name,
        "finished": True,
        "architecture": encoder.config.model_type,
        "blocks": encoder.blocks,
        "heads": encoder.heads,
        "texts": texts,
        "options": options,
        **made_with(PACKAGES),
        "notes": notes,
        **record,
    }
    write_json(description, folder / "study.json")
    return write_report(folder)


def kept_tables(folder: Path, key: list[Any]) -> dict[str, pd.DataFrame] | None:
    """The measured tables of an earlier evaluation with the same key, or None."""
    try:
        study = json.loads((folder / "study.json").read_text("utf-8"))
        if study.get("key") != json.loads(json.dumps(key)):
            return None
        files = [folder / "tables" / f"{name}.parquet" for name in MEASURED]
        return {file.stem: pd.read_parquet(file) for file in files if file.exists()}
    except (OSError, ValueError, AttributeError):
        return None


def digest(documents: Sequence[Document]) -> str:
    """A hash of the documents' names, sentences, true segments and fields."""
    found = hashlib.sha256()
    for one in documents:
        record = [one.name, one.sentences, one.masses, one.fields]
        found.update(json.dumps(record, ensure_ascii=False, default=str).encode())
    return found.hexdigest()
