"""An encoder of 250,002 labels: training its read-outs, and a whole study of it.

    python -m benchmarks --only wide_vocabulary

XLM-R's vocabulary over random rows and random weights: what is measured is time and memory.
Thirteen read-outs of width 384 (e5-small's) train on 20,000 modified tokens for one epoch in a
fresh process; the four epochs of a study are four times that. The labels of the rows fall as
1 / rank, and about as many types of them occur as in 300 articles. Memory is the peak of that
process. Then a study of an encoder of XLM-R-base's size, with one untrained twin, from the command
to the report.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import nn
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForMaskedLM

from benchmarks.calibration import calibrate
from benchmarks.fresh import ROOT, in_fresh_process
from benchmarks.timing import seconds
from blocklens.embedded.prose import texts
from blocklens.readouts.modified_tokens import GatheredRows
from blocklens.readouts.vocabulary_heads import Head
from blocklens.readouts.vocabulary_training import HeadTraining, train_read_outs

LABELS = 250_002
BLOCKS, WIDTH, ROWS = 13, 384, 20_000
SECONDS_LIMIT, GIGABYTES_LIMIT = 1_100, 2.0
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Seconds and gigabytes of the read-outs; seconds of a study."""
    given = {"labels": 20_000, "rows": 1_000} if quick else {}
    found = in_fresh_process("benchmarks.wide_vocabulary", "read_outs", **given)
    whole = found["seconds"] * HeadTraining().epochs
    name = f"read-outs of 13 blocks, {LABELS:,} labels, 20,000 modified tokens, 4 epochs"
    rows = [
        {"name": f"{name}: time", "value": round(whole), "limit": SECONDS_LIMIT,
         "holds": whole <= SECONDS_LIMIT, "unit": "s"},
        {"name": f"{name}: memory", "value": found["gigabytes"], "limit": GIGABYTES_LIMIT,
         "holds": found["gigabytes"] <= GIGABYTES_LIMIT, "unit": "GB"},
    ]  # fmt: skip
    # In a process of its own, whose only child is the study: the peak is that of all children.
    took = in_fresh_process("benchmarks.wide_vocabulary", "whole_study", quick=quick)
    rows.append(
        {"name": f"a study of a random encoder of XLM-R-base's size, {LABELS:,} labels",
         "value": round(took["seconds"]), "limit": None, "holds": True, "unit": "s", **took}
    )  # fmt: skip
    return [{**row, "better": "lower", **calibrate()} for row in rows]


def read_outs(labels: int = LABELS, rows: int = ROWS) -> dict[str, Any]:
    """One epoch of all blocks' read-outs on made-up rows: its seconds, the process's peak."""
    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, 8_000)
    true = rng.choice(len(shares), rows, p=shares / shares.sum()) * (labels // len(shares))
    with tempfile.NamedTemporaryFile() as file:
        outputs = np.memmap(file.name, np.float16, "w+", shape=(BLOCKS, rows, WIDTH))
        for block in outputs:
            block[:] = rng.standard_normal((rows, WIDTH), np.float32)
        weight = torch.from_numpy(rng.standard_normal((labels, WIDTH), np.float32)) / WIDTH**0.5
        first = Head(nn.Linear(WIDTH, WIDTH), weight, torch.zeros(labels), tied=True)
        heads = [first.copy(tied=True) for _ in range(BLOCKS)]
        gathered = GatheredRows(outputs, true, np.bincount(true, minlength=labels))
        took = seconds(lambda: train_read_outs(gathered, heads, HeadTraining(epochs=1)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"seconds": took, "gigabytes": round(peak, 2), "types": len(np.unique(true))}


def whole_study(quick: bool = False) -> dict[str, Any]:
    """Seconds and peak memory of the command on an encoder that is written for it."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "xlm-r"
        write_encoder(model, labels=20_000 if quick else LABELS, blocks=2 if quick else 12)
        command = [
            sys.executable, "-m", "blocklens", "study", "--encoder", str(model), "--texts", "60",
            "--untrained", "2", "--untrained-read-outs", "1", "--modified-tokens", "2000",
            "--train-tokens", "2000", "--out", f"{folder}/study",
        ]  # fmt: skip
        took = seconds(lambda: subprocess.run(command, cwd=ROOT, capture_output=True, check=True))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    return {"seconds": took, "gigabytes": round(peak, 2)}


def write_encoder(folder: Path, *, labels: int, blocks: int) -> None:
    """A masked-language model with random weights that knows the words of the embedded prose."""
    words = sorted({word for one in texts() for word in one.text.split()})[: labels // 2]
    names = [*SPECIAL, *words]
    names += [f"unused {number}" for number in range(labels - len(names))]
    tokenizer = Tokenizer(models.WordLevel({n: i for i, n in enumerate(names)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>",
        cls_token="<s>", sep_token="</s>", unk_token="<unk>", mask_token="<mask>",
        model_max_length=512,
    ).save_pretrained(folder)  # fmt: skip
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=labels, hidden_size=768, num_hidden_layers=blocks, num_attention_heads=12,
        intermediate_size=3072, max_position_embeddings=514, pad_token_id=1,
    )  # fmt: skip
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
