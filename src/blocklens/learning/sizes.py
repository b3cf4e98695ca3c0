"""<APT> against the number of training articles, at equal steps and at equal epochs.

(docs/definitions.md: training-set size.) All runs share one vocabulary and one token file; a
smaller set is part of every larger one; all are measured on the same held-out texts, at the last
block with the model's own head.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from blocklens.errors import UserError
from blocklens.learning.apt import measure_learning
from blocklens.learning.corpus import is_held_out
from blocklens.learning.options import PretrainOptions
from blocklens.learning.runs import pretrain

MEASURED_TEXTS = 5000


def read_sizes(text: str) -> list[int]:
    """The numbers of "1000,4000,16000", rising. Raises UserError for anything else."""
    try:
        sizes = sorted({int(part) for part in text.split(",")})
    except ValueError:
        sizes = []
    if len(sizes) < 2 or sizes[0] < 1:
        raise UserError(f"sizes {text}: expected two or more numbers of articles, as 1000,4000")
    return sizes


def train_sizes(
    texts: Any,
    output: Path,
    sizes: list[int],
    *,
    preset: str | None = None,
    given: dict[str, Any] | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    resume: bool = False,
    save_minutes: float = 5.0,
    console: Console | None = None,
    measured: int = MEASURED_TEXTS,
) -> pd.DataFrame:
    """Train one encoder a size and comparison, and measure <APT> of each.

    `texts`: a TextSource, or strings. `steps` asks for the comparison at equal steps, `epochs` for
    the one at equal epochs; at least one is needed. With `resume`, finished runs are kept and an
    unfinished one goes on. Returns, and writes to `output/tables/training_sizes.parquet`, one row a
    run: comparison, articles, steps, tokens, apt with its 95 % interval over texts (low, high),
    n_types, accuracy, loss.
    """
    console = console or Console(stderr=True, quiet=True)
    comparisons = {"equal steps": {"steps": steps}, "equal epochs": {"epochs": epochs}}
    asked = {name: value for name, value in comparisons.items() if any(value.values())}
    if not asked:
        raise UserError("sizes: give --steps for equal steps, --epochs for equal epochs, or both")
    described = getattr(texts, "description", "texts given by the caller")
    digest = texts.digest() if hasattr(texts, "digest") else ""
    held_out: list[str] = []
    rows: list[dict[str, Any]] = []
    for comparison, budget in asked.items():
        for articles in sizes:
            values = {**(given or {}), **budget, "articles": articles}
            options = PretrainOptions.make(preset, **values)
            folder = output / comparison.replace(" ", "-") / f"{articles}-articles"
            console.print(f"{comparison}, {articles:,} articles")
            figures = folder / "figures.json"
            if not (resume and figures.is_file()):
                begun = resume and (folder / "options.json").is_file()
                pretrain(
                    texts,
                    folder,
                    options,
                    resume=begun,
                    described=described,
                    texts_digest=digest,
                    save_minutes=save_minutes,
                    console=console,
                    data=output,
                )
            if not held_out:
                held_out = _held_out(texts, options, measured)
            rows.append(_measure(folder, held_out, comparison, articles))
    table = pd.DataFrame(rows)
    (output / "tables").mkdir(parents=True, exist_ok=True)
    partial = output / "tables" / "training_sizes.parquet.partial"
    table.to_parquet(partial)
    partial.replace(output / "tables" / "training_sizes.parquet")
    return table


def _held_out(texts: Iterable[Any], options: PretrainOptions, most: int) -> list[str]:
    chosen = []
    for text in texts:
        string = text if isinstance(text, str) else text.text
        if is_held_out(string, seed=options.seed, share=options.validation):
            chosen.append(string)
            if len(chosen) == most:
                break
    return chosen


def _measure(folder: Path, held_out: list[str], comparison: str, articles: int) -> dict[str, Any]:
    found = measure_learning(folder / "model", held_out, read_out="lens")
    learning = found.tables["learning"]
    last = learning[learning["block"] == learning["block"].max()].set_index("statistic")
    apt: Any = last.loc["mean APT"]
    figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    return {
        "comparison": comparison,
        "articles": articles,
        "steps": int(figures["steps"]),
        "tokens": int(figures["tokens"]),
        "apt": float(apt["value"]),
        "low": float(apt["low"]),
        "high": float(apt["high"]),
        "n_types": int(apt["n_types"]),
        "accuracy": float(figures["accuracy"]),
        "loss": float(figures["loss"]),
    }
