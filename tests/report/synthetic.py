"""A made-up study folder with the tables of a real one and plausible shapes.

`build_study(folder)` writes what the report reads: study.json, tables/*.parquet, examples/*.npz.
Every number is drawn from a fixed seed; the trends (long range first, same sentence last) are put
in by hand so that the figures look like those of a trained encoder.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import write_record

HOSTILE = "</script><img src=x onerror=window.hacked=1>"
WORDS = """
the of and in to was is for on as by with at from his that it were an be which are this or had
first its not has also after their one new who but two been have school team city world river
film album song season church county station war party village music family
""".split()  # noqa: SIM905 (a list of this many short words is hard to read)
CUTS = (0.005, 0.01, 0.02, 0.05)
RUNS = ("encoder", "untrained 0", "untrained 1", "shuffled")
ATTENTION = {
    "attention to separator": 3.0,
    "attention to full stop": 1.6,
    "attention to comma": 1.0,
    "attention to other punctuation": 0.9,
    "attention to start token": 1.8,
    "attention to other tokens": 0.8,
}
PAIRS = {
    ("distance", "mean distance"): -0.9,
    ("distance", "median distance"): -1.1,
    ("distance", "share within 5"): 1.3,
    ("sentences", "same sentence"): 1.2,
    ("sentences", "same sentence, distance matched"): 0.45,
    ("specialisation", "repetition"): 2.2,
    ("specialisation", "anchor"): 1.5,
    ("specialisation", "anchor context"): 0.9,
    ("specialisation", "local"): 1.3,
    ("specialisation", "same sentence"): 1.2,
    ("specialisation", "noise"): -0.5,
}
BORDERS = "same sentence, distance matched"
LABELS = ("repetition", "anchor", "anchor context", "local", "same sentence")


@dataclass(frozen=True)
class Shape:
    blocks: int = 12
    heads: int = 12
    tokens: int = 128
    examples: int = 2


def build_study(folder: Path, shape: Shape | None = None, seed: int = 0) -> Path:
    """Write the folder and return it."""
    shape = shape or Shape()
    rng = np.random.default_rng(seed)
    tables = folder / "tables"
    tables.mkdir(parents=True)
    heads = head_rows(shape, rng)
    heads.to_parquet(tables / "heads.parquet")
    label_rows(heads).to_parquet(tables / "labels.parquet")
    distance_rows(shape, rng).to_parquet(tables / "distances.parquet")
    anchor_rows(shape, rng).to_parquet(tables / "anchors.parquet")
    claim_rows().to_parquet(tables / "claims.parquet")
    write_examples(folder / "examples", shape, rng)
    study = {
        "encoder": "acme/bert-of-12-blocks <b>bold</b>",
        "blocks": shape.blocks,
        "heads": shape.heads,
        "texts": {
            "description": "a/long/path/that/has/no/space/to/break/a/line/wiki.jsonl.xz",
            "count": 1000,
            "tokens": 118_402,
            "skipped": 2,
            "windows": 1024,
            "unit": "text",
            "skipped_list": ["wiki.jsonl.xz:17: a text of one token", "notes.txt: empty"],
        },
        "options": {"window": 128, "long": "windows", "heads": {"cut": 0.01}, "untrained": 2},
        "versions": {"blocklens": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"},
        "created": "2026-11-23T09:00:00+00:00",
        "notes": ["Intervals are 95 %, from resampling 20 groups of texts."],
    }
    return write_record(folder, "study", **study)


def head_rows(shape: Shape, rng: np.random.Generator) -> pd.DataFrame:
    """One row a run, statistic, cut, block and head, and one for each whole block."""
    rows: list[dict[str, object]] = []
    for run in RUNS:
        strength = 1.0 if run == "encoder" else (0.12 if run.startswith("untrained") else 0.35)
        for block in range(1, shape.blocks + 1):
            depth = block / shape.blocks
            for name, slope in ATTENTION.items():
                trend = strength * np.log(slope) * depth
                rows += _family(rng, run, "separators", name, block, np.nan, trend, shape.heads)
            for cut in CUTS:
                for (measure, name), slope in PAIRS.items():
                    trend = strength * slope * depth * (1.15 - 8 * cut)
                    rows += _family(rng, run, measure, name, block, cut, trend, shape.heads)
                uniqueness = -0.4 * depth * strength
                rows += _family(rng, run, "anchors", "uniqueness", block, cut, uniqueness, 0)
    frame = pd.DataFrame(rows)
    frame["head"] = frame["head"].astype("Int64")
    return frame


def _family(
    rng: np.random.Generator,
    run: str,
    measure: str,
    statistic: str,
    block: int,
    cut: float,
    trend: float,
    heads: int,
) -> list[dict[str, object]]:
    effects = trend + rng.normal(0, 0.12 + 0.25 * abs(trend), heads)
    null = 0.21
    rows = []
    for head, log_effect in [(None, trend + rng.normal(0, 0.03)), *enumerate(effects)]:
        width = 0.03 if head is None else 0.08
        effect = float(np.exp(log_effect))
        rows.append(
            {
                "run": run,
                "measure": measure,
                "statistic": statistic,
                "block": block,
                "head": head,
                "cut": cut,
                "value": effect * null,
                "null": null,
                "effect": effect,
                "low": effect * np.exp(-width),
                "high": effect * np.exp(width),
                "n": 81_280,
            }
        )
    return rows


def label_rows(heads: pd.DataFrame) -> pd.DataFrame:
    """The largest ratio of each head of the encoder at the default cut."""
    rows = heads[
        (heads.run == "encoder")
        & (heads.measure == "specialisation")
        & (heads.cut == 0.01)
        & heads.statistic.isin(LABELS)
        & heads["head"].notna()
    ]
    wide = rows.pivot_table(index=["block", "head"], columns="statistic", values="effect")
    names = np.array(wide.columns)
    order = np.argsort(-wide.to_numpy(), axis=1)
    ranked = np.sort(-wide.to_numpy(), axis=1)
    out = wide.index.to_frame(index=False)
    out["label"], out["ratio"] = names[order[:, 0]], -ranked[:, 0]
    out["low"], out["high"] = 0.9 * out["ratio"], 1.1 * out["ratio"]
    out["run"] = "encoder"
    out["runner_up"], out["runner_up_ratio"] = names[order[:, 1]], -ranked[:, 1]
    return out


def distance_rows(shape: Shape, rng: np.random.Generator) -> pd.DataFrame:
    """High pairs and the null by distance: the first blocks reach far, the last ones near."""
    distance = np.arange(1, shape.tokens)
    expected = 1000.0 * (shape.tokens - distance)
    expected *= 81_280 / expected.sum()
    frames = []
    for run in RUNS:
        for block in range(1, shape.blocks + 1):
            total = np.zeros(len(distance), np.int64)
            for head in range(shape.heads):
                pull = (block / shape.blocks) * rng.uniform(0.5, 3) * (run == "encoder")
                share = expected * (0.05 + np.exp(-distance / 12) * pull)
                pairs = rng.poisson(share / share.sum() * 81_280)
                total += pairs
                frames.append(_distance_frame(run, block, head, distance, pairs, expected))
            null = expected * shape.heads
            frames.append(_distance_frame(run, block, None, distance, total, null))
    frame = pd.concat(frames, ignore_index=True)
    frame["head"] = frame["head"].astype("Int64")
    return frame


def _distance_frame(
    run: str,
    block: int,
    head: int | None,
    distance: np.ndarray,
    pairs: np.ndarray,
    expected: np.ndarray,
) -> pd.DataFrame:
    head_column = pd.array([head] * len(distance), dtype="Int64")
    return pd.DataFrame(
        {
            "run": run,
            "block": block,
            "head": head_column,
            "distance": distance,
            "pairs": pairs,
            "expected": expected,
        }
    )


def anchor_rows(shape: Shape, rng: np.random.Generator) -> pd.DataFrame:
    """Five anchor tokens a head, the first head's favourite being hostile markup."""
    rows = []
    for block in range(1, shape.blocks + 1):
        for head in range(shape.heads):
            counts = np.sort(rng.integers(5, 300, 5))[::-1]
            chosen = rng.choice(len(WORDS), 5, replace=False)
            for rank, (count, word) in enumerate(zip(counts, chosen, strict=True)):
                token = HOSTILE if (head, rank) == (0, 0) else WORDS[word]
                row = (block, head, token, int(word), int(count), count / 1000)
                rows += [("encoder", *row), ("shuffled", *row)]
    return pd.DataFrame(
        rows, columns=["run", "block", "head", "token", "token_id", "texts", "share"]
    )


