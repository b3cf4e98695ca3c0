"""Made-up tables of what an encoder has learned, as `measure_learning` writes them."""

from pathlib import Path

import numpy as np
import pandas as pd
from synthetic import HOSTILE

from blocklens.labels.tables import MEAN
from blocklens.studies.study_record import StudyRecord
from helpers import write_record

THETAS = (0.1, 0.2, 0.3, 0.4, 0.5)


def learned_tables(blocks: int = 3, types: int = 400, seed: int = 0) -> dict[str, pd.DataFrame]:
    """The tables of the learned part, and those of training."""
    rng = np.random.default_rng(seed)
    names = [HOSTILE, *(f"word{i}" for i in range(1, types))]
    frequency = np.sort(rng.zipf(1.4, types).clip(max=100_000))[::-1]
    frequency[0] = 300_000  # the hostile token stands apart
    n = np.maximum(frequency // 6, 1)
    apt, learning, bins, sweep = [], [], [], []
    for run, strength in (("encoder", 1.0), ("untrained 0", 0.1), ("lens", 0.9)):
        read_out = "lens" if run == "lens" else "read-out"
        for block in range(blocks + 1):
            level = 0.05 + 0.3 * strength * block / blocks
            chance = np.clip(level * np.log10(frequency + 2) / 2, 0, 0.95)
            correct = rng.binomial(n, chance)
            apt.append(
                pd.DataFrame(
                    {
                        "run": run,
                        "block": block,
                        "label": names,
                        "label_id": np.arange(types),
                        "frequency": frequency,
                        "n": n,
                        "correct": correct,
                        "value": correct / n,
                        "low": 0.9 * correct / n,
                        "high": 1.1 * correct / n,
                    }
                )
            )
            for statistic, value in (
                (MEAN, (correct / n).mean()),
                ("accuracy", correct.sum() / n.sum()),
                ("clusters", 3.0 * block),
                ("noise share", 0.9 - 0.1 * block),
            ):
                learning.append(
                    (run, read_out, statistic, block, value, 0.9 * value, 1.1 * value, types)
                )
            for low, high in ((1, 10), (10, 100), (100, 1000)):
                value = level * np.log10(high) / 2
                bins.append((run, block, low, high, value, 0.9 * value, 1.1 * value, 40))
            for theta in THETAS:
                sweep.append((run, block, "cliques", theta, 9 - 10 * theta, 4, 2.0, 1.0, 3.0))
    learning.append(("encoder", "read-out", f"{MEAN} rise", None, 0.2, 0.1, 0.3, types))
    columns = ["run", "read_out", "statistic", "block", "value", "low", "high", "n_types"]
    learning_frame = pd.DataFrame(learning, columns=columns)
    learning_frame["block"] = learning_frame["block"].astype("Int64")
    null = ["predictions_largest", "predictions_largest_low", "predictions_largest_high"]
    tables = {
        "accuracy": pd.concat(apt, ignore_index=True),
        "learning": learning_frame,
        "frequency": pd.DataFrame(
            bins,
            columns="run block frequency_low frequency_high value low high n_types".split(),  # noqa: SIM905
        ),
        "confusion": confusion_rows(names, blocks),
        "clusters": pd.DataFrame(
            {
                "run": "encoder",
                "block": blocks,
                "method": "cliques",
                "theta": 0.3,
                "cluster": [0, 1],
                "size": [3, 2],
                "label_ids": [[0, 1, 2], [3, 4]],
                "labels": [[HOSTILE, "word1", "word2"], ["word3", "word4"]],
            }
        ),
        "cluster_sweep": pd.DataFrame(
            sweep, columns=["run", "block", "method", "theta", "largest", "clusters", *null]
        ),
    }
    tables = {name: table.assign(task="tokens") for name, table in tables.items()}
    return {
        **tables,
        "training_sizes": pd.DataFrame(
            {
                "comparison": ["equal steps"] * 2 + ["equal epochs"] * 2,
                "articles": [1000, 4000] * 2,
                "apt": [0.1, 0.15, 0.08, 0.16],
                "low": [0.09, 0.14, 0.07, 0.15],
                "high": [0.11, 0.16, 0.09, 0.17],
                "seeds": 3,
                "gain": [0.0, 0.05, 0.0, 0.08],
                "gain_low": [0.0, 0.04, 0.0, 0.07],
                "gain_high": [0.0, 0.06, 0.0, 0.09],
            }
        ),
        "training_log": log_rows(),
    }


def log_rows(reports: int = 600) -> pd.DataFrame:
    """A learning curve: a report every 20 steps, held-out figures every 500."""
    step = 20 * np.arange(1, reports + 1)
    loss = 4 + 5 * np.exp(-step / 3000)
    held_out = np.where(step % 500 == 0, loss - 0.2, np.nan)
    return pd.DataFrame(
        {
            "run": "encoder",
            "step": step,
            "tokens": 2000.0 * step,
            "seconds": 0.5 * step,
            "loss": loss,
            "accuracy": 0.4 - 0.04 * loss,
            "rate": 1.0,
            "held_out_loss": held_out,
            "held_out_accuracy": 0.4 - 0.04 * held_out,
        }
    )


def confusion_rows(names: list[str], block: int) -> pd.DataFrame:
    """Each token is taken for itself 6 times and for its next neighbour 4 times."""
    rows = []
    for i, name in enumerate(names):
        j = (i + 1) % len(names)
        rows += [
            ("encoder", block, i, i, name, name, 6),
            ("encoder", block, i, j, name, names[j], 4),
        ]
    columns = ["run", "block", "true", "predicted", "true_label", "predicted_label", "count"]
    return pd.DataFrame(rows, columns=columns)


def add_learned(folder: Path) -> None:
    """Write the tables into a study folder."""
    for name, table in learned_tables().items():
        table.to_parquet(folder / "tables" / f"{name}.parquet")
    write_record(folder, **StudyRecord.read(folder).model_dump(exclude={"kind", "files"}))
