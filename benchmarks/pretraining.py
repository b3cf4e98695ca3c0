"""Real tokens a second of our pre-training loop beside `transformers.Trainer`'s.

    python -m benchmarks --only pretraining

Both sides train a `BertForMaskedLM` from the same weights, on the same texts, with AdamW at the
same rate and as many real tokens a step, each in a process of its own (`pretraining_sides.py`),
and step in turn. The baseline is the Trainer with the stock collator and its default optimiser, in
two forms: "group texts" (one stream cut into full rows: no padding, but texts see each other) and
"padded" (the first 128 tokens of each text, padded to 128: what the authors' public code does). The
texts of the first are Wikipedia openings, those of the second DBpedia abstracts, whose lengths
leave room in a row. Held-out loss is measured in the same way on both.

Our side has the memory settings that the `blocklens` command gives itself. The Trainer has none, as
people run it; a second Trainer has them too, for `same_settings_ratio`.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.calibration import calibrate
from benchmarks.pretraining_sides import Case
from benchmarks.workers import Process

LOSS_TOLERANCE = 0.02

CASES = [
    Case("paper shape, group texts", "paper", "group texts", 0.0, 8, 1.8),
    Case("paper shape, group texts, dropout 0.1", "paper", "group texts", 0.1, 40, None),
    Case("paper shape, padded", "paper", "padded", 0.0, 8, 4.0),
    Case("paper shape, padded, dropout 0.1", "paper", "padded", 0.1, 6, None),
    Case("mini shape, group texts", "mini", "group texts", 0.0, 150, 2.3),
    Case("mini shape, padded", "mini", "padded", 0.0, 150, None),
    Case("mini shape, both in bfloat16", "mini", "group texts", 0.0, 150, None, "bfloat16"),
    Case("mini shape, default precisions", "mini", "group texts", 0.0, 150, None, "auto"),
]
QUICK = [
    Case("tiny shape, group texts", "tiny", "group texts", 0.0, 4, None),
    Case("tiny shape, padded, dropout 0.1", "tiny", "padded", 0.1, 4, None),
]


def run(quick: bool = False) -> list[dict[str, Any]]:
    """All comparisons; with `quick` a tiny shape on made-up texts, to see that it runs."""
    with tempfile.TemporaryDirectory() as folder:
        cases = QUICK if quick else CASES
        return [row for case in cases for row in compare(case, Path(folder))]


def compare(case: Case, folder: Path) -> list[dict[str, Any]]:
    """Speed and held-out loss of one case."""

    def side(name: str, *, tuned: bool) -> Process:
        arguments = (name, json.dumps(asdict(case)), str(folder))
        return Process("benchmarks.pretraining_sides", *arguments, tuned=tuned)

    with (
        side("blocklens", tuned=True) as ours,
        side("trainer", tuned=False) as theirs,
        side("trainer", tuned=True) as same_settings,
    ):
        sides = (ours, theirs, same_settings)
        rounds = [[json.loads(one.ask()) for one in sides] for _ in range(case.steps)]
        end, their_end, _ = [json.loads(one.ask("end")) for one in sides]
    machine = calibrate()
    skip = 1 if case.steps < 10 else 2  # the first steps prepare kernels
    speeds = [[step["tokens"] / step["seconds"] for step in round_] for round_ in rounds[skip:]]
    ratios = [speed / theirs for speed, theirs, _ in speeds]
    ratio = statistics.median(ratios)
    speed, their_speed, _ = (statistics.median(each) for each in zip(*speeds, strict=True))
    difference = end["loss"] - their_end["loss"]
    share = speed * end["flops_a_token"] / (end["matrix_gflops"] * 1e9)
    return [
        {
            "name": f"pre-training speed: {case.name}",
            "value": round(ratio, 3),
            "limit": case.limit,
            "holds": case.limit is None or ratio >= case.limit,
            "unit": "times the Trainer's real tokens a second",
            "better": "higher",
            "tokens_per_second": round(speed),
            "stock_tokens_per_second": round(their_speed),
            "ratio_low": round(min(ratios), 3),
            "ratio_high": round(max(ratios), 3),
            "same_settings_ratio": round(statistics.median(a / b for a, _, b in speeds), 3),
            "pairs": len(ratios),
            "precision": end["precision"],
            "matrix_gflops": end["matrix_gflops"],
            "share_of_matrix_speed": round(share, 3),
            "shares_of_a_step": end["shares"],
            "dropout": case.dropout,
            **machine,
        },
        {
            "name": f"pre-training held-out loss: {case.name}",
            "value": round(difference, 4),
            "limit": LOSS_TOLERANCE,
            "holds": difference <= LOSS_TOLERANCE,
            "unit": "ours - the Trainer's after as many real tokens",
            "better": "lower",
            "loss": round(end["loss"], 4),
            "stock_loss": round(their_end["loss"], 4),
            "training_losses": [
                round(ours["loss"], 3) for ours, *_ in rounds[:: max(1, case.steps // 15)]
            ],
            "real_tokens": sum(ours["tokens"] for ours, *_ in rounds),
            "stock_real_tokens": sum(theirs["tokens"] for _, theirs, _ in rounds),
            **machine,
        },
    ]


if __name__ == "__main__":
    import sys

    for row in run(quick="--quick" in sys.argv):
        print(row)
