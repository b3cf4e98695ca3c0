"""How an encoder's figures come into being: one row per milestone of a pre-training run.

    python -m benchmarks.milestones RUN TEXTS OUTPUT [--read-outs N] [--texts N]

RUN is the output folder of `blocklens pretrain` with its `milestones`, TEXTS the texts it was
trained on. The held-out texts are those that the run itself held out. Every milestone is measured
with its own head on every block (lens); with --read-outs the last one also with read-outs trained
on N modified tokens of the training texts, from its own head on and from fresh heads on, and its
untrained twin from fresh heads on. Writes OUTPUT/*.parquet and prints the tables of
docs/learned.md.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from blocklens.encoder.trunk import Encoder
from blocklens.inputs.texts import TextSource
from blocklens.pretraining.corpus import is_held_out
from blocklens.readouts.token_task import Learning, measure_learning

COLUMNS = (
    "accuracy",
    "mean accuracy per label",
    "mean accuracy per label, n >= 10",
    "mean accuracy per label, top 50",
    "kept tokens",
    "clusters",
    "mean cluster size",
    "largest cluster",
    "noise share",
)


def main() -> None:
    """Measure every milestone and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("source")
    parser.add_argument("output", type=Path)
    parser.add_argument("--read-outs", type=int, default=0, metavar="N")
    parser.add_argument("--texts", type=int, default=None, metavar="N")
    parser.add_argument("--only", nargs="*", type=int, help="these steps alone, such as 0 100 2000")
    chosen = parser.parse_args()
    options = json.loads((chosen.run / "options.json").read_text(encoding="utf-8"))
    held_out, training = split(TextSource(chosen.source), options)
    chosen.output.mkdir(parents=True, exist_ok=True)
    frequency = token_counts(chosen.run)
    folders = milestones(chosen.run, chosen.only)
    given: dict[str, Any] = {"texts_limit": chosen.texts, "frequency": frequency}
    for step, folder in folders.items():
        save(chosen.output, f"lens-{step}", measure_learning(
            folder, held_out, run=f"step {step}", read_out="lens", **given
        ))  # fmt: skip
    if chosen.read_outs:
        given["train_tokens"] = chosen.read_outs
        trained = Encoder.load(list(folders.values())[-1])
        twin = trained.untrained(0)
        for name, encoder, start in (
            ("own", trained, "own"),
            ("fresh", trained, "fresh"),
            ("untrained", twin, "fresh"),
        ):
            found = measure_learning(
                encoder, held_out, train_texts=training, run=name, start=start, **given
            )
            save(chosen.output, f"read-out-{name}", found)


def milestones(run: Path, only: list[int] | None = None) -> dict[int, Path]:
    """The encoders of a run by their step, rising; `only`: those of these steps alone."""
    kept = {int(path.name.split("-")[1]): path for path in (run / "milestones").iterdir()}
    if only:
        kept = {step: path for step, path in kept.items() if step in only}
    if not kept:
        raise SystemExit(f"{run}: no milestone{f' of {only}' if only else ''} to measure")
    return dict(sorted(kept.items()))


def split(source: TextSource, options: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The run's held-out texts, and its training texts."""
    held_out: list[str] = []
    training: list[str] = []
    for text in source:
        held = is_held_out(text.text, seed=options["seed"], share=options["validation"])
        (held_out if held else training).append(text.text)
    return held_out, training


def token_counts(run: Path) -> np.ndarray:
    """How often each token stands in the training texts of the run's token file."""
    from blocklens.pretraining.corpus import open_corpus

    corpus = open_corpus(run / "corpus")
    vocabulary = json.loads((run / "options.json").read_text(encoding="utf-8"))["vocabulary"]
    in_training = np.repeat(~corpus.held_out, corpus.lengths)
    return np.bincount(corpus.tokens[in_training], minlength=vocabulary)


def save(output: Path, name: str, found: Learning) -> None:
    """Write the tables of one measurement and print its figures along the blocks."""
    for table, rows in found.tables.items():
        rows.to_parquet(output / f"{name}.{table}.parquet")
    learning = found.tables["learning"].dropna(subset=["block"])
    wide: pd.DataFrame = learning.pivot(index="block", columns="statistic", values="value")
    print(f"\n{name}: {found.texts:,} texts, {found.rows:,} modified tokens, {time.ctime()}")
    print("| block | " + " | ".join(COLUMNS) + " |\n|" + "---|" * (len(COLUMNS) + 1))
    for block, row in wide.iterrows():
        print(
            f"| {block} | " + " | ".join(f"{row[name]:.4g}" for name in COLUMNS) + " |", flush=True
        )


if __name__ == "__main__":
    main()
