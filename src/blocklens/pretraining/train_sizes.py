"""<APT> against the number of training articles, at equal steps and at equal epochs.

(docs/definitions.md: training-set size.) All runs of a seed share one vocabulary and token file; a
smaller set is part of every larger one; all are measured on the same held-out texts, at the last
block with the model's own head. Another seed draws everything anew: which texts are held out, the
vocabulary, the articles, the first weights, the order and the modifications.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from scipy import stats

from blocklens.errors import UserError
from blocklens.pretraining.corpus import is_held_out
from blocklens.pretraining.pretrain import pretrain
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.readouts.token_task import measure_learning
from blocklens.storage import write_table

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
    seeds: int = 1,
    resume: bool = False,
    save_minutes: float = 5.0,
    console: Console | None = None,
    measured: int = MEASURED_TEXTS,
) -> pd.DataFrame:
    """Train encoders of every size, comparison and seed, and measure <APT> of each.

    `texts`: a TextSource, or strings. `steps` asks for the comparison at equal steps, `epochs` for
    the one at equal epochs; at least one is needed. `seeds`: how many, from the options' own on.
    With `resume`, finished runs are kept and an unfinished one goes on. Writes one row a run to
    `output/tables/training_runs.parquet`: comparison, articles, seed, steps, tokens, apt with its
    95 % interval over texts (low, high), n_types, accuracy, loss. Returns, and writes beside it as
    `training_sizes.parquet`, what `sizes_table` makes of them.

    Raises:
        UserError: neither steps nor epochs, no seed, or what `pretrain` refuses.

    """
    console = console or Console(stderr=True, quiet=True)
    comparisons = {"equal steps": {"steps": steps}, "equal epochs": {"epochs": epochs}}
    asked = {name: value for name, value in comparisons.items() if any(value.values())}
    if not asked:
        raise UserError("sizes: give --steps for equal steps, --epochs for equal epochs, or both")
    if seeds < 1:
        raise UserError(f"seeds {seeds}: at least one is needed")
    described = getattr(texts, "description", "texts given by the caller")
    digest = texts.digest() if hasattr(texts, "digest") else ""
    first = int((given or {}).get("seed") or 0)
    rows: list[dict[str, Any]] = []
    for seed in range(first, first + seeds):
        data = output / f"seed-{seed}"
        held_out: list[str] = []
        for comparison, budget in asked.items():
            for articles in sizes:
                values = {**(given or {}), **budget, "articles": articles, "seed": seed}
                options = PretrainOptions.make(preset, **values)
                folder = data / comparison.replace(" ", "-") / f"{articles}-articles"
                console.print(f"{comparison}, {articles:,} articles, seed {seed}")
                if not (resume and (folder / "figures.json").is_file()):
                    pretrain(
                        texts,
                        folder,
                        options,
                        resume=resume and (folder / "options.json").is_file(),
                        described=described,
                        texts_digest=digest,
                        save_minutes=save_minutes,
                        console=console,
                        data=data,
                    )
                if not held_out:
                    held_out = _held_out(texts, options, measured)
                row = {"comparison": comparison, "articles": articles, "seed": seed}
                rows.append({**row, **_measure(folder, held_out)})
    runs = pd.DataFrame(rows)
    table = sizes_table(runs)
    (output / "tables").mkdir(parents=True, exist_ok=True)
    write_table(runs, output / "tables" / "training_runs.parquet")
    write_table(table, output / "tables" / "training_sizes.parquet")
    return table


def sizes_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a comparison and number of articles, from the runs of all seeds.

    Columns comparison, articles, seeds, apt (mean over seeds) with its 95 % interval (low, high):
    over seeds by Student's t where there are several, over texts where there is one; and `gain`,
    its excess over the fewest articles of the same seed, with gain_low and gain_high over seeds
    (missing where there is one).
    """
    rows = []
    for name in runs["comparison"].unique():
        part: Any = runs[runs["comparison"] == name]
        apt: Any = part.pivot(index="seed", columns="articles", values="apt")
        for articles in apt.columns:
            values = apt[articles].to_numpy(dtype=np.float64)
            gains = values - apt[apt.columns[0]].to_numpy(dtype=np.float64)
            low, high = _over_seeds(values)
            if len(values) == 1:
                one = part[part["articles"] == articles].iloc[0]
                low, high = float(one["low"]), float(one["high"])
            gain_low, gain_high = _over_seeds(gains)
            rows.append(
                {
                    "comparison": name,
                    "articles": int(articles),
                    "seeds": len(values),
                    "apt": values.mean(),
                    "low": low,
                    "high": high,
                    "gain": gains.mean(),
                    "gain_low": gain_low,
                    "gain_high": gain_high,
                }
            )
    return pd.DataFrame(rows)


def _over_seeds(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean by Student's t; NaN for a single seed."""
    n = len(values)
    if n < 2:
        return float("nan"), float("nan")
    half = float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return float(values.mean()) - half, float(values.mean()) + half


def _held_out(texts: Iterable[Any], options: PretrainOptions, most: int) -> list[str]:
    chosen = []
    for text in texts:
        string = text if isinstance(text, str) else text.text
        if is_held_out(string, seed=options.seed, share=options.validation):
            chosen.append(string)
            if len(chosen) == most:
                break
    return chosen


def _measure(folder: Path, held_out: list[str]) -> dict[str, Any]:
    found = measure_learning(folder / "model", held_out, read_out="lens")
    learning = found.tables["learning"]
    last = learning[learning["block"] == learning["block"].max()].set_index("statistic")
    apt: Any = last.loc["mean APT"]
    figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    return {
        "steps": int(figures["steps"]),
        "tokens": int(figures["tokens"]),
        "apt": float(apt["value"]),
        "low": float(apt["low"]),
        "high": float(apt["high"]),
        "n_types": int(apt["n_types"]),
        "accuracy": float(figures["accuracy"]),
        "loss": float(figures["loss"]),
    }
