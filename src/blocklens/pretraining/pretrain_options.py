"""Options of `blocklens pretrain`; unknown keys are errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from blocklens.encoder.matmul import fastest_precision
from blocklens.errors import UserError


class PretrainOptions(BaseModel):
    """Everything that decides the weights, apart from the texts.

    The presets say in what they differ from the defaults (docs/pretraining.md: what was tried). Of
    `steps`, `epochs` and `hours` exactly one is given. With `hours` the schedule follows the clock
    until the decay begins; its begin and length in steps are written down then, so that a resumed
    run keeps them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    # the encoder
    blocks: int = Field(6, ge=1)
    heads: int = Field(6, ge=1)
    width: int = Field(192, ge=1)
    feed_forward: int | None = Field(None, ge=1, description="width of the inner layer; 4 x width")
    positions: int = Field(128, ge=4, description="longest input the encoder can read")
    initial: Literal["standard", "neighbours"] = "neighbours"
    # the texts
    vocabulary: int = Field(8192, ge=32)
    tokenizer: str | None = Field(None, description="an existing tokenizer instead of a new one")
    lowercase: bool = True
    length: int = Field(128, ge=4, description="positions of a row")
    long_texts: Literal["windows", "cut"] = "windows"
    articles: int | None = Field(None, ge=2)
    validation: float = Field(0.04, gt=0, lt=1)
    # the modification
    modified: float = Field(0.15, gt=0, lt=1)
    modified_early: float | None = Field(None, gt=0, lt=1, description="share before the decay")
    dropout: float = Field(0.0, ge=0, lt=1)
    # the training
    rows: int = Field(16, ge=1, description="packed rows of a step")
    steps: int | None = Field(None, ge=1)
    epochs: float | None = Field(None, gt=0)
    hours: float | None = Field(None, gt=0)
    optimiser: Literal["muon", "adamw"] = "muon"
    rate: float = Field(1e-3, gt=0, description="AdamW's learning rate")
    matrix_rate: float = Field(5e-3, gt=0, description="Muon's learning rate")
    beta2: float = Field(0.999, gt=0, lt=1)
    weight_decay: float = Field(0.01, ge=0)
    clip: float = Field(1.0, gt=0)
    warm_up: int = Field(50, ge=0, description="steps")
    schedule: Literal["stable-decay", "linear"] = "stable-decay"
    decay: float = Field(0.25, ge=0, le=1, description="share of the run, at its end")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of matrix products; auto: what this processor is fastest in"
    )
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _fits_together(self) -> PretrainOptions:
        if self.width % self.heads:
            raise ValueError(
                f"heads: {self.heads} do not divide the width {self.width}; take a divisor of it"
            )
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
        try:
            return cls(**{**values, **changes})
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            text = str(first["msg"]).removeprefix("Value error, ")
            raise UserError(f"{place}: {text}" if place else text) from None

    def settled(self, before: PretrainOptions | None = None) -> PretrainOptions:
        """The same with a precision in the place of "auto": that of `before`, or this machine's."""
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

    def write(self, file: Path) -> None:
        """Write the options as JSON."""
        file.write_text(json.dumps(self.model_dump(), indent=2) + "\n", encoding="utf-8")


# "paper": the group's BERT-6 as their public code for a sister paper has it (docs/definitions.md:
# the group's BERT-6); its batch of 32 texts, its first 128 tokens of each. "mini": the recipe of
# the embedded encoder (docs/pretraining.md). "tiny": minutes a run, for comparisons of many runs.
PRESETS: dict[str, dict[str, Any]] = {
    "mini": {
        "hours": 2.0,
        "modified_early": 0.35,
        "rows": 32,
        "matrix_rate": 4e-3,
        "weight_decay": 0.1,
        "beta2": 0.99,
        "decay": 0.7,
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
