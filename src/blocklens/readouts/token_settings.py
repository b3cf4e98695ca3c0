"""How tokens are read out: what `measure_learning` is told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from blocklens.errors import UserError
from blocklens.labels.tables import LabelOptions
from blocklens.options import LongTexts, ReadOut, Start
from blocklens.readouts.vocabulary_training import HeadTraining

MOST_PASSES = 50
"""Nor are measured texts: one token can be masked in so many surroundings, and no more."""


@dataclass(frozen=True, slots=True)
class TokenTaskOptions:
    """Options of `measure_learning`.

    `read_out`: "read-out" trains a head per block, "lens" uses the model's own. `start`: a read-out
    starts from the model's "own" head where it has one, or from a "fresh" one, as its untrained
    twin's must. `training`: of the read-outs, by default `CONTINUED` from the own head on and
    `HeadTraining()` from a fresh one. `decoder`: the vocabulary layer is "tied" to the frozen token
    embeddings, or "trained" per block. `tokens`: of a window, special ones included. `long`: of a
    long text all "windows", or "cut" to its first one, as the group's code has it. `passes`:
    modifications of each measured text. `modified`: with fewer modified tokens than that the texts
    are modified more often, at most `MOST_PASSES` times. `train_tokens`: most modified tokens to
    train on. `texts_limit`: most texts to measure. `seed`: of the modification, the heads and the
    order. `control`: modified tokens on which the control task is trained and measured; 0 for none.
    `labels`: groups of texts for the intervals, and how clusters are found.
    """

    read_out: ReadOut = "read-out"
    start: Start = "own"
    decoder: Literal["tied", "trained"] = "tied"
    tokens: int = 128
    long: LongTexts = "cut"
    passes: int = 1
    modified: int = 0
    train_tokens: int = 75_000
    texts_limit: int | None = None
    seed: int = 0
    control: int = 2_000
    training: HeadTraining | None = None
    labels: LabelOptions = field(default_factory=LabelOptions)


def with_changes(options: TokenTaskOptions | None, changes: dict[str, Any]) -> TokenTaskOptions:
    """Options with single ones changed by name.

    Raises:
        UserError: an option that does not exist, or a value that cannot be.

    """
    options = options or TokenTaskOptions()
    unknown = sorted(set(changes) - set(TokenTaskOptions.__slots__))
    if unknown:
        known = ", ".join(sorted(TokenTaskOptions.__slots__))
        raise UserError(f"learning: no option {unknown[0]!r}; the options are {known}")
    options = replace(options, **changes)
    if options.read_out not in get_args(ReadOut):
        raise UserError(f"learning: read_out {options.read_out!r}; expected 'read-out' or 'lens'")
    if options.start not in get_args(Start):
        raise UserError(f"learning: start {options.start!r}; expected 'own' or 'fresh'")
    return options
