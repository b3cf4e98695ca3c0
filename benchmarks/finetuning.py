"""Read-outs of all blocks and seeds together, beside one forward pass and beside Trainer runs.

    python -m benchmarks --only finetuning

The embedded BERT-6 on DBpedia, 100 texts a class to train on and 100 to measure on, 5 seeds: 11,000
texts altogether. Where the data is absent (docs/data.md), the prose of Python's documentation cut
into as many texts, with made-up classes: labels change no step.

**Curve**: `measure_text_classes`, all of it (tokenising, one pass of the trunk, 35 heads, their
answers, accuracy, confusions, clusters with intervals), over what it may take: 1.5 times one plain
forward pass over the same texts, in the same batches, plus 60 s. Measured in pairs.

**Trainer**: the same curve as a person would make it: for every block and seed the trunk shortened
to it with its family's classifier, the trunk frozen, trained by `transformers.Trainer` for as many
epochs in batches as large, on texts sorted into batches of like lengths (`train_sampling_strategy`:
"group_by_length"). One epoch of one seed is timed for every block 1..L, warmed up before; the
figure is their sum times epochs times seeds, without evaluation. That extrapolation is fair to it:
epochs of a frozen trunk cost the same, what Trainer does once is left out, and block 0 counts as
nothing.
"""

from __future__ import annotations

import tempfile
from typing import Any

import torch

from benchmarks.calibration import calibrate
from benchmarks.data import DATA
from benchmarks.fresh import in_fresh_process
from benchmarks.timing import paired, seconds
from blocklens.embedded.prose import prose
from blocklens.encoder.trunk import Encoder
from blocklens.inputs.class_samples import samples
from blocklens.inputs.labelled_texts import LabelledTexts, read_labelled
from blocklens.readouts.block_outputs import id_batches, tokenised
from blocklens.readouts.text_classifiers import new_classifier
from blocklens.readouts.text_task import (
    ClassTexts,
    TextReadOuts,
    family_training,
    measure_text_classes,
)
from blocklens.statistics.groups import text_key

FORWARDS, SECONDS = 1.5, 60.0
SPEED = 20.0
CLASSES, TRAIN, TEST, SEEDS = 14, 100, 100, 5


def run(quick: bool = False) -> list[dict[str, Any]]:
    """The whole curve over what it may take, and over Trainer's."""
    given = {"size": 4, "pairs": 1} if quick else {}
    found = in_fresh_process("benchmarks.finetuning", "work", **given)
    allowed = FORWARDS * found["forward_seconds"] + SECONDS
    share = found["curve_seconds"] / allowed
    speed = found["trainer_seconds"] / found["curve_seconds"]
    extra = {"unit": "x", **calibrate(), **found}
    return [
        {
            "name": f"read-out curve, {SEEDS} seeds / ({FORWARDS} forward passes + {SECONDS:g} s)",
            "value": round(share, 3),
            "better": "lower",
            "limit": 1.0,
            "holds": share <= 1,
            **extra,
        },
        {
            "name": "Trainer a block and seed / read-out curve",
            "value": round(speed, 1),
            "better": "higher",
            "limit": SPEED,
            "holds": speed >= SPEED,
            **extra,
        },
    ]


def work(size: int = TRAIN, pairs: int = 3) -> dict[str, Any]:
    """Seconds of the curve, of a forward pass (medians of pairs), and of Trainer's runs."""
    encoder = Encoder.load()
    data, source = class_texts(size)
    options = TextReadOuts(training=family_training(encoder))
    ids = tokenised(encoder, data.texts)
    timed = paired(
        lambda: measure_text_classes(encoder, data, options=options),
        lambda: forward(encoder, ids),
        pairs=pairs,
    )
    epochs = options.training.epochs_for(data.train.shape[1])
    of_blocks = [
        trainer_epoch(encoder, data, ids, block, options.training.batch)
        for block in range(1, encoder.blocks + 1)
    ]
    return {
        "curve_seconds": timed["first_seconds"],
        "forward_seconds": timed["second_seconds"],
        "curve_over_forward": timed["ratio"],
        "trainer_seconds": sum(of_blocks) * epochs * len(data.train),
        "trainer_epoch_seconds": [round(one, 3) for one in of_blocks],
        "epochs": epochs,
        "texts": len(data.texts),
        "source": source,
        "pairs": pairs,
    }


def class_texts(size: int) -> tuple[ClassTexts, str]:
    """DBpedia's texts, or prose with made-up classes where the data is absent."""
    file = DATA / "dbpedia" / "dbpedia14_24k.jsonl.xz"
    if file.is_file():
        data, source = read_labelled(str(file), preset="dbpedia"), "DBpedia-14"
    else:
        data, source = made_up(CLASSES * size * 2 * SEEDS), "prose, made-up classes"
    drawn = samples(data, seeds=SEEDS, train=size, test=size * TEST // TRAIN)
    return ClassTexts.of(data, drawn), source


def made_up(count: int) -> LabelledTexts:
    """`count` pieces of 50 words of prose, repeated where there is too little, and classes."""
    import numpy as np

    words = " ".join(prose()).split()
    starts = [(50 * number) % (len(words) - 50) for number in range(count)]
    texts = [" ".join(words[start : start + 50]) for start in starts]
    return LabelledTexts(
        texts, np.arange(count) % CLASSES, [f"class {n}" for n in range(CLASSES)],
        np.array([text_key(text) for text in texts]), None, [], [], "prose",
    )  # fmt: skip


@torch.inference_mode()
def forward(encoder: Encoder, ids: list[list[int]]) -> None:
    """One plain pass of the trunk, with PyTorch's own attention, in the curve's batches."""
    encoder.model.set_attn_implementation("sdpa")
    for batch in id_batches(encoder.tokenizer, ids):
        encoder.model(**batch.given)


def trainer_epoch(
    encoder: Encoder, data: ClassTexts, ids: list[list[int]], block: int, batch: int
) -> float:
    """Seconds of an epoch of the first seed's training texts, the trunk frozen up to `block`."""
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    model = new_classifier(encoder, data.names, blocks=block)
    getattr(model, model.base_model_prefix).requires_grad_(False)
    for name, weight in model.named_parameters():
        weight.requires_grad_("pooler" in name or weight.requires_grad)
    rows = [
        {"input_ids": ids[row], "length": len(ids[row]), "labels": int(data.labels[row])}
        for row in data.train[0]
    ]
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, num_train_epochs=1, per_device_train_batch_size=batch, save_strategy="no",
            report_to=[], use_cpu=True, disable_tqdm=True, logging_strategy="no",
            dataloader_pin_memory=False, train_sampling_strategy="group_by_length",
        )  # fmt: skip
        collate = DataCollatorWithPadding(encoder.tokenizer)

        def epoch(some: list[dict[str, Any]]) -> None:
            Trainer(model, arguments, train_dataset=some, data_collator=collate).train()  # type: ignore[arg-type]

        epoch(rows[:batch])  # warm-up
        return seconds(lambda: epoch(rows))
