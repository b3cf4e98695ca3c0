"""What can be chosen in a study."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from blocklens.measures import HeadOptions


class LearnedOptions(BaseModel):
    """What can be chosen in the learned part of a study; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    read_out: Literal["read-out", "lens"] = Field(
        default="read-out",
        description="a trained head on every block and the lens beside it, or the lens alone",
    )
    train_tokens: int = Field(
        default=20_000, ge=1, description="most modified tokens that a read-out trains on"
    )
    texts: int | None = Field(default=None, ge=1, description="most texts to measure on")
    passes: int = Field(default=1, ge=1, description="modifications of each measured text")
    tokens: int = Field(default=128, ge=4, description="tokens of a window of a text")
    untrained: int = Field(
        default=1, ge=0, description="untrained twins with read-outs, seeds 0, 1, ..."
    )


class StudyOptions(BaseModel):
    """What can be chosen in a study; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parts: tuple[str, ...] | None = Field(
        default=None, description="parts to measure; all that the encoder allows where None"
    )
    heads: HeadOptions = Field(default=HeadOptions())
    learned: LearnedOptions = Field(default=LearnedOptions())
    window: int | None = Field(default=None, ge=4, description="tokens of a window")
    overlap: int | None = Field(
        default=None, ge=0, description="tokens shared by neighbouring windows"
    )
    long: Literal["windows", "cut"] = Field(
        default="windows", description="what becomes of long texts"
    )
    unit: Literal["auto", "text", "window"] = Field(default="auto", description="the sampling unit")
    language: str = Field(default="en", description="language of the sentence splitter")
    untrained: int = Field(
        default=3, ge=0, description="number of untrained twins, seeds 0, 1, ..."
    )
    shuffled: bool = Field(
        default=True, description="measure the texts with their tokens shuffled as well"
    )
    examples: int = Field(default=3, ge=0, description="texts whose maps are kept for the report")
    strict: bool = Field(
        default=False, description="stop at the first text that cannot be measured"
    )
