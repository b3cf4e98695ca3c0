"""Mutated inputs of every reader end in a `UserError`, in seconds, in bounded memory (make fuzz).

BLOCKLENS_FUZZ is the number of inputs, 20,000 without; BLOCKLENS_FUZZ_SEED the first seed.
"""

from __future__ import annotations

import os

import pytest
from fuzzing import MEMORY, SECONDS, SHARES, fuzzed, readers

from conftest import COUNTED

pytestmark = [pytest.mark.slow, pytest.mark.torture]

INPUTS = int(os.environ.get("BLOCKLENS_FUZZ", "20000"))
FIRST = int(os.environ.get("BLOCKLENS_FUZZ_SEED", "0"))
NAMES = [
    *(f"texts {kind}" for kind in (".txt", ".md", ".jsonl", ".json", ".csv", ".tsv", ".parquet")),
    *(f"labelled {kind}" for kind in (".jsonl", ".json", ".csv", ".parquet")),
    "texts .zip", "FewRel", "documents", "images .npz", "images in folders", "kept steps",
    "report of a study", "report of images", "report of scores", "comparison", "options of a run",
    "training log", "corpus of a run",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_mutated_input_is_read_or_is_one_line(name, undisturbed, tmp_path):
    made = readers(*(undisturbed[one] for one in ("study", "images", "scores", "pretrain")))
    assert set(made) == set(NAMES)
    shares = {one: SHARES.get(one, 1.0) for one in NAMES}
    count = max(1, round(INPUTS * shares[name] / sum(shares.values())) + 1)
    found = fuzzed(
        made[name],
        range(FIRST, FIRST + count),
        tmp_path / "fuzz",
        limited="report" not in name and name != "comparison",
    )
    for how, number in found.counts.items():
        COUNTED[f"mutated inputs: {name}", how] += number
    assert not found.failures, "\n\n".join(found.failures[:10])
    assert found.slowest < SECONDS
    assert found.memory < MEMORY
