"""The labels that a training step computes scores of: all, or a sample of a wide vocabulary.

Texts show a few thousand of 30,000 or 250,000 tokens, and a step that computes the scores of all
others spends nearly all of its time on them. So a step takes every label that the training rows
have and each of the others with a chance of 1 in `ONE_IN`; a score that is there by chance stands
for `ONE_IN` of its kind in the sum that a softmax divides by, whose expectation is then that over
all labels (sampled softmax with importance weights: Bengio and Senecal, 2008; Jean et al., arXiv
1412.2007). What is measured afterwards is the highest score of all labels, always. What this
changes in the figures stands in docs/learned.md; ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

ALL_UP_TO = 16_384
"""Labels up to which all scores are computed: there a sample saves little."""

ONE_IN = 8
"""Of the labels that no training row has, one in so many is in a step."""


@dataclass(frozen=True)
class LabelSample:
    """The labels of one step.

    Attributes:
        chosen: numbers of the labels, those of the training rows first, each part rising.
        shown: how many of them the training rows have.

    """

    chosen: Int64[Tensor, " chosen"]
    shown: int

    def of(
        self,
        weight: Float[Tensor, "labels features"],
        bias: Float[Tensor, " labels"],
        labels: Int64[Tensor, " rows"],
    ) -> tuple[Float[Tensor, "chosen features"], Float[Tensor, " chosen"], Int64[Tensor, " rows"]]:
        """A decoder's vectors and biases of the chosen labels, and the rows' labels among them.

        A bias has the logarithm of how many labels its score stands for added to it.
        """
        chosen = self.chosen.to(bias.device)
        stands_for = torch.zeros(len(chosen), device=bias.device)
        stands_for[self.shown :] = float(np.log(ONE_IN))
        places = torch.searchsorted(chosen[: self.shown], labels)
        return weight[chosen], bias[chosen] + stands_for, places


class LabelSamples:
    """Draws the labels of every step, the same for all blocks and in every process.

    Args:
        labels: of all training rows.
        vocabulary: number of labels.
        seed: of the draws.

    """

    def __init__(self, labels: Int64[np.ndarray, " rows"], vocabulary: int, seed: int) -> None:
        self.shown = np.unique(labels)
        self.others = np.setdiff1d(np.arange(vocabulary), self.shown)
        self.all = vocabulary <= ALL_UP_TO
        self.seed = seed

    def draw(self, epoch: int, start: int) -> LabelSample | None:
        """The labels of the step that begins at row `start` of an epoch; None for all of them."""
        if self.all:
            return None
        rng = np.random.default_rng((self.seed, epoch, start))
        others = self.others[rng.random(len(self.others)) * ONE_IN < 1]
        return LabelSample(torch.from_numpy(np.concatenate([self.shown, others])), len(self.shown))
