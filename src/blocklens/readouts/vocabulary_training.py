"""Read-outs: new heads on every block of a frozen trunk, trained together after one pass of it.

Symbols (docs/definitions.md: read-out of block m): the embedding and blocks 1..m stay as they are,
a new head is attached to block m, and the head alone is trained. Training the heads one after
another costs a pass of the trunk per head and epoch. Here the rows of all blocks are gathered once
(`modified_tokens.gather`), and every head then trains on its rows for several epochs; with the
vocabulary layer tied to the embeddings its gradient needs two matrix products, not three. Of a wide
vocabulary a step computes the scores of some labels (`label_samples`).

Nothing here knows what a label is: a head maps rows [rows, width] to scores of its labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from blocklens.distributed import ALONE, Share
from blocklens.encoder.cross_entropy import cross_entropy
from blocklens.pretraining.descent import Descent
from blocklens.pretraining.masking import shuffled
from blocklens.progress import SILENT, Progress
from blocklens.readouts.label_samples import LabelSample, LabelSamples
from blocklens.readouts.modified_tokens import GatheredRows
from blocklens.readouts.vocabulary_heads import Head


@dataclass(frozen=True)
class HeadTraining:
    """How read-outs are trained: AdamW, a linear decay to zero after a short warm-up.

    The defaults are for new heads; see `CONTINUED` for heads that are trained already.
    `precision`: of the products with the vocabulary, "float32" or "bfloat16"; `measure_learning`
    takes the encoder's.
    """

    epochs: int = 4
    batch: int = 512
    rate: float = 3e-3
    weight_decay: float = 0.01
    warm_up: float = 0.05
    seed: int = 0
    precision: str = "float32"


CONTINUED = HeadTraining(epochs=2, rate=1e-3)
"""For heads that start from a trained one: gentle, so that few rows do not undo it."""


def train_read_outs(
    rows: GatheredRows,
    heads: Sequence[Head],
    training: HeadTraining | None = None,
    *,
    share: Share = ALONE,
    after_epoch: Callable[[list[float]], None] | None = None,
    progress: Progress = SILENT,
) -> list[Head]:
    """Train one head per block on the gathered rows; returns the heads, in evaluation mode.

    `heads[m]` sees `rows.outputs[m]` alone, so the result does not depend on the other heads: of
    several processes each trains every world-th, and has them all in the end.
    `after_epoch` is called with the mean loss of every head, over the labels that were sampled.
    """
    training = training or HeadTraining()
    fits = {
        block: Fit(head, training, len(rows))
        for block, head in enumerate(heads)
        if share.takes(block)
    }
    samples = LabelSamples(rows.labels, heads[0].labels, training.seed)
    total = training.epochs * len(rows)
    with progress.stage("read-outs", total, "modified tokens") as stage:
        for epoch in range(training.epochs):
            order = shuffled(len(rows), seed=training.seed, epoch=epoch)
            losses = np.zeros(len(heads))
            for start in range(0, len(order), training.batch):
                chosen = np.sort(order[start : start + training.batch])
                labels = torch.from_numpy(rows.labels[chosen])
                sample = samples.draw(epoch, start)
                for block, fit in fits.items():
                    x = torch.from_numpy(rows.outputs[block][chosen].astype(np.float32))
                    losses[block] += fit.step(x, labels, sample) * len(chosen)
                stage.advance(len(chosen))
            if after_epoch is not None:
                after_epoch((share.total(torch.from_numpy(losses)).numpy() / len(order)).tolist())
    for block, head in enumerate(heads):
        for weight in head.eval().parameters():
            share.total(weight.data if block in fits else weight.data.zero_())
    return list(heads)


class Fit:
    """One head with its optimiser; `step` takes a batch of rows."""

    def __init__(self, head: Head, training: HeadTraining, rows: int) -> None:
        self.head = head.train()
        self.precision: torch.dtype = getattr(torch, training.precision)
        self.descent = Descent(
            head.parameters(),
            rate=training.rate,
            weight_decay=training.weight_decay,
            steps=training.epochs * -(-rows // training.batch),
            warm_up=training.warm_up,
        )

    def step(
        self,
        x: Float[Tensor, "rows width"],
        labels: Int64[Tensor, " rows"],
        sample: LabelSample | None = None,
    ) -> float:
        """One optimisation step on some rows, over all labels or a sample; the mean loss."""
        head = self.head
        weight, bias = head.weight, head.bias
        x, labels = x.to(bias.device), labels.to(bias.device)
        if sample is not None:
            weight, bias, labels = sample.of(weight, bias, labels)
        loss, _ = cross_entropy(head.transform(x), weight, bias, labels, self.precision)
        self.descent.step(loss)
        return float(loss.detach())


def predict_blocks(
    heads: Sequence[Head], rows: Sequence[Float[Tensor, "rows width"]]
) -> Int64[np.ndarray, "blocks rows"]:
    """Predicted label of every row by every block's head."""
    return np.stack([head.predict(x).numpy() for head, x in zip(heads, rows, strict=True)])