def claim_rows() -> pd.DataFrame:
    """One claim of each verdict."""
    verdicts = [
        ("distance", "mean distance", "holds", 0.61, 0.58, 0.64, 0.98, 0.97, 0.99),
        (
            "borders",
            "same sentence, distance matched",
            "does not hold",
            1.02,
            0.99,
            1.05,
            1.12,
            1.10,
            1.14,
        ),
        ("uniqueness", "uniqueness", "undecided", 0.7, 0.6, 0.82, 0.78, 0.70, 0.86),
    ]
    columns = ["id", "statistic", "verdict", "effect", "low", "high"]
    columns += ["control_effect", "control_low", "control_high"]
    frame = pd.DataFrame(verdicts, columns=columns)
    frame["paper"], frame["tag"], frame["bound"] = "P1", "paper", 1.0
    frame["control"] = "untrained twin"
    frame["statement"] = [
        "High-similarity pairs reach far in the first blocks and get closer in the last ones.",
        "In the last blocks similar tokens prefer the same sentence.",
        "Each head of a block focuses on a token of its own.",
    ]
    frame["choices"] = "Cut at the top 1 % of the pairs [ours]; last third of the blocks [ours]."
    frame["figure"] = [
        json.dumps({"table": "heads", "measure": measure, "statistic": name})
        for measure, name in zip(
            ("distance", "sentences", "anchors"), frame["statistic"], strict=True
        )
    ]
    return frame


