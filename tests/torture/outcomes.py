"""What must be equal between a run that was disturbed and one that was not."""

from __future__ import annotations

import json
from pathlib import Path

from blocklens.storage import file_digest

RESULTS = (".parquet", ".jsonl", ".npz", ".safetensors")


def same_results(expected: Path, found: Path) -> None:
    """Tables, answers, examples, figures of a run and weights are equal, byte for byte."""
    names = [
        file.relative_to(expected)
        for file in expected.rglob("*")
        if file.suffix in RESULTS or file.name == "figures.json"
    ]
    compared = [name for name in names if not {"checkpoints", "latest"} & set(name.parts)]
    assert compared
    for name in compared:
        assert (found / name).is_file(), f"{name} is not there"
        assert file_digest(found / name) == file_digest(expected / name), f"{name} differs"
    record = expected / "study.json"
    if record.exists():
        one, two = (json.loads((folder / "study.json").read_text()) for folder in (expected, found))
        assert one["files"] == two["files"]
        assert two["finished"]
    assert not list(found.rglob("*.partial"))
