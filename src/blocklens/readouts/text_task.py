"""Text classes: texts as batches, read out from a frozen trunk or fine-tuned up to every block.

A thin task: what is counted, trained and tabled is `class_task`'s, as for images.

    data = ClassTexts.of(read_labelled("reviews.jsonl"), seeds=5)
    measured = measure_text_classes(Encoder.load("my-bert"), data)   # frozen trunk: read-out
    measured.tables["learning"]                                      # accuracy, clusters, noise
    fine = measure_truncated(Encoder.load("my-bert"), data)          # every block fine-tuned

Both give the class probabilities of the last block as well: what `input_apt` relates confidence to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float32

from blocklens.encoder.trunk import Encoder
from blocklens.inputs.class_samples import Samples
from blocklens.inputs.labelled_texts import LabelledTexts
from blocklens.labels.tables import LabelOptions
from blocklens.labels.tasks import FINE_TUNED, TEXT
from blocklens.progress import SILENT, Progress
from blocklens.readouts.block_outputs import (
    Pooling,
    id_batches,
    kept_outputs,
    tokenised,
)
from blocklens.readouts.class_heads import ClassTraining
from blocklens.readouts.class_task import Classes, LabelledInputs, read_out_classes
from blocklens.readouts.control_task import random_class_rows
from blocklens.readouts.cost import with_cost
from blocklens.readouts.finetuning import class_probabilities, fine_tune
from blocklens.readouts.text_classifiers import head_activation, new_classifier
from blocklens.readouts.tuning_options import FineTuning

Ids = Sequence[Sequence[int]]


@dataclass(frozen=True)
class ClassTexts(LabelledInputs):
    """The texts that the seeds use, with their classes."""

    texts: list[str]

    @classmethod
    def of(cls, data: LabelledTexts, drawn: Samples) -> ClassTexts:
        """The texts that `drawn` uses, numbered anew."""
        used = drawn.used
        return cls(
            data.labels[used],
            data.keys[used],
            data.names,
            np.searchsorted(used, drawn.train),
            np.searchsorted(used, drawn.test),
            [data.texts[number] for number in used],
        )

    def of_seed(self, seed: int) -> ClassTexts:
        """The texts of one seed alone, numbered anew; seeds are counted on from the last."""
        seed %= len(self.train)
        used = np.union1d(self.train[seed], self.test[seed])
        return ClassTexts(
            self.labels[used],
            self.keys[used],
            self.names,
            np.searchsorted(used, self.train[[seed]]),
            np.searchsorted(used, self.test[[seed]]),
            [self.texts[number] for number in used],
        )


@dataclass(frozen=True, slots=True)
class TextReadOuts:
    """How text classes are read out, or fine-tuned.

    `tokens`: a text's first tokens, special ones included. `pooling`: the vector of a text is that
    of the "first" token ([CLS]), as in the group's code, or the "mean" over its tokens; fine-tuned
    classifiers have their family's own. `training`: of the heads on a frozen trunk; its activation
    is that of the family's head. `tuning`: of whole classifiers.
    """

    tokens: int = 128
    pooling: Pooling = "first"
    training: ClassTraining = field(default_factory=ClassTraining)
    tuning: FineTuning = field(default_factory=FineTuning)
    labels: LabelOptions = field(default_factory=LabelOptions)


def text_outputs(
    encoder: Encoder, ids: Ids, pooling: Pooling, progress: Progress = SILENT
) -> Float32[np.ndarray, "blocks texts width"]:
    """Kept block outputs [blocks + 1, texts, width] of texts given as token ids."""
    batches = id_batches(encoder.tokenizer, ids)
    return kept_outputs(encoder, batches, len(ids), pooling=pooling, progress=progress)


def measure_text_classes(
    encoder: Encoder,
    data: ClassTexts,
    *,
    run: str = "encoder",
    options: TextReadOuts | None = None,
    progress: Progress = SILENT,
) -> Classes:
    """Read-outs of every block of a frozen encoder: one pass over the texts, then all heads.

    Args:
        encoder: a text encoder.
        data: the texts.
        run: the name of the run in the tables, such as "encoder" or "untrained 0".
        options: read-outs and tables.
        progress: told how far it is.

    Raises:
        UserError: an encoder without a tokenizer, or outputs that are not finite.

    """
    options = options or TextReadOuts()
    ids = tokenised(encoder, data.texts, tokens=options.tokens)
    outputs = text_outputs(encoder, ids, options.pooling, progress)
    measured = read_out_classes(
        TEXT, data, outputs, options.training, run=run, options=options.labels, progress=progress
    )
    if run == "encoder":
        learning = measured.tables["learning"]
        chance = random_class_rows(
            data, ids, outputs, measured.predicted[:, 0], options.training, options.labels.groups
        )
        chance = chance.assign(**learning[["task", "run", "read_out"]].iloc[0])
        measured.tables["learning"] = pd.concat([learning, chance], ignore_index=True)
    add_cost(measured, encoder, ids)
    return measured


def measure_truncated(
    encoder: Encoder,
    data: ClassTexts,
    *,
    run: str = "encoder",
    blocks: Sequence[int] | None = None,
    options: TextReadOuts | None = None,
    each: Callable[[Any, int, int], None] | None = None,
    progress: Progress = SILENT,
) -> Classes:
    """Classifiers fine-tuned up to every block, each seed by itself.

    Args:
        encoder: a text encoder; it is not changed.
        data: the texts.
        run: the name of the run in the tables.
        blocks: those to which the trunk is shortened; default 1..L. The last of them is the one
            whose probabilities are returned. (Up to block 0 there is nothing but a constant [CLS].)
        options: tuning and tables.
        each: called with every fine-tuned classifier, its block and its seed.
        progress: told how far it is, in epochs.

    Raises:
        UserError: a block that the encoder has not got, or a family without a text classifier.

    """
    options = options or TextReadOuts()
    chosen = list(range(1, encoder.blocks + 1)) if blocks is None else sorted(set(blocks))
    ids = tokenised(encoder, data.texts, tokens=options.tokens)
    seeds, tests = data.test.shape
    probabilities = np.empty((len(chosen), seeds, tests, len(data.names)), np.float32)
    total = len(chosen) * seeds * options.tuning.epochs
    with progress.stage("fine-tuning", total, "epochs") as stage:
        for place, block in enumerate(chosen):
            for seed in range(seeds):
                model = new_classifier(encoder, data.names, blocks=block, seed=seed)
                fine_tune(
                    model, encoder.tokenizer, ids, data.labels, data.train[seed], options.tuning,
                    seed=seed, after_epoch=lambda *_: stage.advance(),
                )  # fmt: skip
                tested = [ids[row] for row in data.test[seed]]
                probabilities[place, seed] = class_probabilities(model, encoder.tokenizer, tested)
                if each is not None:
                    each(model, block, seed)
    measured = Classes.of(
        FINE_TUNED, data, probabilities, run=run, read_out="truncate", blocks=chosen,
        options=options.labels,
    )  # fmt: skip
    add_cost(measured, encoder, ids)
    return measured


def add_cost(measured: Classes, encoder: Encoder, ids: Ids) -> None:
    """Beside what every block loses, what it costs for a text of usual length."""
    if "advice" in measured.tables:
        usual = sorted(ids, key=len)[len(ids) // 2]
        given = {"input_ids": torch.tensor([usual], device=encoder.model.device)}
        measured.tables["advice"] = with_cost(measured.tables["advice"], encoder, given)


def family_training(encoder: Encoder) -> ClassTraining:
    """How heads are trained, with the activation of the encoder's own family (for exporting)."""
    return ClassTraining(activation=head_activation(encoder))