def write_examples(folder: Path, shape: Shape, rng: np.random.Generator) -> None:
    """Texts of made-up words with an attention map and a similarity matrix a head."""
    folder.mkdir()
    index = []
    for k in range(shape.examples):
        n = max(shape.tokens - 40 * k, 24)
        words = [*rng.choice(WORDS, n - 2), "[SEP]"]
        tokens = ["[CLS]", *map(str, words)]
        sentence, sentences = 0, []
        for position in range(n):
            special = position in (0, n - 1)
            if position % 17 == 16 and not special:
                tokens[position] = "."
            sentences.append(-1 if special else sentence)
            sentence += position % 17 == 16
        tokens[3] = HOSTILE
        special = [s < 0 for s in sentences]
        index.append(
            {
                "name": f"wiki.jsonl.xz:{k + 1}",
                "tokens": tokens,
                "sentences": sentences,
                "special": special,
            }
        )
        size = (shape.blocks, shape.heads, n, n)
        gap = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
        sharpness = rng.uniform(2, 30, size[:2])[..., None, None]
        logits = rng.normal(0, 1.2, size) - gap / sharpness
        logits[..., -1] += rng.uniform(0, 5, size[:2])[..., None]
        attention = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        vectors = attention @ rng.normal(0, 1, (*size[:3], 16))
        similarity = vectors @ vectors.swapaxes(-1, -2)
        np.savez(
            folder / f"{k}.npz",
            attention=attention.astype(np.float16),
            similarity=similarity.astype(np.float16),
        )
    (folder / "examples.json").write_text(json.dumps(index), "utf-8")
