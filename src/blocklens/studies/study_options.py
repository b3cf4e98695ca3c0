"""What can be chosen in a study."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, field_serializer

from blocklens.errors import UserError
from blocklens.heads.head_options import MOST_WINDOWS, HeadOptions
from blocklens.inputs.presets import Preset
from blocklens.inputs.text_options import LABEL_FIELD, STRICT, TEXT_FIELD
from blocklens.options import (
    LongTexts,
    Names,
    Options,
    ReadOut,
    Start,
    WholeNumbers,
    checked,
    option,
)
from blocklens.readouts.tuning_options import TUNING, FineTuning
from blocklens.safe_text import writable
from blocklens.studies.read_out_options import MARGIN_FIELD, pooling_field, twins_field

SAMPLES = "Samples"
LEARNED = "What it has learned"
LABELLED = "Labelled texts"
"""Panels of the help."""


class ClassOptions(FineTuning):
    """What can be chosen in the text classes of a study; unknown keys are errors."""

    data: str = option(
        ...,
        "Labelled texts: a .jsonl, .csv or .parquet file (also .gz, .xz, .zst) with a column of "
        "texts and one of classes, a folder of them, or a Hub dataset id.",
        flag="argument",
        complete="path",
    )
    preset: Preset | None = option(
        None,
        "Sizes of the group's runs: 630 and 70 texts a class, 100 and 100, 1,000 and 1,000. fewrel "
        "reads FewRel's own format as well.",
    )
    variant: Literal["read-out", "truncate", "both"] = option(
        "read-out",
        "read-out: a new head on every block of the frozen encoder. truncate: the encoder "
        "shortened to every block, all of it fine-tuned; takes blocks times seeds trainings.",
    )
    margin: float = MARGIN_FIELD
    text_field: str | None = TEXT_FIELD
    label_field: str | None = LABEL_FIELD
    markers: bool = option(False, "Put signs around FewRel's entities.")
    untrained: int = twins_field(5)
    tokens: int = option(128, "First tokens of a text that are used.", ge=4)
    pooling: Literal["first", "mean"] = pooling_field("first")
    confidence: bool = option(True, "Set confidence against the accuracy of the input's tokens.")
    modified: int = option(
        200_000,
        "Modified tokens to measure that accuracy at, at least.",
        flag="--modified-tokens",
        ge=1,
    )
    strict: bool = STRICT
    test: str | None = option(
        None,
        "Other such texts to measure on.",
        shown="a fifth of each class",
        panel=SAMPLES,
        complete="path",
    )
    train: int | None = option(
        None, "Texts of a class to train on.", shown="all but the test's", panel=SAMPLES, ge=1
    )
    test_size: int | None = option(
        None, "Texts of a class to measure on.", shown="a fifth", panel=SAMPLES, ge=1
    )
    seeds: int = option(5, "Samples of texts and trainings.", panel=SAMPLES, ge=1)
    blocks: WholeNumbers | None = option(
        None, "Blocks to fine-tune up to, such as 1,3,6.", shown="all", panel=TUNING
    )
    _records: Any = PrivateAttr(default=None)

    @field_serializer("data", "test")
    def _as_written(self, source: str | None) -> str | None:
        return source and writable(source)

    @classmethod
    def of(cls, data: Any, **chosen: Any) -> ClassOptions:
        """The options for labelled texts at some place, or in memory: a table or records.

        Raises `UserError` for an option that cannot be.
        """
        if isinstance(data, cls):
            if chosen:
                raise UserError(f"{', '.join(chosen)}: given beside ClassOptions; put it there")
            return data
        if isinstance(data, str | Path):
            return checked(cls, {**chosen, "data": str(data)})
        options = checked(cls, {**chosen, "data": "texts from Python"})
        options._records = list(data) if isinstance(data, Iterator) else data
        return options

    @property
    def source(self) -> Any:
        """Where the labelled texts are, or the records themselves."""
        return self.data if self._records is None else self._records


class LearnedOptions(Options):
    """What can be chosen in the learned part of a study; unknown keys are errors."""

    read_out: ReadOut = option(
        "read-out",
        "A trained head on every block and the model's own beside it, or the model's own alone "
        "(lens), which trains nothing.",
        panel=LEARNED,
    )
    start: Start = option(
        "own",
        "Trained heads start from the model's own where it has one, or from new ones.",
        panel=LEARNED,
    )
    train_tokens: int = option(
        20_000, "Most modified tokens that a read-out trains on.", panel=LEARNED, ge=1
    )
    texts: int | None = option(
        None,
        "Most texts to measure on; with read-outs, half of all texts at most.",
        flag="--learned-texts",
        shown="all",
        panel=LEARNED,
        ge=1,
    )
    modified: int = option(
        100_000,
        "Modified tokens to measure at least: the texts are modified again, at most 50 times, "
        "until there are so many.",
        flag="--modified-tokens",
        panel=LEARNED,
        ge=1,
    )
    tokens: int = Field(default=128, ge=4, description="Tokens of a window of a text.")
    untrained: int = option(
        5,
        "Untrained twins with read-outs to compare with.",
        flag="--untrained-read-outs",
        panel=LEARNED,
        ge=0,
    )


class StudyOptions(Options):
    """What can be chosen in a study; unknown keys are errors."""

    parts: Names | None = option(
        None,
        "What to measure: heads, learned, classes, or several by commas.",
        shown="all that the encoder allows",
    )
    window: int | None = option(
        None, "Tokens of a window.", shown="the longest the encoder takes, at most 512", ge=4
    )
    overlap: int | None = option(
        None, "Tokens shared by neighbouring windows.", shown="an eighth", ge=0
    )
    long: LongTexts = option(
        "windows", "Of a long text all, in windows, or its first window alone (cut)."
    )
    most_windows: int = option(
        MOST_WINDOWS,
        "Windows of a text that heads are measured on, from its beginning: one that is much longer "
        "than the others would decide the figures. With fewer than twenty texts all.",
        ge=1,
    )
    unit: Literal["auto", "text", "window"] = Field(
        default="auto", description="The sampling unit."
    )
    sentences: str = option(
        "auto",
        "What a sentence is: language (a splitter), none, lines, a mark such as '.', or "
        "module:function in Python; auto: language, or none where texts are in no language.",
    )
    language: str = option("auto", "Language of the sentence splitter; auto: guessed.")
    heads: HeadOptions = Field(default=HeadOptions())
    untrained: int = twins_field(12)
    shuffled: bool = option(True, "Compare with shuffled tokens.")
    examples: int = option(3, "Texts whose maps the report shows.", ge=0)
    strict: bool = STRICT
    learned: LearnedOptions = Field(default=LearnedOptions())
    classes: ClassOptions | None = Field(
        default=None,
        description="Labelled texts whose classes are read out.",
        json_schema_extra={"only": {"data": "--data", "preset": "--preset"}, "panel": LABELLED},
    )
