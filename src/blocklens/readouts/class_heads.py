"""Class read-outs: heads of all blocks and all seeds, trained together on kept block outputs.

Symbols (docs/definitions.md: fine-tuning along the blocks): the trunk is frozen and a classifier is
attached to block m. In the group's code it is [CLS] through a pooler: `scores = tanh(x W + b) V +
c`, the form of BERT's own classification head (code). `linear`, without the pooler, is `x V + c`.

A head sees one vector an input, so L + 1 blocks times five seeds are small matrices of equal shape:
they are stacked, and one batched product serves them all. A head's result does not depend on the
others beside it. Each seed has its own training inputs, its own start and its own order.

    heads = train_class_heads(outputs, labels, train, ClassTraining())      # train [seeds, n]
    heads.probabilities(outputs, test)                     # [blocks, seeds, tests, classes]

The group trains with AdamW, 5e-5, weight decay 0.01, batches of 32 for 50 epochs, all weights
(code). At that rate a new head on a frozen trunk has hardly moved after 50 epochs, so the rate and
its schedule are ours: 1e-3, linear decay after a short warm-up, as many epochs as it takes for the
training loss to settle (`tests/readouts/test_class_heads.py`). Outputs of different blocks differ
in scale by orders of magnitude; they are standardised with the training inputs' mean and deviation,
which `head` folds into the weights, so an exported head takes the block's output as it is (ours).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64
from numpy.typing import NDArray
from torch import Tensor

from blocklens.pretraining.descent import Descent
from blocklens.pretraining.masking import shuffled

HeadKind = Literal["pooler", "linear"]
Activation = Literal["tanh", "relu", "gelu"]

ROWS_AT_ONCE = 1024
"""Inputs of one block and seed that are scored at once."""


@dataclass(frozen=True, slots=True)
class ClassTraining:
    """How class read-outs are trained.

    `head`: "pooler" (dense layer, activation, classifier) or "linear". `activation` of the pooler;
    BERT's is tanh. `rate` falls linearly to zero after a share `warm_up` of the steps. A small
    training set is gone through more often than `epochs`, until `least_steps` are made; but not
    more often than `most_epochs` for that, as a few texts are learned long before.
    """

    head: HeadKind = "pooler"
    activation: Activation = "tanh"
    epochs: int = 20
    least_steps: int = 1000
    most_epochs: int = 300
    batch: int = 64
    rate: float = 1e-3
    weight_decay: float = 0.01
    warm_up: float = 0.05

    def epochs_for(self, count: int) -> int:
        """Epochs over `count` training inputs."""
        wanted = -(-self.least_steps // -(-count // self.batch))
        return max(self.epochs, min(wanted, self.most_epochs))


@dataclass(frozen=True)
class ClassHead:
    """One head in the shape of torch's linear layers, for the block's output as it is.

    `dense` and `dense_bias` are None for a linear head.
    """

    dense: Float[Tensor, "width width"] | None
    dense_bias: Float[Tensor, " width"] | None
    classifier: Float[Tensor, "classes width"]
    bias: Float[Tensor, " classes"]


class ClassHeads:
    """Heads of all blocks and seeds.

    `weights`: applied to standardised rows. `mean`, `scale`: what rows are standardised with.
    """

    def __init__(
        self,
        weights: dict[str, Float[Tensor, "blocks seeds ..."]],
        mean: Float[Tensor, "blocks seeds 1 width"],
        scale: Float[Tensor, "blocks seeds 1 width"],
        training: ClassTraining,
    ) -> None:
        self.weights, self.mean, self.scale, self.training = weights, mean, scale, training

    @classmethod
    def fresh(
        cls,
        mean: Float[Tensor, "blocks seeds 1 width"],
        scale: Float[Tensor, "blocks seeds 1 width"],
        classes: int,
        training: ClassTraining,
    ) -> ClassHeads:
        """New heads; head (block, seed) starts alike for every block of a seed."""
        blocks, seeds, _, width = mean.shape
        drawn: dict[str, list[Tensor]] = {}
        for seed in range(seeds):
            generator = torch.Generator().manual_seed(seed)
            start = {"classifier": torch.randn(width, classes, generator=generator) * 0.02}
            if training.head == "pooler":
                dense = torch.randn(width, width, generator=generator) * width**-0.5
                start["dense"] = dense
            for name, weight in start.items():
                drawn.setdefault(name, []).append(weight)
        weights = {
            name: torch.stack(of_seeds).expand(blocks, *torch.stack(of_seeds).shape).clone()
            for name, of_seeds in drawn.items()
        }
        weights["bias"] = torch.zeros(blocks, seeds, 1, classes)
        if training.head == "pooler":
            weights["dense_bias"] = torch.zeros(blocks, seeds, 1, width)
        return cls(weights, mean, scale, training)

    def scores(
        self, rows: Float[Tensor, "blocks seeds n width"]
    ) -> Float[Tensor, "blocks seeds n classes"]:
        """Scores [blocks, seeds, n, classes] of block outputs `rows` [blocks, seeds, n, width]."""
        x = (rows - self.mean) * self.scale
        if self.training.head == "pooler":
            x = torch.einsum("bsnw,bswv->bsnv", x, self.weights["dense"])
            x = _activate(x + self.weights["dense_bias"], self.training.activation)
        scores = torch.einsum("bsnw,bswc->bsnc", x, self.weights["classifier"])
        return scores + self.weights["bias"]

    @torch.inference_mode()
    def probabilities(
        self,
        outputs: Float32[np.ndarray, "blocks inputs width"],
        rows: Int64[np.ndarray, "seeds n"],
    ) -> Float32[np.ndarray, "blocks seeds n classes"]:
        """Softmax over the classes, [blocks, seeds, n, classes], of inputs `rows` [seeds, n]."""
        parts = [
            torch.softmax(self.scores(rows_of(outputs, part)), dim=-1).numpy()
            for part in np.split(rows, range(ROWS_AT_ONCE, rows.shape[1], ROWS_AT_ONCE), axis=1)
        ]
        return np.concatenate(parts, axis=2)

    def of_block(self, block: int) -> ClassHeads:
        """The heads of one block (-1: the last), for outputs of that block alone."""
        weights = {name: weight[[block]] for name, weight in self.weights.items()}
        return ClassHeads(weights, self.mean[[block]], self.scale[[block]], self.training)

    def head(self, block: int, seed: int) -> ClassHead:
        """One head by itself, its standardisation folded into its first layer."""
        own = {name: weight[block, seed] for name, weight in self.weights.items()}
        first = "dense" if self.training.head == "pooler" else "classifier"
        mean, scale = self.mean[block, seed, 0], self.scale[block, seed, 0]
        first_bias = "dense_bias" if first == "dense" else "bias"
        folded = scale[:, None] * own[first]  # [width, out]
        bias = own[first_bias][0] - mean @ folded
        if first == "classifier":
            return ClassHead(None, None, folded.T.contiguous(), bias)
        return ClassHead(
            folded.T.contiguous(), bias, own["classifier"].T.contiguous(), own["bias"][0]
        )


def rows_of(
    outputs: Float32[np.ndarray, "blocks inputs width"], rows: Int64[np.ndarray, "seeds n"]
) -> Float[Tensor, "blocks seeds n width"]:
    """Outputs [blocks, seeds, n, width] of the inputs `rows` [seeds, n]."""
    return torch.from_numpy(outputs[:, rows])


def train_class_heads(
    outputs: Float32[np.ndarray, "blocks inputs width"],
    labels: Int64[np.ndarray, " inputs"],
    train: Int64[np.ndarray, "seeds trained"],
    training: ClassTraining | None = None,
    *,
    classes: int | None = None,
    after_epoch: Callable[[int, Float64[np.ndarray, "blocks seeds"]], None] | None = None,
) -> ClassHeads:
    """Train a head for every block and seed.

    Args:
        outputs: float32 [blocks + 1, n, width], as `kept_outputs` gives.
        labels: class number of every input, [n].
        train: each seed's training inputs, [seeds, training inputs], numbers into 0..n-1.
        training: how.
        classes: number of classes; default the highest label plus 1.
        after_epoch: called after every epoch with its number and the mean loss [blocks + 1, seeds].

    """
    training = training or ClassTraining()
    classes = int(labels.max()) + 1 if classes is None else classes
    mean, scale = _standards(outputs, train)
    heads = ClassHeads.fresh(mean, scale, classes, training)
    parameters = {name: weight.requires_grad_() for name, weight in heads.weights.items()}
    seeds, count = train.shape
    epochs = training.epochs_for(count)
    descent = Descent(
        parameters.values(),
        decays=lambda weight: weight.shape[-2] > 1,  # a bias is [blocks, seeds, 1, out]
        rate=training.rate,
        weight_decay=training.weight_decay,
        steps=epochs * -(-count // training.batch),
        warm_up=training.warm_up,
    )
    wanted = torch.from_numpy(np.asarray(labels, dtype=np.int64))
    for epoch in range(epochs):
        orders = np.stack(
            [train[seed, shuffled(count, seed=seed, epoch=epoch)] for seed in range(seeds)]
        )
        total = torch.zeros(len(outputs), seeds, dtype=torch.float64)
        for start in range(0, count, training.batch):
            chosen = orders[:, start : start + training.batch]
            scores = heads.scores(rows_of(outputs, chosen))
            target = wanted[chosen].expand(len(outputs), *chosen.shape)
            loss = torch.nn.functional.cross_entropy(
                scores.flatten(0, 2), target.flatten(), reduction="none"
            ).view(target.shape)
            # A sum over blocks and seeds: each head has the gradient it would have alone.
            descent.step(loss.mean(dim=2).sum())
            total += loss.detach().sum(dim=2)
        if after_epoch is not None:
            after_epoch(epoch, (total / count).numpy())
    for weight in parameters.values():
        weight.requires_grad_(False)
    return heads


def _standards(outputs: NDArray[np.float32], train: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Mean and 1 / deviation of the training inputs, [blocks, seeds, 1, width] each.

    A feature that is the same for every input (all of [CLS] at block 0) is left at zero.
    """
    means, scales = [], []
    for rows in train:
        of_seed = outputs[:, rows].astype(np.float64)
        deviation = of_seed.std(axis=1)
        size = np.abs(of_seed).max(axis=1)
        scale = np.where(deviation > 1e-6 * np.maximum(size, 1e-30), 1 / deviation.clip(1e-30), 0)
        means.append(of_seed.mean(axis=1))
        scales.append(scale)
    return tuple(
        torch.from_numpy(np.stack(values, axis=1)[:, :, None].astype(np.float32))
        for values in (means, scales)
    )  # type: ignore[return-value]


def _activate(x: Tensor, activation: Activation) -> Tensor:
    if activation == "tanh":
        return torch.tanh(x)
    return torch.relu(x) if activation == "relu" else torch.nn.functional.gelu(x)
