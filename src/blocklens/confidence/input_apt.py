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
from jaxtyping import Float32, Float64, Int64
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
from blocklens.labels.sharpness import halves
from blocklens.labels.tasks import FINE_TUNED, TEXT
from blocklens.progress import SILENT, Progress
from blocklens.readouts.block_outputs import Pooling, tokenised
from blocklens.readouts.class_heads import ClassHeads
from blocklens.readouts.class_task import Classes
from blocklens.readouts.finetuning import class_probabilities
from blocklens.readouts.text_task import ClassTexts, text_outputs
from blocklens.readouts.token_settings import TokenTaskOptions
from blocklens.readouts.token_task import count_predictions, measure_learning
from blocklens.readouts.vocabulary_heads import own_head

TEXTS = 10_000
"""Most texts whose modified tokens are predicted."""

MODIFIED = 200_000
"""Modified tokens that they have at least: enough for a reliability of 0.8 (docs/finetuning.md)."""

REPLACED_TEXTS = 1000
"""Texts in which tokens are replaced, at most."""

Answer = Callable[[Sequence[Sequence[int]]], NDArray[np.float32]]
"""From token ids of texts to class probabilities, [seeds, texts, classes]."""
Probabilities = Float32[np.ndarray, "seeds texts classes"]
Answers = tuple[Probabilities, list[Probabilities]]
"""To the texts as they were, and after each replacement."""


@dataclass(frozen=True)
class InputAPT:
    """What the pre-trained encoder predicts of the texts' tokens.

    `ids` of every text. `lengths`: its tokens, special ones not counted. `apt`:
    mean APT of its tokens, measured on all texts and on each half of them; `modified`: at how many
    modified tokens. `matches`: partners of tokens. `replaced`: the texts `rows` with tokens
    replaced. `read_out`: "lens" where the encoder's own masked-LM head predicted, else "read-out".
    """

    ids: list[list[int]]
    lengths: Int64[np.ndarray, " texts"]
    apt: Float64[np.ndarray, "3 texts"]
    modified: int
    matches: Matches
    rows: Int64[np.ndarray, " replaced"]
    replaced: list[Replaced]
    read_out: str

    @property
    def facts(self) -> dict[str, Any]:
        """For a study's notes."""
        return {
            "apt_head": self.read_out,
            "modified_tokens": self.modified,
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
    modified: int = MODIFIED,
    progress: Progress = SILENT,
) -> InputAPT:
    """APT of every text's tokens under the encoder, and the same texts with tokens replaced.

    By the encoder's own head where it has one, else by a read-out trained on half of the texts.
    """
    order = np.random.default_rng(0).permutation(len(data.texts))[:TEXTS]
    texts = [data.texts[row] for row in np.sort(order)]
    options = TokenTaskOptions(tokens=tokens, modified=modified)
    try:
        head = own_head(encoder)
    except UserError:
        read_out = "read-out"
        learned = measure_learning(encoder, texts, options=options, progress=progress)
        counts, frequency = learned.counts, learned.frequency
    else:  # the last block alone: a fraction of the time
        read_out = "lens"
        counts, frequency, _ = count_predictions(encoder, texts, [head.eval()], options, progress)
    whole, *parts = counts.matrices(counts.blocks - 1, [(), *halves(counts.groups)])
    ids = tokenised(encoder, data.texts, tokens=tokens)
    special = set(encoder.tokenizer.all_special_ids)
    lengths = np.array([sum(token not in special for token in one) for one in ids])
    means = [input_apt(ids, token_apt(one), list(special)) for one in (whole, *parts)]
    matches = Matches.of(whole, frequency)
    tested = np.flatnonzero(data.tested().any(axis=0))
    rows = np.sort(np.random.default_rng([0, 1]).permutation(tested)[:REPLACED_TEXTS])
    replaced = replaced_inputs([ids[row] for row in rows], data.keys[rows], matches)
    return InputAPT(
        ids, lengths, np.stack(means), int(whole.sum()), matches, rows, replaced, read_out
    )


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

    def both(self) -> Answers:
        """Answers before, [seeds, texts, classes], and after each replacement."""
        after = [np.stack(of_seeds) for of_seeds in zip(*self.after, strict=True)]
        return np.stack(self.before), after


def answers_of(answer: Answer, inputs: InputAPT) -> Answers:
    """Answers to the texts as they were, and after each replacement."""
    before = answer([inputs.ids[row] for row in inputs.rows])
    return before, [answer(one.ids) for one in inputs.replaced]


def input_apt_tables(
    data: ClassTexts,
    inputs: InputAPT,
    measured: Classes,
    answers: Answers,
    *,
    tuned: bool,
) -> Mapping[str, pd.DataFrame]:
    """The tables `confidence`, `confidence_curve` and `replacement`, each with task and run."""
    confidence = measured.probabilities.max(axis=-1)
    right = measured.probabilities.argmax(axis=-1) == data.labels[data.test]
    tables = confidence_tables(
        inputs.apt[0], confidence, right, data.test, data.keys,
        halves=inputs.apt[1:], modified=inputs.modified,
    )  # fmt: skip
    if any(one.number.any() for one in inputs.replaced):
        before, after = answers
        tables["replacement"] = replacement_table(
            before, after, inputs.replaced, data.labels[inputs.rows], inputs.lengths[inputs.rows],
            data.keys[inputs.rows], data.tested()[:, inputs.rows],
        )  # fmt: skip
    for table in tables.values():
        table.insert(0, "task", (FINE_TUNED if tuned else TEXT).name)
        table.insert(1, "run", "encoder")
    return tables
