"""Fine-tuning up to block m: the trunk alone up to it, its family's head, all weights trained.

The group's way (docs/definitions.md: fine-tuning along the blocks; code): AdamW 5e-5, weight decay
0.01, batches of 32, 50 epochs. Each block and seed is a training run of its own, so the default
here is fewer epochs at a higher rate, fit for a laptop (ours). Batches are of texts of
like lengths, so hardly anything is padding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64

from blocklens.encoder.matmul import with_fast_products
from blocklens.pretraining.descent import Descent
from blocklens.pretraining.masking import shuffled
from blocklens.readouts.block_outputs import id_batch, id_batches
from blocklens.readouts.tuning_options import FineTuning

SORTED_TOGETHER = 16
"""Batches whose texts are sorted by length before they are cut: shuffled, yet little padding."""


def fine_tune(
    model: Any,
    tokenizer: Any,
    ids: Sequence[Sequence[int]],
    labels: Int64[np.ndarray, " texts"],
    train: Int64[np.ndarray, " trained"],
    training: FineTuning | None = None,
    *,
    seed: int = 0,
    after_epoch: Callable[[int, float], None] | None = None,
) -> Any:
    """Train all weights of a sequence classifier; returns it in evaluation mode.

    Args:
        model: the classifier, changed in place.
        tokenizer: for its padding token.
        ids: token ids of every text.
        labels: class number of every text, [n].
        train: the training texts, numbers into the texts.
        training: how.
        seed: of the order and of dropout.
        after_epoch: called after every epoch with its number and the mean loss.

    """
    training = training or FineTuning()
    with_fast_products(model)
    model.requires_grad_(True)
    descent = Descent(
        model.parameters(),
        rate=training.rate,
        weight_decay=training.weight_decay,
        steps=training.epochs * -(-len(train) // training.batch),
        warm_up=training.warm_up,
        clip=training.clip,
    )
    model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for epoch in range(training.epochs):
            total = 0.0
            for rows in epoch_batches(train, ids, training.batch, seed=seed, epoch=epoch):
                batch = id_batch(tokenizer, ids, rows)
                given = {name: tensor.to(model.device) for name, tensor in batch.given.items()}
                wanted = torch.from_numpy(labels[rows]).to(model.device)
                loss = torch.nn.functional.cross_entropy(model(**given).logits.float(), wanted)
                descent.step(loss)
                total += float(loss.detach()) * len(rows)
            if after_epoch is not None:
                after_epoch(epoch, total / len(train))
    return model.eval()


def epoch_batches(
    train: Int64[np.ndarray, " trained"],
    ids: Sequence[Sequence[int]],
    batch: int,
    *,
    seed: int,
    epoch: int,
) -> Iterator[Int64[np.ndarray, " rows"]]:
    """The batches of one epoch, given by seed and epoch: texts of like lengths, in random order."""
    order = train[shuffled(len(train), seed=seed, epoch=epoch)]
    batches = []
    for start in range(0, len(order), batch * SORTED_TOGETHER):
        part = order[start : start + batch * SORTED_TOGETHER]
        part = part[np.argsort([len(ids[row]) for row in part], kind="stable")]
        batches += np.split(part, range(batch, len(part), batch))
    for number in shuffled(len(batches), seed=seed + 1, epoch=epoch):
        yield batches[number]


@torch.inference_mode()
def class_scores(
    model: Any, tokenizer: Any, ids: Sequence[Sequence[int]]
) -> Float32[np.ndarray, "texts classes"]:
    """Scores of every text, by a model in evaluation mode."""
    scores = np.empty((len(ids), int(model.config.num_labels)), dtype=np.float32)
    for batch in id_batches(tokenizer, ids):
        given = {name: tensor.to(model.device) for name, tensor in batch.given.items()}
        scores[batch.rows] = model(**given).logits.float().cpu().numpy()
    return scores


def class_probabilities(
    model: Any, tokenizer: Any, ids: Sequence[Sequence[int]]
) -> Float32[np.ndarray, "texts classes"]:
    """Softmax over the classes for every text."""
    scores = torch.from_numpy(class_scores(model, tokenizer, ids))
    return torch.softmax(scores, dim=-1).numpy()
