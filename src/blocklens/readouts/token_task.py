"""What an encoder has learned: accuracy per token and how tokens group, for every block.

    from blocklens.readouts.token_task import measure_learning
    found = measure_learning("bert-base-uncased", "articles.jsonl.xz", texts_limit=5000)
    found.tables["learning"]      # <APT>, accuracy, clusters, noise ... per block, with intervals

Every block's outputs go through a head: one of its own trained on the frozen trunk ("read-out"), or
the model's own final head without training ("lens"). Read-outs train on other texts than they are
measured on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.labels.accuracy import LabelCounts
from blocklens.labels.grouping import GroupedConfusion, StructureOptions
from blocklens.labels.token_tables import learned_tables
from blocklens.readouts.modified_tokens import (
    ModifiedBatch,
    gather,
    modified_batches,
    recipe_for,
    rows_of_blocks,
)
from blocklens.readouts.text_halves import Texts, known_count, split_texts
from blocklens.readouts.vocabulary_heads import Head, final_norm, fresh_head, own_head
from blocklens.readouts.vocabulary_training import (
    CONTINUED,
    Training,
    predict_blocks,
    train_read_outs,
)

MOST_TRAIN_PASSES = 20
"""Few training texts are modified again and again until there are `train_tokens`; no more often."""

ReadOut = Literal["read-out", "lens"]
Start = Literal["own", "fresh"]

Progress = Callable[[str, int, int], None]
"""Called with a stage ("gathering", "read-outs", "measuring"), how much is done, and of how much;
0 where that is not known."""
GATHERING, READ_OUTS, MEASURING = "gathering", "read-outs", "measuring"


@dataclass(frozen=True, slots=True)
class LearningOptions:
    """Options of `measure_learning`.

    `read_out`: "read-out" trains a head per block, "lens" uses the model's own. `start`: a read-out
    starts from the model's "own" head where it has one, or from a "fresh" one, as its untrained
    twin's must. `training`: of the read-outs, by default `CONTINUED` from the own head on and
    `Training()` from a fresh one. `decoder`: the vocabulary layer is "tied" to the frozen token
    embeddings, or "trained" per block. `tokens`: of a window, special ones included. `long`: of a
    long text all "windows", or "cut" to its first one, as the group's code has it. `passes`:
    modifications of each measured text. `train_tokens`: most modified tokens to train on.
    `texts_limit`: most texts to measure. `seed`: of the modification, the heads and the order.
    `groups`: groups of texts for the intervals.
    """

    read_out: ReadOut = "read-out"
    start: Start = "own"
    decoder: Literal["tied", "trained"] = "tied"
    tokens: int = 128
    long: Literal["windows", "cut"] = "cut"
    passes: int = 1
    train_tokens: int = 75_000
    texts_limit: int | None = None
    seed: int = 0
    groups: int = 20
    training: Training | None = None
    structure: StructureOptions = field(default_factory=StructureOptions)


@dataclass(frozen=True)
class Learning:
    """What was measured. `tables`: apt, learning, frequency, confusion, clusters, cluster_sweep.

    `texts` and `rows`: how many were measured, and their modified tokens. `trained`: modified
    tokens that the read-outs trained on, 0 for the lens. `start`: the head they started from, "own"
    or "fresh". `heads`: the read-outs of blocks 0..L. `losses`: mean training loss per epoch and
    block.
    """

    encoder: str
    options: LearningOptions
    texts: int
    rows: int
    trained: int
    start: Start
    tables: dict[str, pd.DataFrame]
    heads: list[Head]
    losses: list[list[float]]


def measure_learning(
    encoder: Encoder | str | Path,
    texts: Texts,
    *,
    train_texts: Texts | None = None,
    frequency: NDArray[np.integer] | None = None,
    run: str = "encoder",
    head: Head | None = None,
    options: LearningOptions | None = None,
    progress: Progress | None = None,
    **changes: Any,
) -> Learning:
    """Accuracy per token, <APT>, confusions and clusters of every block of an encoder.

    Args:
        encoder: an encoder, or the folder or Hub id of one.
        texts: the texts to measure on (read several times: a file, a list, a TextSource).
        train_texts: texts to train the read-outs on; without them a hash of each text puts half of
            `texts` to training and half to measurement.
        frequency: training frequency of every token id [vocabulary]; default its count in the texts
            that were read.
        run: the name of the run in the tables, such as "encoder" or "untrained 0".
        head: the masked-LM head to use in place of the model's own.
        options: all options.
        progress: told how far each stage is.
        **changes: single options by name, such as `read_out="lens"`.

    Raises:
        UserError: an encoder without a mask token, "lens" without a masked-LM head, no texts to
            train on or to measure, or an option that does not exist.

    """
    options = _options(options, changes)
    say = progress or (lambda *_: None)
    measured, training = split_texts(
        texts, train_texts,
        limit=options.texts_limit, seed=options.seed, train=options.read_out != "lens",
    )  # fmt: skip
    encoder, head = _encoder_and_head(encoder, head, options)
    recipe = recipe_for(encoder)
    tokens = min(options.tokens, encoder.max_tokens)
    norm = final_norm(encoder)
    labels = recipe.vocabulary
    losses: list[list[float]] = []
    seen, trained = np.zeros(labels, dtype=np.int64), 0
    if options.read_out == "lens":
        assert head is not None  # _encoder_and_head saw to it
        heads = [head.eval()] * (encoder.blocks + 1)
    else:
        tied = options.decoder == "tied"
        batches = chain.from_iterable(
            modified_batches(
                encoder,
                training,
                recipe,
                tokens=tokens,
                long=options.long,
                first_pass=number,
                seed=options.seed + 1,
            )
            for number in range(MOST_TRAIN_PASSES)
        )
        with gather(
            encoder,
            batches,
            limit=options.train_tokens,
            norm=norm,
            progress=partial(say, GATHERING),
        ) as rows:
            seen, trained = rows.token_counts, len(rows)
            training_of_heads = options.training or (Training() if head is None else CONTINUED)
            start = head or fresh_head(encoder, seed=options.seed, counts=rows.token_counts)
            heads = train_read_outs(
                rows,
                [start.copy(tied=tied) for _ in range(encoder.blocks + 1)],
                replace(training_of_heads, seed=options.seed),
                after_epoch=losses.append,
                progress=partial(say, READ_OUTS),
            )
    counts = LabelCounts(labels, encoder.blocks + 1, options.groups)
    confusion = GroupedConfusion(labels, encoder.blocks + 1, options.groups)
    done, of = 0, known_count(measured) * options.passes
    for batch in modified_batches(
        encoder,
        measured,
        recipe,
        tokens=tokens,
        long=options.long,
        passes=options.passes,
        seed=options.seed,
    ):
        predicted = predict_blocks(heads, rows_of_blocks(encoder, batch, norm))
        _count(batch, predicted, counts, confusion)
        seen = seen + np.bincount(batch.tokens, minlength=labels)
        done += batch.begun
        say(MEASURING, done, of)
    say(MEASURING, done, done)
    if not counts.n.any():
        raise UserError("learning: no text to measure on; give more texts")
    frequency = seen if frequency is None else np.asarray(frequency, dtype=np.int64)
    if frequency.shape != (labels,):
        raise UserError(
            f"learning: {frequency.size} frequencies for a vocabulary of {labels}; give one a token"
        )
    names = [str(name) for name in encoder.tokenizer.convert_ids_to_tokens(list(range(labels)))]
    tables = learned_tables(
        counts, confusion, frequency, names,
        structure=options.structure,
    )  # fmt: skip
    for name, table in tables.items():
        table.insert(0, "run", run)
        if name == "learning":
            table.insert(1, "read_out", options.read_out)
    return Learning(
        encoder.name,
        options,
        done // options.passes,
        int(counts.n.sum()),
        trained,
        "fresh" if head is None else "own",
        tables,
        heads,
        losses,
    )


def _options(options: LearningOptions | None, changes: dict[str, Any]) -> LearningOptions:
    options = options or LearningOptions()
    unknown = sorted(set(changes) - set(LearningOptions.__slots__))
    if unknown:
        known = ", ".join(sorted(LearningOptions.__slots__))
        raise UserError(f"learning: no option {unknown[0]!r}; the options are {known}")
    options = replace(options, **changes)
    if options.read_out not in get_args(ReadOut):
        raise UserError(f"learning: read_out {options.read_out!r}; expected 'read-out' or 'lens'")
    if options.start not in get_args(Start):
        raise UserError(f"learning: start {options.start!r}; expected 'own' or 'fresh'")
    return options


def _encoder_and_head(
    encoder: Encoder | str | Path, head: Head | None, options: LearningOptions
) -> tuple[Encoder, Head | None]:
    """The encoder, and the head that the options ask for: None where a fresh one is to be made."""
    if not isinstance(encoder, Encoder):
        encoder = Encoder.load(encoder)
    if encoder.tokenizer is None:
        raise UserError(f"{encoder.name}: no tokenizer; accuracy per token needs a text encoder")
    if head is None and (options.read_out == "lens" or options.start == "own"):
        try:
            head = own_head(encoder.name)
        except UserError:
            if options.read_out == "lens":
                raise
    return encoder, head if options.read_out == "lens" or options.start == "own" else None


def _count(
    batch: ModifiedBatch,
    predicted: NDArray[np.int64],
    counts: LabelCounts,
    confusion: GroupedConfusion,
) -> None:
    counts.update(batch.labels, predicted, batch.keys, batch.kinds)
    confusion.update(batch.labels, predicted, batch.keys % counts.groups)
