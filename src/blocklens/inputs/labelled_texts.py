"""Labelled texts: reading them, and their classes.

A text that occurs more than once, be it with other white space, is taken once, so that none is
trained on and tested on: what was left out is counted in `LabelledTexts.left_out` and reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64

from blocklens.errors import UserError
from blocklens.inputs.fewrel import FewRel
from blocklens.inputs.field_names import is_number
from blocklens.inputs.presets import Preset
from blocklens.inputs.texts import Skipped, Text, TextSource
from blocklens.statistics.groups import text_key
from blocklens.wording import counted


@dataclass(frozen=True)
class LabelledTexts:
    """Texts of at least two classes.

    Attributes:
        texts: the texts.
        labels: class number of each, int64 [n].
        names: name of each class; numbers in their order, other labels by the alphabet.
        keys: 63-bit hash of each text, int64 [n].
        given_test: whether a text comes from the test texts that were given, bool [n]; None
            without them.
        left_out: what was left out and why, as (reason, number).
        skipped: records without a text or a label, the first thousand of each source.
        description: where they come from.
        skipped_count: how many records were skipped.
        columns: the fields of text and label that were read, see `TextSource.columns`.

    """

    texts: list[str]
    labels: Int64[np.ndarray, " texts"]
    names: list[str]
    keys: Int64[np.ndarray, " texts"]
    given_test: Bool[np.ndarray, " texts"] | None
    left_out: list[tuple[str, int]]
    skipped: list[Skipped]
    description: str
    skipped_count: int = 0
    columns: Sequence[tuple[str, ...]] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def said_skipped(self) -> list[str]:
        """A line on the records that were skipped, where there are any."""
        return _skipped(self.skipped, self.skipped_count)

    def without(self) -> str:
        """What was left out and why, to stand behind an error about too few texts."""
        return _without(self.skipped, self.skipped_count, dict(self.left_out))


def _without(skipped: Sequence[Skipped], count: int, left_out: Mapping[str, int]) -> str:
    why = [f"{number:,} {reason}" for reason, number in left_out.items() if number]
    why = [*_skipped(skipped, count), *why]
    return f" ({'; '.join(why)})" if why else ""


def _skipped(skipped: Sequence[Skipped], count: int) -> list[str]:
    if not count:
        return []
    return [f"{counted(count, 'record')} skipped; first, {skipped[0].name}: {skipped[0].reason}"]


def read_labelled(
    source: Any,
    *,
    test: str | None = None,
    preset: Preset | None = None,
    field: str | None = None,
    label: str | None = None,
    markers: bool = False,
    strict: bool = False,
) -> LabelledTexts:
    """Read labelled texts from a file, a folder, the Hub or Python.

    Args:
        source: a .jsonl, .json, .csv or .parquet file (also compressed), a folder, a Hub data set
            id, or records in Python.
        test: test texts of the same kind; without them a sample is split for each seed.
        preset: "fewrel" reads FewRel's own records.
        field: the text's field.
        label: the label's field.
        markers: put signs around FewRel's entities.
        strict: stop at the first text that cannot be used.

    Raises:
        UserError: nothing to read, labels of mixed type, fewer than two classes, classes of the
            test texts that have no training text, or markers without FewRel's records.

    """
    if markers and preset != "fewrel":
        raise UserError("--markers: only FewRel's records say where the entities are; give --preset"
                        " fewrel or leave it out")  # fmt: skip
    sources = [_source(one, preset, field, label, markers, strict)
               for one in (source, test) if one is not None]  # fmt: skip
    read = [list(one) for one in sources]
    source = sources[0].description
    check_kinds([text for part in read for text in part], source)
    texts = [(text, from_test) for from_test, part in enumerate(read) for text in part]
    kept, left_out = _without_repeats(texts)
    names = class_names([text.label for text, _ in kept])
    skipped = [bad for one in sources for bad in one.skipped]
    skipped_count = sum(one.skipped_count for one in sources)
    if len(names) < 2:
        raise UserError(
            f"{source}: one class, {names[0]!r}; at least two are needed to tell apart"
            f"{_without(skipped, skipped_count, left_out)}"
        )
    number = {name: i for i, name in enumerate(names)}
    labels = np.array([number[str(text.label)] for text, _ in kept], dtype=np.int64)
    given_test = np.array([bool(from_test) for _, from_test in kept])
    if test is not None:
        check_covered(labels, given_test, names, test)
    return LabelledTexts(
        texts=[text.text for text, _ in kept],
        labels=labels,
        names=names,
        keys=np.array([text_key(text.text) for text, _ in kept], dtype=np.int64),
        given_test=given_test if test is not None else None,
        left_out=[(reason, count) for reason, count in left_out.items() if count],
        skipped=skipped,
        description=source if test is None else f"{source}, tested on {test}",
        skipped_count=skipped_count,
        columns=list(dict.fromkeys(names for one in sources for names in one.columns)),
    )


def _source(
    source: Any,
    preset: Preset | None,
    field: str | None,
    label: str | None,
    markers: bool,
    strict: bool,
) -> TextSource:
    if preset != "fewrel":
        return TextSource(source, field=field, label=label, labelled=True, strict=strict)
    records = FewRel(source, markers=markers)
    texts = TextSource(records, field="text", label="label", strict=strict)
    texts.description = source
    return texts


def check_kinds(texts: Sequence[Text], source: str) -> None:
    """Refuse labels that are names in some records and numbers in others.

    Raises:
        UserError: with one record of each kind.

    """
    numbers = [text for text in texts if isinstance(text.label, int)]
    other = next((text for text in texts if not is_number(text.label)), None)
    if numbers and other:
        raise UserError(
            f"{source}: labels of mixed type: {numbers[0].label} in {numbers[0].name} is a number, "
            f"{other.label!r} in {other.name} a name; write all of them one way"
        )


def class_names(labels: Sequence[str | int | None]) -> list[str]:
    """Names of the classes: numbers in their order, other labels by the alphabet."""
    names = sorted({str(label) for label in labels})
    return sorted(names, key=float) if all(map(is_number, names)) else names


def _without_repeats(
    texts: list[tuple[Text, int]],
) -> tuple[list[tuple[Text, int]], dict[str, int]]:
    """Each text once, test texts before training texts; and how many of each kind were left out."""
    seen: dict[str, tuple[Text, int]] = {}
    left_out = {
        "repeated in the data, taken once": 0,
        "in training and test data: left out of training": 0,
        "repeated with another label: its first label taken": 0,
    }
    for text, from_test in sorted(texts, key=lambda pair: -pair[1]):
        words = " ".join(text.text.split())
        if words not in seen:
            seen[words] = (text, from_test)
            continue
        first, first_from_test = seen[words]
        if str(first.label) != str(text.label):
            left_out["repeated with another label: its first label taken"] += 1
        elif first_from_test != from_test:
            left_out["in training and test data: left out of training"] += 1
        else:
            left_out["repeated in the data, taken once"] += 1
    return list(seen.values()), left_out


def check_covered(
    labels: Int64[np.ndarray, " texts"],
    given_test: Bool[np.ndarray, " texts"],
    names: Sequence[str],
    test: str,
) -> None:
    """Refuse a class that has test texts alone.

    Raises:
        UserError: naming the class.

    """
    alone = np.setdiff1d(labels[given_test], labels[~given_test])
    if alone.size:
        raise UserError(
            f"{test}: no training text has the class {names[alone[0]]!r}; add some, or leave the "
            "class out of the test texts"
        )
