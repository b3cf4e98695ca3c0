"""The two sides of the pre-training comparison, each a process that makes a step when asked.

    python -m benchmarks.pretraining_sides blocklens|trainer CASE FOLDER

A line on standard input asks for a step and is answered by its seconds, its real tokens and its
loss; "end" is answered by the held-out loss and what else the side has to say. Answers are JSON.
"""

from __future__ import annotations

import json
import lzma
import sys
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

from benchmarks.data import DATA
from benchmarks.fresh import THREADS
from benchmarks.step_shares import matrix_gflops, shares_of_a_step
from blocklens.pretraining.bert import new_model
from blocklens.pretraining.corpus import Corpus, build_corpus
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.pretraining.tokenizer import train_tokenizer
from blocklens.pretraining.training import Training, encoder_config

SHAPES = {
    "paper": {"blocks": 6, "heads": 12, "width": 768, "vocabulary": 30_522, "rows": 32},
    "mini": {"blocks": 6, "heads": 6, "width": 192, "vocabulary": 8192, "rows": 48},
    "tiny": {"blocks": 2, "heads": 2, "width": 32, "vocabulary": 400, "rows": 8},
}


@dataclass(frozen=True)
class Case:
    """One comparison: what is trained, on which form of the texts, and the ratio to reach.

    `dropout` is our side's; the Trainer has 0.1 always, which is BERT's default. `precision`
    "auto" is each side's default: ours by the processor, the Trainer's float32.
    """

    name: str
    shape: str
    form: str
    dropout: float
    steps: int
    limit: float | None
    precision: Literal["auto", "float32", "bfloat16"] = "float32"


def main() -> None:
    """Hold one side and answer standard input."""
    torch.set_num_threads(THREADS)
    side, case, folder = sys.argv[1:]
    hold = {"blocklens": ours, "trainer": trainer}[side]
    hold(Case(**json.loads(case)), Path(folder))


def answer(**found: Any) -> None:
    """Write one answer."""
    print(f"> {json.dumps(found)}", flush=True)


def ours(case: Case, folder: Path) -> None:
    """Our side: a step a line, then the held-out loss and where the time of a step goes."""
    training, _ = make_training(case, folder)
    answer(ready=True)
    for line in sys.stdin:
        if line.strip() == "end":
            break
        start = time.perf_counter()
        loss, _, batch = training.step()
        value = float(loss)
        training.counters.step += 1
        answer(seconds=time.perf_counter() - start, tokens=batch.tokens, loss=value)
    loss = training.validate()["loss"]
    answer(
        loss=loss,
        precision=training.options.precision,
        flops_a_token=flops_a_token(training),
        matrix_gflops=round(matrix_gflops(training.precision), 1),
        shares=shares_of_a_step(training),
    )


def trainer(case: Case, folder: Path) -> None:
    """The Trainer's side: a step of its own loop a line, then the held-out loss.

    Stock collator and default optimiser; weights, texts and measure of the loss are our side's.
    """
    training, texts_a_row = make_training(case, folder)
    config = encoder_config(_options(case, texts_a_row, dropout=0.1), training.tokenizer)
    model = new_model(config, seed=training.options.seed)
    collator = Counting(training.tokenizer)
    with tempfile.TemporaryDirectory() as output:
        Trainer(
            model=model,
            args=TrainingArguments(
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
            ),
            train_dataset=examples(training, case.form),  # type: ignore[arg-type]
            data_collator=collator,
            callbacks=[Asked(collator)],
        ).train()
    training.model = model
    answer(loss=training.validate()["loss"])


class Asked(TrainerCallback):
    """Lets the Trainer's loop go on for one step with each line."""

    def __init__(self, collator: Counting) -> None:
        self.collator = collator
        self.steps = 0
        self.mark = 0.0

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Wait to be asked for the first step."""
        answer(ready=True)
        self._wait()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """A step has ended: answer, and wait to be asked for the next."""
        seconds = time.perf_counter() - self.mark
        answer(seconds=seconds, tokens=self.collator.tokens[self.steps])
        self.steps += 1
        self._wait()

    def _wait(self) -> None:
        sys.stdin.readline()
        self.mark = time.perf_counter()


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
    ).settled()


def make_training(case: Case, folder: Path) -> tuple[Training, int]:
    """Our side at its start, and the texts or rows of a step of the baseline."""
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


def examples(training: Training, form: str) -> list[dict[str, list[int]]]:
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


def flops_a_token(training: Training) -> float:
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
    main()
