"""Class read-outs: labelled inputs in, tables out, whatever the inputs are.

A task of classes says what its labels are (`LabelledInputs`) and gives the block outputs of its
inputs; `text_task.py` and `image_task.py` do no more. From there on every kind of class, and
whatever an encoder has to be better than, goes through these functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float32, Int64

from blocklens.labels.confusion import ConfusionCounts
from blocklens.labels.tables import MEAN, LabelOptions, label_tables
from blocklens.labels.tasks import Task
from blocklens.progress import SILENT, Progress
from blocklens.readouts.class_heads import ClassHeads, ClassTraining, train_class_heads


@dataclass(frozen=True)
class LabelledInputs:
    """What is known of the inputs beside what they are.

    Attributes:
        labels: class number of each.
        keys: hash of each.
        names: name of each class.
        train: each seed's training inputs, numbers into the inputs.
        test: each seed's inputs to measure on.

    """

    labels: Int64[np.ndarray, " inputs"]
    keys: Int64[np.ndarray, " inputs"]
    names: list[str]
    train: Int64[np.ndarray, "seeds trained"]
    test: Int64[np.ndarray, "seeds tests"]

    def tested(self) -> Bool[np.ndarray, "seeds inputs"]:
        """Whether a seed measures on an input, [seeds, n]."""
        chosen = np.zeros((len(self.test), len(self.labels)), dtype=bool)
        np.put_along_axis(chosen, self.test, True, axis=1)
        return chosen


@dataclass(frozen=True)
class Classes:
    """What was measured of the classes of one encoder.

    Attributes:
        tables: those of `label_tables`.
        predicted: class of each seed's test inputs.
        probabilities: of the last block for each seed's test inputs.
        heads: the read-outs; None for fine-tuned classifiers.

    """

    tables: dict[str, pd.DataFrame]
    predicted: Int64[np.ndarray, "blocks seeds tests"]
    probabilities: Float32[np.ndarray, "seeds tests classes"]
    heads: ClassHeads | None = None

    @classmethod
    def of(
        cls,
        task: Task,
        data: LabelledInputs,
        probabilities: Float32[np.ndarray, "blocks seeds tests classes"],
        *,
        run: str,
        read_out: str = "read-out",
        blocks: list[int] | None = None,
        options: LabelOptions | None = None,
        heads: ClassHeads | None = None,
    ) -> Classes:
        """From class probabilities of each seed's test inputs, [blocks, seeds, tests, classes]."""
        options = options or LabelOptions()
        predicted = probabilities.argmax(axis=-1)
        counts = ConfusionCounts.of_seeds(
            data.labels, predicted, data.test, data.keys, len(data.names), options.groups
        )
        tables = label_tables(
            counts, data.names, task, run=run, read_out=read_out, seeds=len(data.test),
            blocks=blocks, options=options,
        )  # fmt: skip
        return cls(tables, predicted, probabilities[-1], heads)


def read_out_classes(
    task: Task,
    data: LabelledInputs,
    outputs: Float32[np.ndarray, "blocks inputs width"],
    training: ClassTraining,
    *,
    run: str = "encoder",
    options: LabelOptions | None = None,
    progress: Progress = SILENT,
) -> Classes:
    """Read-outs of every block, all seeds trained together, measured on each seed's test inputs.

    `outputs` [blocks, n, width]: block outputs of all inputs, as `kept_outputs` gives them.
    """
    epochs = training.epochs_for(data.train.shape[1])
    with progress.stage("read-outs", epochs, "epochs") as stage:
        heads = train_class_heads(
            outputs, data.labels, data.train, training, classes=len(data.names),
            after_epoch=lambda *_: stage.advance(),
        )  # fmt: skip
    probabilities = heads.probabilities(outputs, data.test)
    return Classes.of(task, data, probabilities, run=run, options=options, heads=heads)


def baseline_rows(classes: Classes) -> pd.DataFrame:
    """The accuracies of a system that is no encoder, for the table `baseline`."""
    rows = classes.tables["learning"]
    chosen = rows["statistic"].isin(["accuracy", MEAN])
    return rows.loc[chosen].reset_index(drop=True)
