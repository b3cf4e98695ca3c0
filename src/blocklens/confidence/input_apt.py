"""Confidence of text classifiers and the accuracy per token of the model below them.

P2 says that a fine-tuned model's confidence does not depend on the APT of its input's tokens, since
a token and its strong match partners serve a classifier alike (docs/definitions.md: confidence
against input APT). APT and strong matches come from `apt.measure_learning` of the pre-trained
encoder on the very texts; `confidence` and `replacement` test the statement and its cause.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blocklens.confidence.independence import confidence_tables, input_apt, token_apt
from blocklens.confidence.replacement import (
    Matches,
    Replaced,
    replaced_inputs,
    replacement_table,
)
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.labels.confusion import ConfusionCounts
from blocklens.readouts.block_outputs import Pooling, tokenised
from blocklens.readouts.class_heads import ClassHeads
from blocklens.readouts.finetuning import class_probabilities
from blocklens.readouts.modified_tokens import modified_batches, recipe_for, rows_of_blocks
from blocklens.readouts.text_task import ClassTexts, Progress, TextClasses, text_outputs
from blocklens.readouts.token_task import measure_learning
from blocklens.readouts.vocabulary_heads import Head, own_head
from blocklens.readouts.vocabulary_training import predict_blocks

TEXTS = 10_000
"""Most texts whose modified tokens are predicted."""

PASSES = 2
REPLACED_TEXTS = 1000
"""Texts in which tokens are replaced, at most."""

Answer = Callable[[Sequence[Sequence[int]]], NDArray[np.float32]]
"""From token ids of texts to class probabilities, [seeds, texts, classes]."""


@dataclass(frozen=True)
class InputAPT:
    """What the pre-trained encoder predicts of the texts' tokens.

    `ids` of every text. `lengths` [texts]: its tokens, special ones not counted. `apt` [texts]:
    mean APT of its tokens. `matches`: partners of tokens. `replaced`: the texts `rows` with tokens
    replaced. `read_out`: "lens" where the encoder's own masked-LM head predicted, else "read-out".
    """

    ids: list[list[int]]
    lengths: NDArray[np.int64]
    apt: NDArray[np.float64]
    matches: Matches
    rows: NDArray[np.int64]
    replaced: list[Replaced]
    read_out: str

    @property
    def facts(self) -> dict[str, Any]:
        """For a study's notes."""
        return {
            "apt_head": self.read_out,
            "tokens_with_partner": self.matches.tokens,
            "replaced_texts": len(self.rows),
        }


def why_no_apt(encoder: Encoder) -> str | None:
    """Why accuracy per token is not defined for an encoder, or None where it is."""
    if getattr(encoder.tokenizer, "mask_token_id", None) is None:
        return "its tokenizer has no mask token"
    return None


def measure_input_apt(
    encoder: Encoder,
    data: ClassTexts,
    *,
    tokens: int = 128,
    seed: int = 0,
    progress: Progress | None = None,
) -> InputAPT:
    """APT of every text's tokens under the encoder, and the same texts with tokens replaced.

    By the encoder's own head where it has one, else by a read-out trained on half of the texts.
    """
    order = np.random.default_rng(seed).permutation(len(data.texts))[:TEXTS]
    texts = [data.texts[row] for row in np.sort(order)]
    try:
        head = own_head(encoder.name)
    except UserError:
        read_out = "read-out"
        found = measure_learning(
            encoder, texts, read_out=read_out, tokens=tokens, passes=PASSES, seed=seed,
            progress=progress,
        ).tables  # fmt: skip
    else:
        read_out = "lens"
        found = own_predictions(encoder, head, texts, tokens=tokens, seed=seed, progress=progress)
    vocabulary = int(encoder.config.vocab_size)
    ids = tokenised(encoder, data.texts, tokens=tokens)
    apt = token_apt(found["apt"], vocabulary)
    special = set(encoder.tokenizer.all_special_ids)
    lengths = np.array([sum(token not in special for token in one) for one in ids])
    means = input_apt(ids, apt, list(special))
    matches = Matches.from_tables(found["confusion"], found["apt"], vocabulary)
    tested = np.flatnonzero(data.tested().any(axis=0))
    rows = np.sort(np.random.default_rng([seed, 1]).permutation(tested)[:REPLACED_TEXTS])
    replaced = replaced_inputs([ids[row] for row in rows], data.keys[rows], matches, seed=seed)
    return InputAPT(ids, lengths, means, matches, rows, replaced, read_out)


