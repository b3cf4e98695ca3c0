"""What an encoder has learned: accuracy per token and how tokens group, for every block.

    from blocklens.readouts.token_task import measure_learning
    learning = measure_learning("bert-base-uncased", "articles.jsonl.xz", texts_limit=5000)
    learning.tables["learning"]   # <APT>, accuracy, clusters, noise ... per block, with intervals

Every block's outputs go through a head: one of its own trained on the frozen trunk ("read-out"), or
the model's own final head without training ("lens"). Read-outs train on other texts than they are
measured on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int64, Integer

from blocklens.distributed import ALONE, Share
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.labels.confusion import ConfusionCounts
from blocklens.labels.tables import label_tables
from blocklens.labels.tasks import TOKENS
from blocklens.options import Start
from blocklens.progress import SILENT, Progress
from blocklens.readouts.control_task import ControlTask
from blocklens.readouts.cost import with_cost
from blocklens.readouts.modified_tokens import (
    GatheredRows,
    ModifiedBatch,
    gather,
    modified_batches,
    recipe_for,
    rows_of_blocks,
)
from blocklens.readouts.text_halves import Texts, split_texts
from blocklens.readouts.token_settings import MOST_PASSES, TokenTaskOptions, with_changes
from blocklens.readouts.vocabulary_heads import Head, fresh_head, own_head
from blocklens.readouts.vocabulary_training import (
    CONTINUED,
    HeadTraining,
    predict_blocks,
    train_read_outs,
)
from blocklens.statistics.groups import group_of

MOST_TRAIN_PASSES = 20
"""Few training texts are modified again and again until there are `train_tokens`; no more often."""

KINDS = ("masked", "random", "unchanged")
"""What a modified token was replaced by, by kind number 0, 1, 2."""


@dataclass(frozen=True)
class Learning:
    """What was measured. `tables`: those of `label_tables`; `counts`: what they were made from.

    Of several processes the first one has both, the others no tables and the counts of their share.

    `texts` and `rows`: how many were measured, and their modified tokens. `frequency`: occurrences
    of every token in the texts that were read, or those given. `trained`: modified tokens that the
    read-outs trained on, 0 for the lens. `start`: the head they started from, "own" or "fresh".
    `heads`: the read-outs of blocks 0..L. `losses`: mean training loss per epoch and block.
    """

    encoder: str
    options: TokenTaskOptions
    texts: int
    rows: int
    trained: int
    start: Start
    tables: dict[str, pd.DataFrame]
    counts: ConfusionCounts
    frequency: Int64[np.ndarray, " vocabulary"]
    heads: list[Head]
    losses: list[list[float]]


def measure_learning(
    encoder: Encoder | str | Path,
    texts: Texts,
    *,
    train_texts: Texts | None = None,
    frequency: Integer[np.ndarray, " labels"] | None = None,
    run: str = "encoder",
    head: Head | None = None,
    options: TokenTaskOptions | None = None,
    share: Share = ALONE,
    progress: Progress = SILENT,
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
        share: which of several processes this is: each computes its batches of every pass and
            trains the read-outs of its blocks, with the results of one process.
        progress: told how far each stage is.
        **changes: single options by name, such as `read_out="lens"`.

    Raises:
        UserError: an encoder without a mask token, "lens" without a masked-LM head, no texts to
            train on or to measure, or an option that does not exist.

    """
    options = with_changes(options, changes)
    measured, training = split_texts(
        texts, train_texts,
        limit=options.texts_limit, seed=options.seed, train=options.read_out != "lens",
    )  # fmt: skip
    encoder, head = _encoder_and_head(encoder, head, options)
    vocabulary = recipe_for(encoder).vocabulary
    losses: list[list[float]] = []
    control: ControlTask | None = None
    seen, trained = np.zeros(vocabulary, dtype=np.int64), 0
    if options.read_out == "lens":
        assert head is not None  # _encoder_and_head saw to it
        heads = [head.eval()] * (encoder.blocks + 1)
    else:
        with _gathered(encoder, training, options, share, progress) as rows:
            seen, trained = rows.token_counts, len(rows)
            training_of_heads = replace(
                options.training or (HeadTraining() if head is None else CONTINUED),
                seed=options.seed, precision=encoder.precision,
            )  # fmt: skip
            first = head or fresh_head(encoder, seed=options.seed, counts=rows.token_counts)
            tied = options.decoder == "tied"
            heads = train_read_outs(
                rows,
                [first.copy(tied=tied) for _ in range(encoder.blocks + 1)],
                training_of_heads,
                share=share,
                after_epoch=losses.append,
                progress=progress,
            )
            if options.control:
                control = ControlTask.trained(
                    rows, first, training_of_heads,
                    blocks=encoder.blocks + 1, limit=options.control, tied=tied,
                    groups=options.labels.groups, share=share,
                    progress=progress.within("control task"),
                )  # fmt: skip
    counts, occurring, done = count_predictions(
        encoder, measured, heads, options, progress, control, share=share
    )
    frequency = seen + occurring if frequency is None else np.asarray(frequency, dtype=np.int64)
    if frequency.shape != (vocabulary,):
        raise UserError(
            f"learning: {frequency.size} frequencies for a vocabulary of {vocabulary}; give one a "
            "token"
        )
    tables = {}
    if share.rank == 0:
        names = encoder.tokenizer.convert_ids_to_tokens(list(range(vocabulary)))
        tables = label_tables(
            counts, [str(name) for name in names], TOKENS, run=run, read_out=options.read_out,
            frequency=frequency, options=options.labels,
        )  # fmt: skip
        if control is not None:
            tables["learning"] = pd.concat(
                [tables["learning"], control.rows(tables["learning"])], ignore_index=True
            )
    if "advice" in tables:
        one = torch.full((1, min(options.tokens, encoder.max_tokens)), recipe_for(encoder).mask_id)
        given = {"input_ids": one.to(encoder.model.device)}
        tables["advice"] = with_cost(tables["advice"], encoder, given)
    return Learning(
        encoder.name, options, done, counts.total // counts.blocks, trained,
        "fresh" if head is None else "own", tables, counts, frequency, heads, losses,
    )  # fmt: skip


