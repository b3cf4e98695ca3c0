"""A made-up study of images: real tables of made-up predictions, and a hostile class name."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from synthetic import HOSTILE

from blocklens.claims import evaluate
from blocklens.labels.confusion import ConfusionCounts
from blocklens.labels.tables import label_tables
from blocklens.labels.tasks import IMAGE, Task
from helpers import write_record

NAMES = ["cat", "dog", HOSTILE, "a class with quite a long name that goes on and on"]
BLOCKS, SEEDS, IMAGES = 3, 2, 120


def predictions(skill: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels [images] and predictions [blocks + 1, seeds, images]; cats and dogs are confused."""
    rng = np.random.default_rng(seed)
    labels = np.arange(IMAGES) % len(NAMES)
    predicted = np.empty((BLOCKS + 1, SEEDS, IMAGES), dtype=np.int64)
    for block in range(BLOCKS + 1):
        right = rng.random((SEEDS, IMAGES)) < 0.25 + skill * block / BLOCKS
        wrong = rng.integers(len(NAMES), size=(SEEDS, IMAGES))
        wrong = np.where((labels < 2) & (block > 0), 1 - labels, wrong)
        predicted[block] = np.where(right, labels, wrong)
    return labels, predicted


def class_tables(task: Task, labels, predicted, **given) -> dict[str, pd.DataFrame]:
    """Real tables of made-up predictions [blocks, seeds, inputs] that every seed makes of all."""
    test = np.tile(np.arange(IMAGES), (SEEDS, 1))
    keys = np.random.default_rng(9).integers(1 << 40, size=IMAGES)
    counts = ConfusionCounts.of_seeds(labels, predicted, test, keys, len(NAMES), groups=20)
    return label_tables(counts, NAMES, task, seeds=SEEDS, **given)


def image_tables() -> dict[str, pd.DataFrame]:
    """The tables of the encoder, two untrained twins and the pixels."""
    found: dict[str, list[pd.DataFrame]] = {}
    for run, skill in (("encoder", 0.45), ("untrained 0", 0.1), ("untrained 1", 0.05)):
        labels, predicted = predictions(skill, len(run))
        for name, table in class_tables(IMAGE, labels, predicted, run=run).items():
            found.setdefault(name, []).append(table)
    tables = {name: pd.concat(frames, ignore_index=True) for name, frames in found.items()}
    learning = tables["learning"]
    pixels = learning[learning["statistic"].eq("accuracy") & learning["block"].eq(1)]
    tables["baseline"] = pixels.iloc[:1].assign(run="pixels", block=0)
    tables["confused_images"] = pd.DataFrame(
        {
            "task": "image", "true": ["cat", HOSTILE], "predicted": ["dog", "cat"], "pair": [0, 1],
            "images": [3, 1], "name": ["cats/1.png", HOSTILE], "seeds": [1.0, 0.5],
            "png": [png(), png()],
        }
    )  # fmt: skip
    tables["advice"] = pd.DataFrame(
        {
            "task": "image", "run": "encoder", "read_out": "read-out",
            "block": range(4), "accuracy": [0.25, 0.5, 0.695, 0.7], "loss": [0.45, 0.2, 0.005, 0.0],
            "low": [0.4, 0.1, -0.01, 0.0], "high": [0.5, 0.3, 0.02, 0.0],
            "parameters": [0.1, 0.4, 0.7, 1.0], "arithmetic": [0.0, 0.33, 0.66, 1.0],
        }
    )  # fmt: skip
    tables["image_heads"] = head_rows()
    tables["claims"] = evaluate(tables)
    return tables


def png() -> bytes:
    """A small grey image."""
    out = io.BytesIO()
    Image.new("L", (8, 8), 90).save(out, "PNG")
    return out.getvalue()


def head_rows() -> pd.DataFrame:
    """Both head measures of two heads a block."""
    rng = np.random.default_rng(3)
    rows = [
        {
            "run": run, "measure": "patches", "statistic": statistic, "block": block, "head": head,
            "cut": np.nan, "value": effect, "null": 1.0, "effect": effect, "low": 0.9 * effect,
            "high": 1.1 * effect, "n": 50,
        }
        for run in ("encoder", "untrained 0", "untrained 1")
        for statistic in ("attention to special tokens", "touching patches")
        for block in range(1, BLOCKS + 1)
        for head in (None, 0, 1)
        for effect in [float(rng.uniform(0.5, 2))]
    ]  # fmt: skip
    return pd.DataFrame(rows).astype({"head": "Int64"})


def build_image_study(folder: Path) -> Path:
    """Write the folder and return it."""
    (folder / "tables").mkdir(parents=True)
    for name, table in image_tables().items():
        table.to_parquet(folder / "tables" / f"{name}.parquet")
    study = {
        "encoder": "ViT-3 of pets",
        "blocks": BLOCKS,
        "heads": 2,
        "images": {
            "description": "pets", "classes": NAMES, "train": 400, "test": IMAGES,
            "skipped": 1, "skipped_list": [f"{HOSTILE}: is empty; give an image file"],
        },
        "parts": {
            "training": {"ViT": {"held_out": 0.71, "history": [{"loss": 1.0, "accuracy": 0.5}] * 3}}
        },
        "options": {"untrained": 2, "vit": {"blocks": 3}},
        "versions": {"blocklens": "0.1.0"},
        "created": "2026-11-24T09:00:00+00:00",
        "notes": ["The intervals are over images and seeds of the read-outs."],
    }  # fmt: skip
    return write_record(folder, "images", **study)
