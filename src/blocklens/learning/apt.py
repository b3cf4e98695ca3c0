"""What an encoder has learned: accuracy per token and how tokens group, for every block.

    from blocklens.learning.apt import measure_learning
    found = measure_learning("bert-base-uncased", "articles.jsonl.xz", texts_limit=5000)
    found.tables["learning"]      # <APT>, accuracy, clusters, noise ... per block, with intervals

Every block's outputs go through a head: a new one trained on the frozen trunk ("read-out"), or the
model's own final head without training ("lens"). Read-outs train on other texts than they are
measured on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blocklens.encoder import Encoder
from blocklens.errors import UserError
from blocklens.learning.accuracy import LabelCounts
from blocklens.learning.corpus import is_held_out
from blocklens.learning.learned_tables import accuracy_rows, frequency_rows, token_rows
from blocklens.learning.readout import Training, predict_blocks, train_read_outs
from blocklens.learning.rows import (
    ModifiedBatch,
    gather,
    modified_batches,
    recipe_for,
    rows_of_blocks,
)
from blocklens.learning.structure import (
    GroupedConfusion,
    StructureOptions,
    cluster_rows,
    null_slope_row,
    structure_rows,
    sweep_rows,
)
from blocklens.learning.vocabulary_heads import Head, final_norm, fresh_head, own_head

ReadOut = Literal["read-out", "lens"]
Texts = Any
"""A file, a folder, a Hub data set id, or an iterable of strings or Text."""

ALL_BLOCKS_CONFUSION = 300_000
"""Elements up to which the confusion table holds every block; above, the last one alone."""


@dataclass(frozen=True, slots=True)
class LearningOptions:
    """Options of `measure_learning`.

    `read_out`: "read-out" trains a head per block, "lens" uses the model's own. `start`: a read-out
    starts from the model's "own" head where it has one, or from a "fresh" one. `decoder`: the
    vocabulary layer is "tied" to the frozen token embeddings, or "trained" per block. `tokens`: a
    text's first tokens, special ones included. `passes`: modifications of each measured text.
    `train_rows`: most modified tokens to train on. `texts_limit`: most texts to measure. `seed`: of
    the modification, the heads and the order. `groups`: groups of texts for the intervals.
    """

    read_out: ReadOut = "read-out"
    start: Literal["own", "fresh"] = "own"
    decoder: Literal["tied", "trained"] = "tied"
    tokens: int = 128
    passes: int = 1
    train_rows: int = 75_000
    texts_limit: int | None = None
    seed: int = 0
    groups: int = 20
    resamples: int = 1000
    training: Training = field(default_factory=Training)
    structure: StructureOptions = field(default_factory=StructureOptions)


@dataclass(frozen=True)
class Learning:
    """What was measured. `tables`: apt, learning, frequency, confusion, clusters, cluster_sweep.

    `heads`: the read-outs of blocks 0..L. `losses`: mean training loss per epoch and block.
    """

    encoder: str
    options: LearningOptions
    texts: int
    rows: int
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
    progress: Callable[[str], None] | None = None,
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
        progress: called with one line at each step.
        **changes: single options by name, such as `read_out="lens"`.

    Raises:
        UserError: an encoder without a mask token, "lens" without a masked-LM head, no texts to
            train on or to measure, or an option that does not exist.

    """
    options = _options(options, changes)
    say = progress or (lambda _: None)
    measured, training = _split_texts(texts, train_texts, options)
    encoder, head = _encoder_and_head(encoder, head, options)
    recipe = recipe_for(encoder)
    tokens = min(options.tokens, encoder.max_tokens)
    norm = final_norm(encoder)
    labels = recipe.vocabulary
    losses: list[list[float]] = []
    seen = np.zeros(labels, dtype=np.int64)
    if options.read_out == "lens":
        assert head is not None  # _encoder_and_head saw to it
        heads = [head.eval()] * (encoder.blocks + 1)
    else:
        tied = options.decoder == "tied"
        batches = modified_batches(encoder, training, recipe, tokens=tokens, seed=options.seed + 1)
        say("gathering the rows of all blocks")
        with gather(encoder, batches, limit=options.train_rows, norm=norm) as rows:
            say(f"training {encoder.blocks + 1} read-outs on {len(rows):,} modified tokens")
            seen += rows.token_counts

            start = head or fresh_head(encoder, seed=options.seed, counts=rows.token_counts)

            def after_epoch(epoch: int, mean: list[float]) -> None:
                losses.append(mean)
                say(f"epoch {epoch + 1}: loss {', '.join(f'{loss:.3f}' for loss in mean)}")

            heads = train_read_outs(
                rows,
                [start.copy(tied=tied) for _ in range(encoder.blocks + 1)],
                replace(options.training, seed=options.seed),
                progress=after_epoch,
            )
    say("measuring")
    counts = LabelCounts(labels, encoder.blocks + 1, options.groups)
    confusion = GroupedConfusion(labels, encoder.blocks + 1, options.groups)
    modified_texts = 0
    for batch in modified_batches(
        encoder, measured, recipe, tokens=tokens, passes=options.passes, seed=options.seed
    ):
        predicted = predict_blocks(heads, rows_of_blocks(encoder, batch, norm))
        _count(batch, predicted, counts, confusion)
        seen += np.bincount(batch.tokens, minlength=labels)
        modified_texts += len(batch.ids)
    if not counts.n.any():
        raise UserError("learning: no text to measure on; give more texts")
    frequency = seen if frequency is None else np.asarray(frequency, dtype=np.int64)
    if frequency.shape != (labels,):
        raise UserError(
            f"learning: {frequency.size} frequencies for a vocabulary of {labels}; give one a token"
        )
    say("clusters and nulls")
    names = [str(name) for name in encoder.tokenizer.convert_ids_to_tokens(list(range(labels)))]
    tables = _tables(counts, confusion, frequency, names, options)
    for name, table in tables.items():
        table.insert(0, "run", run)
        if name == "learning":
            table.insert(1, "read_out", options.read_out)
    return Learning(
        encoder.name,
        options,
        modified_texts // options.passes,
        int(counts.n.sum()),
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
    if options.read_out not in ("read-out", "lens"):
        raise UserError(f"learning: read_out {options.read_out!r}; expected 'read-out' or 'lens'")
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


def _split_texts(
    texts: Texts, train_texts: Texts | None, options: LearningOptions
) -> tuple[Iterable[Any], Iterable[Any]]:
    measured = _readable(texts)
    if options.read_out == "lens":
        return _First(measured, options.texts_limit), ()
    if train_texts is not None:
        return _First(measured, options.texts_limit), _readable(train_texts)
    return (
        _First(_Half(measured, options.seed, held_out=True), options.texts_limit),
        _Half(measured, options.seed, held_out=False),
    )


def _readable(texts: Texts) -> Iterable[Any]:
    if isinstance(texts, str | Path):
        from blocklens.texts.reading import TextSource

        return TextSource(texts)
    if isinstance(texts, Iterator):
        return list(texts)
    return texts


@dataclass(frozen=True)
class _Half:
    """The half of the texts that a hash puts to measurement, or the other half."""

    texts: Iterable[Any]
    seed: int
    held_out: bool

    def __iter__(self) -> Iterator[Any]:
        for text in self.texts:
            string = text if isinstance(text, str) else text.text
            if is_held_out(string, seed=self.seed, share=0.5) == self.held_out:
                yield text


@dataclass(frozen=True)
class _First:
    """The first `limit` texts, or all."""

    texts: Iterable[Any]
    limit: int | None

    def __iter__(self) -> Iterator[Any]:
        return islice(iter(self.texts), self.limit)


def _count(
    batch: ModifiedBatch,
    predicted: NDArray[np.int64],
    counts: LabelCounts,
    confusion: GroupedConfusion,
) -> None:
    counts.update(batch.labels, predicted, batch.keys, batch.kinds)
    confusion.update(batch.labels, predicted, batch.keys % counts.groups)


def _tables(
    counts: LabelCounts,
    confusion: GroupedConfusion,
    frequency: NDArray[np.int64],
    names: list[str],
    options: LearningOptions,
) -> dict[str, pd.DataFrame]:
    matrices = [confusion.matrix(block) for block in range(confusion.blocks)]
    structure, kept = structure_rows(confusion, options.structure)
    sweep = sweep_rows(matrices, options.structure)
    learning = pd.concat(
        [
            accuracy_rows(counts, frequency, seed=options.seed, resamples=options.resamples),
            structure,
            pd.DataFrame([null_slope_row(sweep, options.structure)]),
        ],
        ignore_index=True,
    )
    learning["block"] = learning["block"].astype("Int64")
    return {
        "apt": token_rows(counts, frequency, names),
        "learning": learning,
        "frequency": frequency_rows(
            counts, frequency, seed=options.seed, resamples=options.resamples
        ),
        "confusion": _confusion_rows(matrices, names),
        "clusters": cluster_rows(kept, options.structure, names),
        "cluster_sweep": sweep,
    }


def _confusion_rows(matrices: list[Any], names: list[str]) -> pd.DataFrame:
    """Non-zero elements: block, true, predicted (ids), true_token, predicted_token, count."""
    small = sum(matrix.nnz for matrix in matrices) <= ALL_BLOCKS_CONFUSION
    named = np.array(names, dtype=object)
    frames = []
    for block in range(len(matrices)) if small else [len(matrices) - 1]:
        elements: Any = matrices[block].tocoo()
        frames.append(
            pd.DataFrame(
                {
                    "block": block,
                    "true": elements.row,
                    "predicted": elements.col,
                    "true_token": named[elements.row],
                    "predicted_token": named[elements.col],
                    "count": elements.data,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