def _gathered(
    encoder: Encoder,
    texts: Iterable[Any],
    options: TokenTaskOptions,
    share: Share,
    progress: Progress,
) -> GatheredRows:
    """Block outputs at modified tokens of the training texts, gone through until there are enough.

    Their modification is another than that of the measured texts: `seed` + 1.
    """
    passes = (
        modified_batches(
            encoder, texts, recipe_for(encoder), tokens=min(options.tokens, encoder.max_tokens),
            long=options.long, first_pass=number, seed=options.seed + 1,
        )
        for number in range(MOST_TRAIN_PASSES)
    )  # fmt: skip
    return gather(
        encoder, chain.from_iterable(passes), limit=options.train_tokens,
        share=share, progress=progress,
    )  # fmt: skip


def count_predictions(
    encoder: Encoder,
    texts: Iterable[Any],
    heads: Sequence[Head],
    options: TokenTaskOptions,
    progress: Progress = SILENT,
    control: ControlTask | None = None,
    *,
    share: Share = ALONE,
) -> tuple[ConfusionCounts, Int64[np.ndarray, " vocabulary"], int]:
    """What heads of all blocks, or of the last ones, predict of the texts' modified tokens.

    Those of a control task answer the first of them as well.

    Returns the counts, one block a head (of several processes the first has those of all, the
    others those of their batches); how often each token occurs in the texts, [vocabulary];
    and how many texts they were.

    Raises:
        UserError: no token to modify.

    """
    recipe, groups = recipe_for(encoder), options.labels.groups
    counts = ConfusionCounts(recipe.vocabulary, len(heads), groups, KINDS)
    seen = np.zeros(recipe.vocabulary, dtype=np.int64)
    begun = modified = 0

    def batches() -> Iterator[ModifiedBatch]:
        made, more = 0, options.passes
        while more > 0:
            yield from modified_batches(
                encoder, texts, recipe, tokens=min(options.tokens, encoder.max_tokens),
                long=options.long, first_pass=made, passes=more, seed=options.seed,
            )  # fmt: skip
            made += more
            a_pass = modified / made
            more = min(math.ceil(options.modified / a_pass), MOST_PASSES) - made if a_pass else 0
            stage.total = round(a_pass * (made + max(more, 0)))

    # Whole passes are made, so that it may be more; how much a pass is is known after the first.
    with progress.stage("measuring", options.modified or None, "modified tokens") as stage:
        for number, batch in enumerate(batches()):
            if share.takes(number):
                rows = rows_of_blocks(encoder, batch)[-len(heads) :]
                predicted = predict_blocks(heads, rows)
                group = group_of(batch.keys, groups)
                counts.update(batch.labels, predicted, group, batch.kinds)
                if control is not None:
                    control.answer(rows, batch.labels, group, before=modified)
            modified += len(batch.labels)
            seen += np.bincount(batch.tokens, minlength=seen.size)
            begun += batch.begun
            if stage.total is not None and modified > stage.total:
                stage.total = None
            stage.reach(modified)
    if not modified:
        raise UserError("learning: no text to measure on; give more texts")
    for other in (share.gather(counts) or [counts])[1:]:
        counts.merge(other)
    if control is not None:
        control.add_up(share)
    return counts, seen, begun


def _encoder_and_head(
    encoder: Encoder | str | Path, head: Head | None, options: TokenTaskOptions
) -> tuple[Encoder, Head | None]:
    """The encoder, and the head that the options ask for: None where a fresh one is to be made."""
    if not isinstance(encoder, Encoder):
        encoder = Encoder.load(encoder)
    if encoder.tokenizer is None:
        raise UserError(f"{encoder.name}: no tokenizer; accuracy per token needs a text encoder")
    if head is None and (options.read_out == "lens" or options.start == "own"):
        try:
            head = own_head(encoder)
        except UserError:
            if options.read_out == "lens":
                raise
    if head is None or (options.read_out != "lens" and options.start != "own"):
        return encoder, None
    return encoder, head.to(encoder.model.device)
