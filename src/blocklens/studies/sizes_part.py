"""A study of the number of training articles: many small pre-trainings and one report.

    study.json             what was trained, with every option and version
    seed-0/equal-steps/... the runs, each an ordinary `blocklens pretrain` folder
    tables/*.parquet       a row a run, a row a size, and the claim
    figures/, report.html  as in every study

The trainings are those of `blocklens.pretraining.train_sizes`; here they are judged and shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from blocklens.claims import evaluate
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.pretraining.train_sizes import train_sizes
from blocklens.provenance import made_with
from blocklens.storage import write_json, write_table

PACKAGES = ("blocklens", "torch", "transformers", "tokenizers", "numpy")
"""Whose versions are recorded."""


def study_sizes(
    texts: Any,
    out: Path,
    sizes: list[int],
    *,
    preset: str | None = None,
    given: dict[str, Any] | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    seeds: int = 1,
    **running: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train and measure as `train_sizes` does, judge the claim, and write `out/report.html`.

    All arguments are those of `train_sizes`; returns its table and the claims.
    """
    from blocklens.report import write_report

    table = train_sizes(
        texts, out, sizes, preset=preset, given=given, steps=steps, epochs=epochs, seeds=seeds,
        **running,
    )  # fmt: skip
    claims = evaluate({"training_sizes": table})
    write_table(claims, out / "tables" / "claims.parquet")
    budget = {"steps": steps} if steps else {"epochs": epochs}
    options = PretrainOptions.make(preset, **(given or {}), **budget)
    shared = options.model_dump(exclude={"articles", "steps", "epochs", "hours", "seed"})
    trained = len(sizes) * seeds * sum(value is not None for value in (steps, epochs))
    description = {
        "encoder": f"BERT-{options.blocks} of width {options.width}, {trained} times",
        "finished": True,
        "blocks": options.blocks,
        "heads": options.heads,
        "texts": {"description": getattr(texts, "description", "texts given by the caller")},
        "options": {"sizes": sizes, "seeds": seeds, "steps": steps, "epochs": epochs, **shared},
        **made_with(PACKAGES),
        "notes": notes(table),
    }
    write_json(description, out / "study.json")
    write_report(out)
    return table, claims


def notes(table: pd.DataFrame) -> list[str]:
    """How it was measured, and what the figures cannot say."""
    said = [
        "Each encoder is measured at its last block with its own head, on texts held out from all."
    ]
    if table["seeds"].to_numpy(dtype=int).max() < 2:
        said.append("One seed: its intervals are over texts, and the claim is left open.")
    if table["apt"].to_numpy(dtype=float).max() < COPYING:
        said.append(
            f"No encoder reached an <APT> of {COPYING}: a head that sees the token alone, right "
            "where it was left unchanged, has about as much. These runs were too short to say what "
            "more articles bring; train for more steps."
        )
    return said


COPYING = 0.12
"""<APT> that copying unchanged tokens stays below (docs/definitions.md: read-out of block m)."""
