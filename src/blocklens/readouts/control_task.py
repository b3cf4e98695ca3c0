"""The control task of read-outs: labels drawn at random by type (`labels/selectivity.py`).

It costs little, and no pass of the trunk. Of tokens, a part of the rows that are gathered anyway
trains the same read-out twice, on the true labels and on the random ones, and both answer the first
of the measured tokens. Of classes, the read-outs of the first seed are trained once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from blocklens.distributed import ALONE, Share
from blocklens.labels.left_out import effective_inputs
from blocklens.labels.selectivity import random_classes, random_names, selectivity_rows
from blocklens.progress import SILENT, Progress
from blocklens.readouts.class_heads import ClassTraining, train_class_heads
from blocklens.readouts.class_task import LabelledInputs
from blocklens.readouts.modified_tokens import GatheredRows
from blocklens.readouts.vocabulary_heads import Head
from blocklens.readouts.vocabulary_training import HeadTraining, predict_blocks, train_read_outs
from blocklens.statistics.groups import group_of

Heads = Sequence[Head]


class ControlTask:
    """Read-outs of all blocks on true and on random labels, and how often they are right.

    Attributes:
        names: the random label of every token, [vocabulary].
        true, random: the read-outs on either, one a block.
        limit: modified tokens to answer.
        n, right: answered, [groups]; right of either, [2, groups, blocks].

    """

    def __init__(
        self, names: Int64[np.ndarray, " vocabulary"], true: Heads, random: Heads, limit: int,
        groups: int,
    ) -> None:  # fmt: skip
        self.names, self.true, self.random, self.limit = names, true, random, limit
        self.n = np.zeros(groups, np.int64)
        self.right = np.zeros((2, groups, len(true)), np.int64)
        self.types = np.empty(0, np.int64)

    @classmethod
    def trained(
        cls, rows: GatheredRows, first: Head, training: HeadTraining, *, blocks: int, limit: int,
        tied: bool, groups: int, share: Share = ALONE, progress: Progress = SILENT,
    ) -> ControlTask:  # fmt: skip
        """Both trained from `first` on with `limit` of the rows, as other read-outs are."""
        names = random_names(rows.token_counts, training.seed)
        some = replace(rows, outputs=rows.outputs[:, :limit], labels=rows.labels[:limit])
        renamed = replace(some, labels=names[some.labels])
        true, random = (
            train_read_outs(
                of,
                [first.copy(tied=tied) for _ in range(blocks)],
                training,
                share=share,
                progress=progress,
            )
            for of in (some, renamed)
        )
        return cls(names, true, random, limit, groups)

    def answer(
        self,
        rows: Sequence[Float[Tensor, "rows width"]],
        labels: Int64[np.ndarray, " rows"],
        group: Int64[np.ndarray, " rows"],
        *,
        before: int,
    ) -> None:
        """Count right answers at modified tokens, until there are enough with those `before`."""
        left = self.limit - before
        if left <= 0:
            return
        rows, labels, group = [x[:left] for x in rows], labels[:left], group[:left]
        self.n += np.bincount(group, minlength=len(self.n))
        self.types = np.union1d(self.types, labels)
        for which, (heads, wanted) in enumerate(
            ((self.true, labels), (self.random, self.names[labels]))
        ):
            right = predict_blocks(heads, rows) == wanted
            np.add.at(self.right[which], group, right.T)

    def add_up(self, share: Share) -> None:
        """Add what other processes counted."""
        for counted in (self.n, self.right):
            share.total(torch.from_numpy(counted))
        for types in share.gather(self.types) or []:
            self.types = np.union1d(self.types, types)

    def rows(self, learning: pd.DataFrame) -> pd.DataFrame:
        """Its rows of the table `learning`, with what stands first in the rows that are there."""
        first: dict[str, Any] = learning[["task", "run", "read_out"]].iloc[0].to_dict()
        blocks = selectivity_rows(self.n, *self.right, types=self.types.size)
        rows = [{**first, **row, "groups": effective_inputs(self.n)} for row in blocks]
        return pd.DataFrame(rows).astype({"block": "Int64"})


def random_class_rows(
    data: LabelledInputs,
    ids: Sequence[Sequence[int]],
    outputs: Float32[np.ndarray, "blocks texts width"],
    predicted: Int64[np.ndarray, "blocks tests"],
    training: ClassTraining,
    groups: int,
) -> pd.DataFrame:
    """Rows of `learning`: read-outs of texts on random classes, beside what the first seed's say.

    Args:
        data: the texts' classes, and on which the first seed trains and measures.
        ids: each text's tokens.
        outputs: block outputs of all texts.
        predicted: what the first seed's read-outs answered to its test texts.
        training: how they were trained.
        groups: of texts.

    """
    classes, types = random_classes(ids, data.labels)
    heads = train_class_heads(outputs, classes, data.train[:1], training, classes=len(data.names))
    random = heads.probabilities(outputs, data.test[:1]).argmax(axis=-1)[:, 0]
    test = data.test[0]
    group, right = group_of(data.keys[test], groups), np.zeros((2, groups, len(outputs)), np.int64)
    for which, (answers, wanted) in enumerate(((predicted, data.labels), (random, classes))):
        np.add.at(right[which], group, (answers == wanted[test]).T)
    n = np.bincount(group, minlength=groups)
    return pd.DataFrame(selectivity_rows(n, *right, types=types)).astype({"block": "Int64"})
