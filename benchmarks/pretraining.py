"""Real tokens a second of our pre-training loop beside `transformers.Trainer`'s.

    python -m benchmarks --only pretraining

Both sides train a `BertForMaskedLM` from the same weights, on the same texts, with AdamW at the
same rate and as many real tokens a step; our step runs between two steps of the Trainer's own loop,
so the pairs are interleaved. The baseline is the Trainer with the stock collator and its default
optimiser, in two forms: "group texts" (one stream cut into full rows: no padding, but texts see
each other) and "padded" (the first 128 tokens of each text, padded to 128: what the authors' public
code does). The texts of the first are Wikipedia openings, those of the second DBpedia abstracts,
whose lengths leave room in a row. Held-out loss is measured in the same way on both.
"""

from __future__ import annotations

import json
import lzma
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from transformers import (
    BertTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from benchmarks.calibration import calibrate
from blocklens.learning.bert import new_model
from blocklens.learning.corpus import Corpus, build_corpus, train_tokenizer
from blocklens.learning.options import PretrainOptions
from blocklens.learning.pretrain import Training, encoder_config

DATA = Path(os.environ.get("BLOCKLENS_DATA", "../shared/data"))
LOSS_TOLERANCE = 0.02


@dataclass(frozen=True)
class Case:
    """One comparison: what is trained, on which form of the texts, and the ratio to reach."""

    name: str
    shape: str
    form: str
    dropout: float
    steps: int
    limit: float | None
    precision: Literal["float32", "bfloat16"] = "float32"


SHAPES = {
    "paper": {"blocks": 6, "heads": 12, "width": 768, "vocabulary": 30_522, "rows": 32},
    "mini": {"blocks": 6, "heads": 6, "width": 192, "vocabulary": 8192, "rows": 48},
    "tiny": {"blocks": 2, "heads": 2, "width": 32, "vocabulary": 400, "rows": 8},
}
CASES = [
    Case("paper shape, group texts", "paper", "group texts", 0.0, 8, 1.8),
    Case("paper shape, group texts, dropout 0.1", "paper", "group texts", 0.1, 6, None),
    Case("paper shape, padded", "paper", "padded", 0.0, 8, 4.0),
    Case("paper shape, padded, dropout 0.1", "paper", "padded", 0.1, 6, None),
    Case("mini shape, group texts", "mini", "group texts", 0.0, 150, 2.3),
    Case("mini shape, padded", "mini", "padded", 0.0, 150, None),
    Case("mini shape, both in bfloat16", "mini", "group texts", 0.0, 150, None, "bfloat16"),
]
QUICK = [
    Case("tiny shape, group texts", "tiny", "group texts", 0.0, 4, None),
    Case("tiny shape, padded, dropout 0.1", "tiny", "padded", 0.1, 4, None),
]


def run(quick: bool = False) -> list[dict[str, Any]]:
    """All comparisons; with `quick` a tiny shape on made-up texts, to see that it runs.

    The baseline has dropout 0.1 in every case, which is BERT's default; `dropout` is our side's.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if quick else 2)
    rows: list[dict[str, Any]] = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            for case in QUICK if quick else CASES:
                rows += compare(case, Path(folder))
    finally:
        torch.set_num_threads(threads)
    return rows


def compare(case: Case, folder: Path) -> list[dict[str, Any]]:
    """Speed and held-out loss of one case."""
    shape = SHAPES[case.shape]
    training, texts_a_row = _training(case, folder)
    stock = new_model(
        encoder_config(_options(case, int(shape["rows"]), dropout=0.1), training.tokenizer), seed=0
    )
    stock.load_state_dict(training.model.state_dict())
    examples = _examples(training, case.form)
    pairs = Pairs(training)
    with tempfile.TemporaryDirectory() as output:
        arguments = TrainingArguments(
            output_dir=output,
            per_device_train_batch_size=texts_a_row,
            max_steps=case.steps,
            learning_rate=training.options.rate,
            weight_decay=training.options.weight_decay,
            lr_scheduler_type="constant",
            seed=0,
            use_cpu=True,
            bf16=case.precision == "bfloat16",
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        collator = Counting(training.tokenizer)
        trainer = Trainer(
            model=stock,
            args=arguments,
            train_dataset=examples,  # type: ignore[arg-type]
            data_collator=collator,
            callbacks=[pairs],
        )
        trainer.train()
    stock_tokens = collator.tokens[: len(pairs.stock_seconds)]
    skip = 1 if case.steps < 10 else 2  # the first steps prepare kernels
    ratios = [
        (ours_tokens / ours_seconds) / (tokens / seconds)
        for ours_tokens, ours_seconds, tokens, seconds in list(
            zip(
                pairs.ours_tokens,
                pairs.ours_seconds,
                stock_tokens,
                pairs.stock_seconds,
                strict=True,
            )
        )[skip:]
    ]
    ratio = statistics.median(ratios)
    speed = sum(pairs.ours_tokens[skip:]) / sum(pairs.ours_seconds[skip:])
    machine = calibrate()
    flops = _flops_a_token(training)
    ours_loss = training.validate()["loss"]
    tokens_seen = (sum(pairs.ours_tokens), sum(stock_tokens))
    training.model = stock
    stock_loss = training.validate()["loss"]
    difference = ours_loss - stock_loss
    return [
        {
            "name": f"pre-training speed: {case.name}",
            "value": round(ratio, 3),
            "limit": case.limit,
            "holds": case.limit is None or ratio >= case.limit,
            "unit": "times the Trainer's real tokens a second",
            "better": "higher",
            "tokens_per_second": round(speed),
            "stock_tokens_per_second": round(speed / ratio),
            "ratio_low": round(min(ratios), 3),
            "ratio_high": round(max(ratios), 3),
            "pairs": len(ratios),
            "share_of_matrix_speed": round(
                speed * flops / (machine["calibration_gflops"] * 1e9), 3
            ),
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
            "loss": round(ours_loss, 4),
            "stock_loss": round(stock_loss, 4),
            "training_losses": [
                round(loss, 3) for loss in pairs.losses[:: max(1, case.steps // 15)]
            ],
            "real_tokens": tokens_seen[0],
            "stock_real_tokens": tokens_seen[1],
            **machine,
        },
    ]


class Pairs(TrainerCallback):
    """Runs one of our steps after each of the Trainer's, and times both."""

    def __init__(self, training: Training) -> None:
        self.training = training
        self.stock_seconds: list[float] = []
        self.ours_seconds: list[float] = []
        self.ours_tokens: list[int] = []
        self.losses: list[float] = []
        self.mark = 0.0

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self.mark = time.perf_counter()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """The Trainer's step has ended: note it, and do ours."""
        now = time.perf_counter()
        self.stock_seconds.append(now - self.mark)
        loss, _, batch = self.training.step()
        self.losses.append(float(loss))
        self.training.counters.step += 1
        self.mark = time.perf_counter()
        self.ours_seconds.append(self.mark - now)
        self.ours_tokens.append(batch.tokens)


class Counting(DataCollatorForLanguageModeling):
    """The stock collator, which also notes the real tokens of each batch."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(tokenizer=tokenizer, mlm_probability=0.15)
        self.tokens: list[int] = []

    def torch_call(self, examples: list[Any]) -> dict[str, Any]:
        """A batch."""
        batch = super().torch_call(examples)
        self.tokens.append(int(batch["attention_mask"].sum()))
        return batch


def _options(case: Case, rows: int, dropout: float) -> PretrainOptions:
    shape = {key: value for key, value in SHAPES[case.shape].items() if key != "rows"}
    return PretrainOptions.make(
        "paper",
        **shape,
        rows=rows,
        steps=10**6,
        rate=1e-4,
        schedule="stable-decay",
        long_texts="cut" if case.form == "padded" else "windows",
        precision=case.precision,
        initial="standard",
        dropout=dropout,
    )


def _training(case: Case, folder: Path) -> tuple[Training, int]:
    """Our side, and the texts or rows of a step of the baseline."""
    texts = _texts(case)
    tokenizer = _tokenizer(case, texts, folder)
    corpus = build_corpus(
        texts,
        tokenizer,
        folder / case.shape / case.form,
        validation=0.1,
        seed=0,
        about={"texts": case.form, "shape": case.shape},
    )
    rows = int(SHAPES[case.shape]["rows"])
    training = Training(_options(case, rows, dropout=case.dropout), corpus, tokenizer, folder)
    padded = case.form == "padded"
    real = float(np.minimum(corpus.lengths + 2, 128).mean()) if padded else 128.0
    # as many of our rows a step as hold the real tokens of a step of the baseline
    ours = max(1, round(rows * real / (128 * training.rows.fill)))
    options = _options(case, ours, dropout=case.dropout)
    return Training(options, corpus, tokenizer, folder), rows


def _tokenizer(case: Case, texts: list[str], folder: Path) -> BertTokenizer:
    vocabulary = int(SHAPES[case.shape]["vocabulary"])
    if case.shape == "paper":
        file = DATA / "models" / "bert-base-uncased-vocab" / "vocab.txt"
        return BertTokenizer(vocab=str(file), model_max_length=512)
    kept = folder / f"{case.shape}-tokenizer"
    if not kept.is_dir():
        train_tokenizer(texts, vocabulary, length=512).save_pretrained(kept)
    return BertTokenizer.from_pretrained(kept)


def _texts(case: Case) -> list[str]:
    if case.shape == "tiny":
        return _made_up_texts()
    file = {
        "group texts": DATA / "wikipedia" / "wiki_intro_2014.jsonl.xz",
        "padded": DATA / "dbpedia" / "dbpedia14_24k.jsonl.xz",
    }[case.form]
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in islice(lines, 20_000)]


def _made_up_texts() -> list[str]:
    random = np.random.default_rng(0)
    syllables = ["ba", "ko", "mi", "ter", "lun", "sad", "por", "ne", "gri", "fol"]
    words = [a + b + c for a in syllables for b in syllables for c in syllables]
    lengths = np.clip(random.lognormal(3.3, 0.6, 600), 3, 200).astype(int)
    return [" ".join(random.choice(words, length)) for length in lengths]


def _examples(training: Training, form: str) -> list[dict[str, list[int]]]:
    """The baseline's rows of 128, [CLS] and [SEP] around each text."""
    tokenizer: Any = training.tokenizer
    corpus: Corpus = training.corpus
    cls, sep, pad = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id
    texts = np.flatnonzero(~corpus.held_out)
    if form == "padded":
        made = []
        for text in texts:
            ids = [cls, *corpus.text(text)[:126].tolist(), sep]
            empty = 128 - len(ids)
            made.append(
                {
                    "input_ids": ids + [pad] * empty,
                    "attention_mask": [1] * len(ids) + [0] * empty,
                }
            )
        return made
    stream = [token for text in texts for token in (cls, *corpus.text(text).tolist(), sep)]
    full = len(stream) // 128
    return [
        {"input_ids": stream[row * 128 : (row + 1) * 128], "attention_mask": [1] * 128}
        for row in range(full)
    ]


def _flops_a_token(training: Training) -> float:
    """Operations that our side does for one real token, forward and backward.

    Matrix products only: 2 operations a weight and token forward, twice that backward; the last
    block's layers after attention and the vocabulary layer at modified tokens only.
    """
    options = training.options
    width, inner = options.width, options.feed_forward or 4 * options.width
    full_blocks = (options.blocks - 1) * (4 * width * width + 2 * width * inner)
    last = 3 * width * width + options.modified * (width * width + 2 * width * inner)
    head = options.modified * (width * width + width * len(training.tokenizer))
    attention = options.blocks * 2 * options.length * width
    return 6.0 * (full_blocks + last + head + attention)


if __name__ == "__main__":
    import sys

    for row in run(quick="--quick" in sys.argv):
        print(row)
