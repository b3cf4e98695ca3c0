"""A made-up study of text classes: real tables of made-up predictions, and a hostile class name."""

from pathlib import Path

import numpy as np
import pandas as pd
from synthetic_images import BLOCKS, IMAGES, NAMES, SEEDS, class_tables, predictions

from blocklens.claims import evaluate
from blocklens.confidence.independence import confidence_tables
from blocklens.confidence.replacement import ARMS, SHARES, STATISTICS
from blocklens.labels.tasks import FINE_TUNED, TEXT
from helpers import write_record

TEXTS = IMAGES


def text_tables() -> dict[str, pd.DataFrame]:
    """Read-outs and fine-tuned classifiers of the encoder and an untrained twin, and the rest."""
    found: dict[str, list[pd.DataFrame]] = {}
    test = np.tile(np.arange(TEXTS), (SEEDS, 1))
    keys = np.random.default_rng(9).integers(1 << 40, size=TEXTS)
    for run, skill in (("encoder", 0.45), ("untrained 0", 0.1)):
        labels, predicted = predictions(skill, len(run))
        for task, blocks in ((TEXT, range(BLOCKS + 1)), (FINE_TUNED, range(1, BLOCKS + 1))):
            tables = class_tables(
                task, labels, predicted[-len(blocks) :], run=run, blocks=blocks,
                read_out="truncate" if task is FINE_TUNED else "read-out",
            )  # fmt: skip
            for name, table in tables.items():
                found.setdefault(name, []).append(table)
    tables = {name: pd.concat(frames, ignore_index=True) for name, frames in found.items()}
    learning = tables["learning"]
    words = learning[
        learning["statistic"].eq("accuracy") & learning["block"].eq(1) & learning["task"].eq("text")
    ]
    tables["baseline"] = words.iloc[:1].assign(run="TF-IDF", block=0)
    tables["advice"] = pd.DataFrame(
        {
            "task": "text", "run": "encoder", "read_out": "read-out",
            "block": range(4), "accuracy": [0.25, 0.5, 0.695, 0.7], "loss": [0.45, 0.2, 0.005, 0.0],
            "low": [0.4, 0.1, -0.01, 0.0], "high": [0.5, 0.3, 0.02, 0.0],
            "parameters": [0.1, 0.4, 0.7, 1.0], "arithmetic": [0.0, 0.33, 0.66, 1.0],
        }
    )  # fmt: skip
    rng = np.random.default_rng(2)
    x = rng.uniform(0.2, 0.6, TEXTS)
    for name, table in confidence_tables(
        x, 0.8 + rng.normal(0, 0.03, test.shape), rng.random(test.shape) < 0.7, test, keys
    ).items():
        tables[name] = table.assign(run="encoder", task="text, fine-tuned")
    tables["replacement"] = pd.DataFrame(
        [
            {"run": "encoder", "task": "text, fine-tuned", "arm": arm, "share": share,
             "tokens": 0.2 * share, "statistic": statistic, "value": value, "low": 0.9 * value,
             "high": 1.1 * value, "n": 90}
            for number, arm in enumerate((*ARMS, "random - partner"))
            for share in SHARES
            for statistic in STATISTICS
            for value in [0.1 * share * (1 + number)]
        ]
    )  # fmt: skip
    tables["claims"] = evaluate(tables)
    return tables


def build_text_study(folder: Path) -> Path:
    """Write the folder and return it."""
    (folder / "tables").mkdir(parents=True)
    for name, table in text_tables().items():
        table.to_parquet(folder / "tables" / f"{name}.parquet")
    facts = {"classes": NAMES, "train": 400, "test": TEXTS, "seeds": SEEDS}
    study = {
        "encoder": "BERT-3", "blocks": BLOCKS, "heads": 2,
        "texts": {"description": "reviews.csv", "count": 520, "skipped": 0},
        "parts": {"classes": {"TF-IDF": facts}},
        "options": {"untrained": 1, "classes": {"margin": 0.01}},
        "versions": {"blocklens": "0.1.0"}, "created": "2026-11-24T09:00:00+00:00",
        "notes": ["Labelled texts repeated in the data, taken once: 7."],
    }  # fmt: skip
    return write_record(folder, "finetune", **study)
