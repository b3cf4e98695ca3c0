"""Read-outs of all blocks together against one after another, each with its own pass of the trunk.

    python -m benchmarks --only readouts

The embedded model's shape (6 blocks, width 192, 8,192 tokens, 128 tokens a text), random weights
and random texts. Together: one pass of the trunk gathers the rows of blocks 0..6, then seven heads
train on them for four epochs. One after another, as a person would write it in PyTorch: for every
block, for every epoch, for every batch, the trunk up to that block (the later blocks are not
computed), the outputs at the modified positions, a head with PyTorch's own cross-entropy and AdamW.
Both sides take the same batches' worth of rows in a step and the same number of steps up to
rounding. The second figure gives our matrix products and cross-entropy to both sides, so that what
is left is the shared trunk.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import BertConfig, BertModel

from benchmarks.calibration import calibrate
from benchmarks.fresh import in_fresh_process
from benchmarks.timing import paired
from blocklens.encoder.matmul import Linear
from blocklens.encoder.trunk import Encoder
from blocklens.pretraining.masking import Recipe, modify
from blocklens.readouts.modified_tokens import ModifiedBatch, gather
from blocklens.readouts.vocabulary_heads import Head, fresh_head
from blocklens.readouts.vocabulary_training import Fit, HeadTraining, train_read_outs

LIMIT = 1 / 3
LENGTH = 128
TEXTS_AT_ONCE = 32


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Time together over time one after another, interleaved pairs in a fresh process."""
    given = {"texts": 64, "pairs": 1} if quick else {}
    found = in_fresh_process("benchmarks.readouts", "work", **given)
    extra = {"unit": "x", "better": "lower", **calibrate()}
    name = "read-outs of all blocks together / one after another"
    first, second = found["ordinary"], found["same head"]
    return [
        {
            "name": name,
            "value": round(first["ratio"], 3),
            "limit": round(LIMIT, 4),
            "holds": first["ratio"] <= LIMIT,
            "same_settings_ratio": round(second["ratio"], 3),
            **extra,
            **first,
        }
    ]


def work(texts: int = 160, pairs: int = 3, epochs: int = 4) -> dict[str, Any]:
    """Ratios against both ways of training one after another."""
    encoder, batches = encoder_and_batches(texts)
    training = HeadTraining(epochs=epochs)
    together = lambda: train_together(encoder, batches, training)  # noqa: E731
    return {
        "ordinary": paired(
            together, lambda: train_apart(encoder, batches, training, ordinary=True), pairs=pairs
        ),
        "same head": paired(
            together, lambda: train_apart(encoder, batches, training, ordinary=False), pairs=pairs
        ),
    }


def encoder_and_batches(texts: int) -> tuple[Encoder, list[ModifiedBatch]]:
    """A trunk of the embedded model's shape and modified random texts of full length."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=8192,
        hidden_size=192,
        num_hidden_layers=6,
        num_attention_heads=6,
        intermediate_size=768,
        max_position_embeddings=LENGTH,
    )
    encoder = Encoder(BertModel(config, add_pooling_layer=False))
    rng = np.random.default_rng(0)
    recipe = Recipe(vocabulary=8192, mask_id=4)
    batches = []
    for number in range(-(-texts // TEXTS_AT_ONCE)):
        ids = rng.integers(5, 8192, (TEXTS_AT_ONCE, LENGTH))
        places = np.arange(ids.size).reshape(ids.shape) + number * ids.size
        changed, chosen = modify(ids, places, recipe, seed=0, epoch=0)
        batches.append(
            ModifiedBatch(
                ids=torch.from_numpy(changed),
                mask=torch.ones(ids.shape, dtype=torch.int64),
                positions=np.argwhere(chosen),
                labels=ids[chosen],
                kinds=np.zeros(int(chosen.sum()), dtype=np.int8),
                keys=np.zeros(int(chosen.sum()), dtype=np.int64),
                tokens=ids.ravel(),
                begun=len(ids),
            )
        )
    return encoder, batches


def train_together(
    encoder: Encoder, batches: Sequence[ModifiedBatch], training: HeadTraining
) -> list[Head]:
    """Our way: `gather`, then `train_read_outs`."""
    heads = [fresh_head(encoder, seed=0) for _ in range(encoder.blocks + 1)]
    with (
        tempfile.TemporaryDirectory() as folder,
        gather(encoder, batches, limit=sum(len(b.labels) for b in batches), folder=folder) as rows,
    ):
        return train_read_outs(rows, heads, training)


def train_apart(
    encoder: Encoder, batches: Sequence[ModifiedBatch], training: HeadTraining, *, ordinary: bool
) -> list[Head]:
    """Each block's head by itself, with a pass of the trunk up to its block in every epoch."""
    rows = sum(len(batch.labels) for batch in batches)
    trunk = copy.deepcopy(encoder.model)
    if ordinary:
        with_own_products(trunk)
    all_blocks = trunk.encoder.layer
    heads = []
    for block in range(encoder.blocks + 1):
        trunk.encoder.layer = all_blocks[:block]
        head = fresh_head(encoder, seed=0)
        if ordinary:
            with_own_products(head.transform)
        fit = Fit(head, training, rows)
        for _ in range(training.epochs):
            for batch in batches:
                with torch.no_grad():
                    output = trunk(batch.ids, batch.mask).last_hidden_state
                text, token = torch.from_numpy(batch.positions).unbind(1)
                x, labels = output[text, token], torch.from_numpy(batch.labels)
                if ordinary:
                    ordinary_step(fit, x, labels)
                else:
                    fit.step(x, labels)
        heads.append(fit.head)
    return heads


def with_own_products(model: torch.nn.Module) -> None:
    """PyTorch's own linear layers again, as people have them."""
    for module in model.modules():
        if type(module) is Linear:
            module.__class__ = torch.nn.Linear


def ordinary_step(fit: Fit, x: torch.Tensor, labels: torch.Tensor) -> None:
    """A step with PyTorch's own scores and cross-entropy."""
    head = fit.head
    fit.optimiser.zero_grad(set_to_none=True)
    scores = torch.nn.functional.linear(head.transform(x), head.weight, head.bias)
    torch.nn.functional.cross_entropy(scores, labels).backward()
    fit.optimiser.step()
    fit.schedule.step()


if __name__ == "__main__":
    print(*run(), sep="\n")
