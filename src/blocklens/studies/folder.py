"""What a study's folder says: joined tables, judged claims, examples, and how they came to be."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from blocklens.claims import evaluate
from blocklens.encoder import Encoder
from blocklens.examples import first_examples
from blocklens.storage import whole_file, write_json, write_table
from blocklens.studies.options import StudyOptions
from blocklens.studies.runs import TABLES
from blocklens.texts.reading import TextSource

PACKAGES = ("blocklens", "torch", "transformers", "tokenizers", "numpy", "pandas", "sentencex")
"""Whose versions are recorded."""


@dataclass(frozen=True)
class Inputs:
    """What a study reads, looked through once before anything is measured.

    Attributes:
        texts: a hash of the texts.
        encoder: a hash of the encoder.
        count: number of texts that could be read.
        skipped: those that could not, as "name: reason" (the first thousand).
        skipped_count: how many they are.

    """

    texts: str
    encoder: str
    count: int
    skipped: list[str]
    skipped_count: int

    @classmethod
    def of(cls, source: TextSource, encoder: Encoder) -> Inputs:
        """Look through the texts; the same pass counts, hashes and names what is skipped."""
        count = sum(1 for _ in source)
        skipped = [f"{bad.name}: {bad.reason}" for bad in source.skipped]
        return cls(source.digest(), encoder.fingerprint(), count, skipped, source.skipped_count)


def write_study(
    folder: Path,
    encoder: Encoder,
    source: TextSource,
    options: StudyOptions,
    found: dict[str, dict[str, pd.DataFrame]],
    facts: dict[str, Any],
    inputs: Inputs,
) -> None:
    """Join the runs' tables, judge the claims, keep the examples, and say what was done."""
    tables = {
        name: pd.concat([parts[name] for parts in found.values()], ignore_index=True)
        for name in TABLES
    }
    tables["claims"] = evaluate(tables)
    for name, frame in tables.items():
        write_table(frame, folder / "tables" / f"{name}.parquet")
    examples = first_examples(
        encoder, source, options.examples,
        similarity=options.heads.similarity, language=options.language,
    )  # fmt: skip
    for number, example in enumerate(examples):
        with whole_file(folder / "examples" / f"{number}.npz") as partial:
            buffer = BytesIO()
            np.savez_compressed(buffer, attention=example.attention, similarity=example.similarity)
            partial.write_bytes(buffer.getvalue())
    write_json([e.description() for e in examples], folder / "examples" / "examples.json")
    description = {
        "encoder": encoder.name,
        "finished": True,
        "architecture": encoder.config.model_type,
        "blocks": encoder.blocks,
        "heads": encoder.heads,
        "texts": {
            "description": source.description,
            "count": inputs.count - len(facts["skipped"]),
            "windows": facts["windows"],
            "tokens": facts["tokens"],
            "unit": facts["unit"],
            "skipped": inputs.skipped_count + len(facts["skipped"]),
            "skipped_list": [*inputs.skipped, *facts["skipped"]][:1000],
        },
        "options": options.model_dump(mode="json"),
        "hashes": {"texts": inputs.texts, "encoder": inputs.encoder},
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "notes": notes(options, facts, encoder),
    }
    write_json(description, folder / "study.json")


def notes(options: StudyOptions, facts: dict[str, Any], encoder: Encoder) -> list[str]:
    """What a reader must know before reading a number."""
    window = options.window or min(512, encoder.max_tokens)
    found = []
    if options.long == "windows":
        overlap = window // 8 if options.overlap is None else options.overlap
        found.append(
            f"Texts longer than {window} tokens went through in windows of {window} tokens, "
            f"{overlap} of them shared by neighbours."
        )
    else:
        found.append(f"Texts longer than {window} tokens were cut there.")
    if facts["unit"] == "window":
        found.append(
            "There are few texts, so the intervals resample windows of them: they describe these "
            "texts, not texts in general."
        )
    else:
        found.append("The intervals resample texts.")
    if not options.untrained:
        found.append("No untrained twin was measured, so no claim that needs one has a verdict.")
    return found
