"""Options of `blocklens pretrain`; unknown keys are errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from blocklens.errors import UserError
from blocklens.options import LongTexts, Options, Precision, called, checked, option

PRESET = "the preset's"
"""How the help shows a default that the preset decides."""

MILESTONES = 6
"""Encoders that a run keeps from its start to its end. They decide nothing of the weights."""


def check_heads(heads: int, width: int) -> None:
    """Refuse heads that do not share the width evenly. Raises ValueError."""
    if width % heads:
        raise ValueError(f"heads: {heads} do not divide the width {width}; take a divisor of it")


class PretrainOptions(Options):
    """Everything that decides the weights, apart from the texts.

    The presets say in what they differ from the defaults (docs/pretraining.md: what was tried). Of
    `steps`, `epochs` and `hours` exactly one is given. With `hours` the schedule follows the clock
    until the decay begins; its begin and length in steps are written down then, so that a resumed
    run keeps them.
    """

    # the encoder
    blocks: int = option(6, "Blocks.", shown=PRESET, ge=1)
    heads: int = option(6, "Heads of a block.", shown=PRESET, ge=1)
    width: int = option(192, "Width of the encoder.", shown=PRESET, ge=1)
    feed_forward: int | None = option(None, "Inner width of a block.", shown="4 x width", ge=1)
    positions: int = option(128, "Longest input of the encoder.", shown=PRESET, ge=4)
    initial: Literal["standard", "neighbours"] = option(
        "neighbours", "Initial weights.", shown=PRESET
    )
    # the texts
    vocabulary: int = option(8192, "Entries of the new vocabulary.", shown=PRESET, ge=32)
    tokenizer: str | None = option(
        None,
        "An existing tokenizer: a folder, a Hub id, or BERT's vocab.txt.",
        shown="a new one",
        complete="path",
    )
    lowercase: bool = option(True, "Lower-case the texts.", shown=PRESET)
    length: int = option(128, "Tokens of a packed row.", shown=PRESET, ge=4)
    long_texts: LongTexts = option(
        "windows",
        "Of a long text all, in windows, or its beginning alone (cut).",
        flag="--long",
        shown=PRESET,
    )
    articles: int | None = option(None, "Texts to train on.", shown="all", ge=2)
    validation: float = option(0.04, "Share of texts held out.", shown=PRESET, gt=0, lt=1)
    # the modification
    modified: float = option(
        0.15, "Share of tokens modified at the end of the run.", shown=PRESET, gt=0, lt=1
    )
    modified_early: float | None = option(
        None, "The same at its start; it falls with the rate.", shown=PRESET, gt=0, lt=1
    )
    dropout: float = option(0.0, "Dropout; the group's code has 0.1.", shown=PRESET, ge=0, lt=1)
    # the training
    rows: int = option(16, "Packed rows of a step.", shown=PRESET, ge=1)
    steps: int | None = option(None, "Train so many steps.", shown="tiny: 2000", ge=1)
    epochs: float | None = option(None, "Or so many epochs.", shown="paper: 50", gt=0)
    hours: float | None = option(None, "Or so many hours.", shown="mini: 2", gt=0)
    optimiser: Literal["muon", "adamw"] = option("muon", "Optimiser.", shown=PRESET)
    rate: float = option(1e-3, "AdamW's learning rate.", shown=PRESET, gt=0)
    matrix_rate: float = option(5e-3, "Muon's learning rate.", shown=PRESET, gt=0)
    beta2: float = option(0.999, "AdamW's second beta.", shown=PRESET, gt=0, lt=1)
    weight_decay: float = option(0.01, "Weight decay.", shown=PRESET, ge=0)
    clip: float = option(1.0, "Largest norm of the gradient.", shown=PRESET, gt=0)
    warm_up: int = option(50, "Steps of rising rate.", shown=PRESET, ge=0)
    schedule: Literal["stable-decay", "linear"] = option(
        "stable-decay", "Learning rate's course.", shown=PRESET
    )
    decay: float = option(
        0.25, "Share of the run in which the rate falls.", shown=PRESET, ge=0, le=1
    )
    precision: Precision = option(
        "auto",
        "Of matrix products; auto: bfloat16 where the processor has instructions for it.",
        shown="auto; paper: float32",
    )
    seed: int = option(0, "Seed.", shown=PRESET, ge=0)

    @model_validator(mode="after")
    def _fits_together(self) -> PretrainOptions:
        check_heads(self.heads, self.width)
        if self.length > self.positions:
            raise ValueError(
                f"length: {self.length} is beyond the {self.positions} positions of the encoder; "
                "give a smaller length or more positions"
            )
        given = [name for name in ("steps", "epochs", "hours") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"steps, epochs, hours: exactly one is needed, given: {', '.join(given) or 'none'}"
            )
        if self.initial == "neighbours" and self.width // self.heads % 2:
            raise ValueError("initial: neighbours needs heads of even width; take standard")
        return self

    @classmethod
    def make(cls, preset: str | None = None, **changes: Any) -> PretrainOptions:
        """A preset ("mini", "tiny", "paper") with `changes` that are not None. Raises UserError."""
        name = preset or "mini"
        if name not in PRESETS:
            raise UserError(f"preset {name}: unknown; there are {', '.join(PRESETS)}")
        changes = {key: value for key, value in changes.items() if value is not None}
        values = dict(PRESETS[name])
        if {"steps", "epochs", "hours"} & changes.keys():
            values = {k: v for k, v in values.items() if k not in ("steps", "epochs", "hours")}
        return checked(cls, {**values, **changes}, lambda place: called(cls, place))

    def settled(self, before: PretrainOptions | None = None) -> PretrainOptions:
        """The same with a precision in the place of "auto": that of `before`, or this machine's."""
        from blocklens.encoder.matmul import fastest_precision

        if self.precision != "auto":
            return self
        chosen = before.precision if before else fastest_precision()
        return self.model_copy(update={"precision": chosen})

    def differences(self, other: PretrainOptions) -> list[str]:
        """One line per option that differs, `name: ours here, theirs there`."""
        mine, theirs = self.model_dump(), other.model_dump()
        return [f"{key}: {theirs[key]} -> {mine[key]}" for key in mine if mine[key] != theirs[key]]

    @classmethod
    def read(cls, file: Path) -> PretrainOptions:
        """Options as `write` wrote them."""
        return cls(**json.loads(file.read_text(encoding="utf-8")))


# "paper": the group's BERT-6 as their public code for a sister paper has it (docs/definitions.md:
# the group's BERT-6); its batch of 32 texts, its first 128 tokens of each. "mini": what brought
# most for its time (docs/pretraining.md: the speed run). "tiny": minutes a run, to compare many.
PRESETS: dict[str, dict[str, Any]] = {
    "mini": {
        "hours": 2.0,
        "modified_early": 0.4,
        "rows": 32,
        "rate": 1.5e-3,
        "matrix_rate": 4e-3,
        "weight_decay": 0.1,
        "beta2": 0.99,
        "decay": 1.0,
    },
    "tiny": {"blocks": 3, "heads": 4, "width": 64, "vocabulary": 2048, "steps": 2000},
    "paper": {
        "blocks": 6,
        "heads": 12,
        "width": 768,
        "initial": "standard",
        "vocabulary": 30_522,
        "length": 128,
        "positions": 512,
        "long_texts": "cut",
        "optimiser": "adamw",
        "rate": 5e-5,
        "beta2": 0.999,
        "weight_decay": 0.01,
        "schedule": "linear",
        "warm_up": 0,
        "precision": "float32",
        "rows": 32,
        "validation": 0.04,
        "epochs": 50,
    },
}
