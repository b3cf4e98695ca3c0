"""Text classes: read-outs and fine-tuned classifiers on every block, by the code of image classes.

P2's claim is one mechanism for tokens, text classes and image classes, so nothing here measures
anything. The texts become batches of `kept_outputs`; from there on `class_heads` trains what it
trains for images, and `label_tables` counts as it does for images and tokens.

    data = ClassTexts.of(read_labelled("reviews.jsonl"), seeds=5)
    found = measure_text_classes(Encoder.load("my-bert"), data)      # frozen trunk: read-out
    found.tables["learning"]                                         # accuracy, clusters, noise
    fine = measure_truncated(Encoder.load("my-bert"), data)          # every block fine-tuned

Both give the class probabilities of the last block as well: what `input_apt` relates confidence to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from blocklens.encoder.trunk import Encoder
from blocklens.inputs.labelled_texts import LabelledTexts, Samples
from blocklens.labels.class_tables import LabelOptions, label_tables
from blocklens.readouts.block_outputs import (
    Pooling,
    id_batches,
    kept_outputs,
    tokenised,
)
from blocklens.readouts.class_heads import ClassHeads, ClassTraining, train_class_heads
from blocklens.readouts.depth import cost_rows, loss_rows
from blocklens.readouts.finetuning import FineTuning, class_probabilities, fine_tune
from blocklens.readouts.text_classifiers import head_activation, new_classifier

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

Ids = Sequence[Sequence[int]]


@dataclass(frozen=True)
class ClassTexts:
    """The texts that the seeds use, with their classes.

    Attributes:
        texts: the texts.
        labels: class number of each, int64 [n].
        keys: hash of each, int64 [n].
        names: name of each class.
        train: each seed's training texts, numbers into the texts, int64 [seeds, trained].
        test: each seed's texts to measure on, int64 [seeds, tests].

    """

    texts: list[str]
    labels: NDArray[np.int64]
    keys: NDArray[np.int64]
    names: list[str]
    train: NDArray[np.int64]
    test: NDArray[np.int64]

    @classmethod
    def of(cls, data: LabelledTexts, drawn: Samples) -> ClassTexts:
        """The texts that `drawn` uses, numbered anew."""
        used = drawn.used
        return cls(
            [data.texts[number] for number in used],
            data.labels[used],
            data.keys[used],
            data.names,
            np.searchsorted(used, drawn.train),
            np.searchsorted(used, drawn.test),
        )

    def tested(self) -> NDArray[np.bool_]:
        """Whether a seed measures on a text, [seeds, n]."""
        found = np.zeros((len(self.test), len(self.texts)), dtype=bool)
        np.put_along_axis(found, self.test, True, axis=1)
        return found


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


@dataclass(frozen=True)
class TextClasses:
    """What was measured of one encoder.

    Attributes:
        tables: those of `label_tables`; and of the run "encoder" `advice`, see `advice`.
        probabilities: of the last block for each seed's test texts, [seeds, tests, classes].
        heads: the read-outs; None for fine-tuned classifiers.

    """

    tables: dict[str, pd.DataFrame]
    probabilities: NDArray[np.float32]
    heads: ClassHeads | None = None


def text_outputs(
    encoder: Encoder,
    ids: Ids,
    pooling: Pooling,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Kept block outputs [blocks + 1, texts, width] of texts given as token ids."""
    batches = id_batches(encoder.tokenizer, ids)
    return kept_outputs(encoder, batches, len(ids), pooling=pooling, progress=progress)


def measure_text_classes(
    encoder: Encoder,
    data: ClassTexts,
    *,
    run: str = "encoder",
    options: TextReadOuts | None = None,
    progress: Progress | None = None,
) -> TextClasses:
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
    say = progress or (lambda *_: None)
    ids = tokenised(encoder, data.texts, tokens=options.tokens)
    outputs = text_outputs(
        encoder, ids, options.pooling, lambda done: say("blocks", done, len(ids))
    )
    epochs = options.training.epochs_for(data.train.shape[1])
    heads = train_class_heads(
        outputs, data.labels, data.train, options.training, classes=len(data.names),
        progress=lambda epoch, _: say("read-outs", epoch + 1, epochs),
    )  # fmt: skip
    probabilities = heads.probabilities(outputs, data.test)
    predicted = probabilities.argmax(axis=-1)
    tables = label_tables(
        data.labels, predicted, data.test, data.keys, data.names, run=run, options=options.labels
    )
    if run == "encoder":
        tables["advice"] = advice_rows(encoder, data, predicted, ids, options)
    return TextClasses(tables, probabilities[-1], heads)


def measure_truncated(
    encoder: Encoder,
    data: ClassTexts,
    *,
    run: str = "encoder",
    blocks: Sequence[int] | None = None,
    options: TextReadOuts | None = None,
    each: Callable[[Any, int, int], None] | None = None,
    progress: Progress | None = None,
) -> TextClasses:
    """Classifiers fine-tuned up to every block, each seed by itself.

    Args:
        encoder: a text encoder; it is not changed.
        data: the texts.
        run: the name of the run in the tables.
        blocks: the blocks after which the trunk is cut; default 1..L. The last of them is the one
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
    found = np.empty((len(chosen), seeds, tests, len(data.names)), np.float32)
    total = len(chosen) * seeds * options.tuning.epochs
    done = 0

    def after_epoch(*_: Any) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress("epochs", done, total)

    for place, block in enumerate(chosen):
        for seed in range(seeds):
            model = new_classifier(encoder, data.names, blocks=block, seed=seed)
            fine_tune(
                model, encoder.tokenizer, ids, data.labels, data.train[seed], options.tuning,
                seed=seed, progress=after_epoch,
            )  # fmt: skip
            tested = [ids[row] for row in data.test[seed]]
            found[place, seed] = class_probabilities(model, encoder.tokenizer, tested)
            if each is not None:
                each(model, block, seed)
    predicted = found.argmax(axis=-1)
    tables = label_tables(
        data.labels, predicted, data.test, data.keys, data.names, run=run, read_out="truncate",
        blocks=chosen, options=options.labels,
    )  # fmt: skip
    if run == "encoder":
        tables["advice"] = advice_rows(encoder, data, predicted, ids, options, chosen)
    return TextClasses(tables, found[-1])


def advice_rows(
    encoder: Encoder,
    data: ClassTexts,
    predicted: NDArray[np.int64],
    ids: Ids,
    options: TextReadOuts,
    blocks: Sequence[int] | None = None,
) -> pd.DataFrame:
    """What every block loses, and costs for a text of usual length; see `advice`."""
    losses = loss_rows(data.labels, predicted, data.test, data.keys, options.labels.groups)
    if blocks is not None:
        losses["block"] = np.asarray(blocks)
    usual = sorted(ids, key=len)[len(ids) // 2]
    given = {"input_ids": torch.tensor([usual], device=encoder.model.device)}
    costs = cost_rows(encoder, given)
    return losses if costs is None else losses.merge(costs, on="block")


def family_training(encoder: Encoder, training: ClassTraining | None = None) -> ClassTraining:
    """How heads are trained, with the activation of the encoder's own family (for exporting)."""
    return replace(training or ClassTraining(), activation=head_activation(encoder))
