"""What can be chosen in a study."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from blocklens.heads.head_options import HeadOptions
from blocklens.inputs.labelled_texts import Preset
from blocklens.labels.depth import MARGIN


class ClassOptions(BaseModel):
    """What can be chosen in the text classes of a study; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field(description="labelled texts: a file, a folder, or a Hub data set id")
    test: str | None = Field(default=None, description="labelled texts to measure on")
    preset: Preset | None = Field(default=None, description="sizes, and FewRel's own format")
    text_field: str | None = Field(default=None, description="the column of texts")
    label_field: str | None = Field(default=None, description="the column of classes")
    markers: bool = Field(default=False, description="signs around FewRel's entities")
    train: int | None = Field(default=None, ge=1, description="texts of a class to train on")
    test_size: int | None = Field(default=None, ge=1, description="texts of a class to measure on")
    variant: Literal["read-out", "truncate", "both"] = Field(
        default="read-out", description="a frozen trunk, all of it fine-tuned, or one and the other"
    )
    blocks: tuple[int, ...] | None = Field(
        default=None, description="blocks to fine-tune up to; all where None"
    )
    seeds: int = Field(default=5, ge=1, description="samples, heads and orders")
    untrained: int = Field(default=1, ge=0, description="untrained twins, seeds 0, 1, ...")
    tokens: int = Field(default=128, ge=4, description="first tokens of a text that are used")
    pooling: Literal["first", "mean"] = Field(
        default="first", description="a read-out sees [CLS], or the mean over the tokens"
    )
    epochs: int = Field(default=5, ge=1, description="epochs of fine-tuning")
    rate: float = Field(default=2e-4, gt=0, description="learning rate of fine-tuning")
    batch: int = Field(default=32, ge=1, description="texts of a step of fine-tuning")
    confidence: bool = Field(default=True, description="relate confidence to input APT")
    margin: float = Field(
        default=MARGIN, ge=0, le=1, description="accuracy that the advised block may lose"
    )
    strict: bool = Field(default=False, description="stop at the first text that cannot be used")


class LearnedOptions(BaseModel):
    """What can be chosen in the learned part of a study; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    read_out: Literal["read-out", "lens"] = Field(
        default="read-out",
        description="a trained head on every block and the lens beside it, or the lens alone",
    )
    start: Literal["own", "fresh"] = Field(
        default="own",
        description="read-outs start from the encoder's own head, if it has one, or from new ones",
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
    classes: ClassOptions | None = Field(
        default=None, description="labelled texts whose classes are read out"
    )
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