def own_predictions(
    encoder: Encoder,
    head: Head,
    texts: Sequence[str],
    *,
    tokens: int,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, pd.DataFrame]:
    """What the encoder's own head predicts of modified tokens at the last block.

    Tables `apt` and `confusion`, with the columns and figures that `measure_learning` gives them by
    the lens at that block; nothing else is measured, so it takes a fraction of its time.
    """
    recipe = recipe_for(encoder)
    confusion = ConfusionCounts(recipe.vocabulary)
    frequency = np.zeros(recipe.vocabulary, dtype=np.int64)
    head, done = head.eval(), 0
    for batch in modified_batches(
        encoder, texts, recipe, tokens=min(tokens, encoder.max_tokens), passes=PASSES, seed=seed
    ):
        last = rows_of_blocks(encoder, batch)[-1:]
        confusion.update(batch.labels, predict_blocks([head], last)[0])
        frequency += np.bincount(batch.tokens, minlength=recipe.vocabulary)
        done += batch.begun
        if progress is not None:
            progress("input APT", done, len(texts) * PASSES)
    true, predicted, count = confusion.pairs()
    n = np.bincount(true, weights=count, minlength=recipe.vocabulary)
    right = true == predicted
    c = np.bincount(true[right], weights=count[right], minlength=recipe.vocabulary)
    measured = np.flatnonzero(n)
    return {
        "apt": pd.DataFrame(
            {
                "block": encoder.blocks,
                "token_id": measured,
                "frequency": frequency[measured],
                "apt": c[measured] / n[measured],
            }
        ),
        "confusion": pd.DataFrame(
            {"block": encoder.blocks, "true": true, "predicted": predicted, "count": count}
        ),
    }


def read_out_answers(encoder: Encoder, heads: ClassHeads, pooling: Pooling) -> Answer:
    """Answers of the last block's read-outs, all seeds."""
    seeds = heads.mean.shape[1]

    def answer(ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        last = text_outputs(encoder, ids, pooling)[-1:]
        rows = np.tile(np.arange(len(ids)), (seeds, 1))
        return heads.of_block(-1).probabilities(last, rows)[0]

    return answer


class KeptAnswers:
    """Answers of fine-tuned classifiers to the texts of an `InputAPT`, taken while each is there.

    Hand `look` to `measure_truncated` as `each`.
    """

    def __init__(self, encoder: Encoder, inputs: InputAPT, block: int) -> None:
        self.encoder, self.inputs, self.block = encoder, inputs, block
        self.before: list[NDArray[np.float32]] = []
        self.after: list[list[NDArray[np.float32]]] = []

    def look(self, model: Any, block: int, seed: int) -> None:
        """Take the answers of a classifier of the last block; seeds come in order."""
        if block != self.block:
            return
        inputs = self.inputs
        answer = lambda ids: class_probabilities(model, self.encoder.tokenizer, ids)  # noqa: E731
        self.before.append(answer([inputs.ids[row] for row in inputs.rows]))
        self.after.append([answer(one.ids) for one in inputs.replaced])

    def both(self) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """Answers before, [seeds, texts, classes], and after each replacement."""
        after = [np.stack(of_seeds) for of_seeds in zip(*self.after, strict=True)]
        return np.stack(self.before), after


def answers_of(
    answer: Answer, inputs: InputAPT
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """Answers to the texts as they were, and after each replacement."""
    before = answer([inputs.ids[row] for row in inputs.rows])
    return before, [answer(one.ids) for one in inputs.replaced]


def input_apt_tables(
    data: ClassTexts,
    inputs: InputAPT,
    found: TextClasses,
    answers: tuple[NDArray[np.float32], list[NDArray[np.float32]]],
    *,
    read_out: str,
    groups: int = 20,
) -> Mapping[str, pd.DataFrame]:
    """The tables `confidence`, `confidence_curve` and `replacement`, each with run and read_out."""
    confidence = found.probabilities.max(axis=-1)
    right = found.probabilities.argmax(axis=-1) == data.labels[data.test]
    tables = confidence_tables(inputs.apt, confidence, right, data.test, data.keys, groups=groups)
    if any(one.number.any() for one in inputs.replaced):
        before, after = answers
        tables["replacement"] = replacement_table(
            before, after, inputs.replaced, data.labels[inputs.rows], inputs.lengths[inputs.rows],
            data.keys[inputs.rows], data.tested()[:, inputs.rows], groups=groups,
        )  # fmt: skip
    for table in tables.values():
        table.insert(0, "run", "encoder")
        table.insert(1, "read_out", read_out)
    return tables
