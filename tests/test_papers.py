"""`papers.sh`: both papers from texts to one page, on small texts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import made_up_texts

SCRIPT = Path(__file__).parents[1] / "papers.sh"
SMALL = "--texts 24 --untrained 1 --untrained-read-outs 1 --modified-tokens 300 --train-tokens 200"
OPTIONS = {
    "PRETRAIN": "--preset tiny --steps 12 --vocabulary 64 --validation 0.2 --milestones 2",
    "SIZES": "--preset tiny --sizes 20,40 --steps 6 --vocabulary 64 --validation 0.2",
    "FILM": SMALL,
    "STUDY": SMALL,
    "FINETUNE": "--variant both --seeds 2 --untrained 1 --modified-tokens 300 --blocks 1,3",
    "IMAGES": "--epochs 1 --train-images 8 --test-images 4 --untrained 1 --read-outs 1",
}


def labelled_and_divided(folder: Path) -> dict[str, str]:
    """Texts, labelled texts, and documents of two subjects each, as files."""
    texts = made_up_texts()
    rng = np.random.default_rng(0)
    reviews = [
        {"text": " ".join(rng.choice(["the", "film", "was", word], 10)), "label": word}
        for word in ["fine", "poor"] * 40
    ]
    sentences = [[f"{part} ." for part in text.split(" . ")] for text in texts]
    documents = [{"segments": [sentences[n], sentences[-1 - n]]} for n in range(12)]
    records = {
        "TEXTS": [{"text": text} for text in texts],
        "DATA": reviews,
        "DOCUMENTS": documents,
    }
    for name, rows in records.items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name.lower()}.jsonl").write_text(lines, "utf-8")
    return {name: f"{name.lower()}.jsonl" for name in records}


@pytest.mark.slow
def test_both_papers_end_in_one_page_and_a_second_time_nothing_is_done_again(tmp_path: Path):
    given = labelled_and_divided(tmp_path)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **OPTIONS, **given, "PATH": path, "OMP_NUM_THREADS": "1"}

    def run() -> str:
        done = subprocess.run(
            ["sh", SCRIPT], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert not done.returncode, done.stderr[-2000:]
        return done.stderr

    first = run()
    assert "training:" in first
    assert "heads, encoder" in first
    report = tmp_path / "papers" / "report"
    assert (report / "report.html").stat().st_size > 100_000
    said = set(pd.read_parquet(report / "tables" / "effects.parquet")["id"])
    parts = ("p1-separator", "p2-apt-rises", "p2-more-texts", "p2-class-accuracy")
    assert said >= {*parts, "p2-finetuned-accuracy", "p2-image-accuracy"}
    assert any(name.startswith("segment-") for name in said)
    assert (tmp_path / "papers" / "film" / "report.html").exists()
    again = run()
    assert "training:" not in again
    assert "heads, encoder" not in again
