"""What a study's folder says: joined tables, judged claims, and how they came to be."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from blocklens.claims import evaluate
from blocklens.provenance import made_with
from blocklens.storage import write_json, write_table
from blocklens.studies.part import Part, Result, Work

PACKAGES = ("blocklens", "torch", "transformers", "tokenizers", "numpy", "pandas", "sentencex")
"""Whose versions are recorded."""


@dataclass(frozen=True)
class Found:
    """One part of a study and the result of each of its steps, by the step's name."""

    part: Part
    results: dict[str, Result]

    def table(self, name: str) -> pd.DataFrame | None:
        """The steps' tables of that name in one, or None where no step has it."""
        frames = [r.tables[name] for r in self.results.values() if name in r.tables]
        return pd.concat(frames, ignore_index=True) if frames else None

    @property
    def facts(self) -> dict[str, Mapping[str, Any]]:
        """The facts of every step, by its name."""
        return {step: result.facts for step, result in self.results.items()}


def write_study(folder: Path, work: Work, found: list[Found], notes: list[str]) -> None:
    """Join the steps' tables, judge the claims, and say what was done.

    `notes`: what is to be said before the parts' own notes, such as why one was left out.
    """
    tables = {
        name: table
        for one in found
        for name in one.part.tables
        if (table := one.table(name)) is not None
    }
    tables["claims"] = evaluate(tables)
    for old in (folder / "tables").glob("*.parquet"):  # of a part that is no longer asked for
        if old.stem not in tables:
            old.unlink()
    for name, frame in tables.items():
        write_table(frame, folder / "tables" / f"{name}.parquet")
    shutil.rmtree(folder / "examples", ignore_errors=True)
    for one in found:
        one.part.extras(work, folder)
    write_json(describe(work, found, notes), folder / "study.json")


def describe(work: Work, found: list[Found], notes: list[str]) -> dict[str, Any]:
    """What was measured of what, and how: the contents of `study.json`."""
    encoder, inputs = work.encoder, work.inputs
    facts = {one.part.name: one.facts for one in found}
    heads = facts.get("heads", {}).get("encoder", {})
    skipped = heads.get("skipped", [])
    return {
        "encoder": encoder.name,
        "finished": True,
        "architecture": encoder.config.model_type,
        "blocks": encoder.blocks,
        "heads": encoder.heads,
        "texts": {
            "description": work.source.description,
            "count": inputs.count - len(skipped),
            "windows": heads.get("windows"),
            "tokens": heads.get("tokens"),
            "unit": heads.get("unit"),
            "skipped": inputs.skipped_count + len(skipped),
            "skipped_list": [*inputs.skipped, *skipped][:1000],
        },
        "parts": facts,
        "options": work.options.model_dump(mode="json"),
        "hashes": {"texts": inputs.texts, "encoder": inputs.encoder},
        **made_with(PACKAGES),
        "notes": [*notes, *(note for one in found for note in one.part.notes(work, one.facts))],
    }
