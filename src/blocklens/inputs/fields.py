"""Which field of a record is its text, and which its label."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from blocklens.inputs.field_names import (
    ALSO_TEXTS,
    DATE,
    LABEL_FIELDS,
    NOTHING,
    TEXT_FIELDS,
    is_name,
    may_be_text,
)
from blocklens.inputs.kinds import kind_of, kinds_in
from blocklens.inputs.opening import UnusableError
from blocklens.safe_text import writable

_OF_PRODIGY = ("_input_hash", "_task_hash")
_MISSING = object()
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")
"""Characters that show nothing and join nothing: two labels that differ in them look the same."""
_WHOLE = re.compile(r"^(-?(?:0|[1-9]\d*))\.0+$")


class Bad(str):
    """Why a record has no usable text, and what to do: takes the text's place."""

    __slots__ = ()


class LeftOut(Bad):
    """Why something that is no text was left out: named, but nothing is wrong with it."""

    __slots__ = ()


UNLABELLED = Bad(
    "is a text without a label; give records with one, or folders of .txt files alone, one a class"
)


class Labelled(str):
    """A record's text with its label, a string or a whole number: takes the text's place."""

    label: str | int


class FieldPicker:
    """Takes the text from the records of one file.

    The field is the one asked for (`part.name` reaches into an object), else the first of
    `TEXT_FIELDS`, or where nothing stands in that in a whole file, another one that is called like
    a text; else the only field of strings, unless it holds dates or is called like a label, an id
    or, beside lists, a title.
    """

    def __init__(self, field: str | None) -> None:
        self.field = field
        self._asked = field is not None
        self.columns: Mapping[str, str] = {}

    @property
    def fields(self) -> list[str]:
        """The fields that are read, once they are chosen."""
        return [] if self.field is None else [self.field]

    @property
    def looked_at(self) -> list[str]:
        """The fields that are looked at beside those, where there are any."""
        return []

    def has_text(self, record: Mapping[str, Any]) -> bool:
        """Whether a text stands in the field asked for, or in one that is called like a text."""
        names = [name for name in record if name.casefold() in TEXT_FIELDS]
        return any(
            isinstance(_value(record, name), str)
            for name in (names if self.field is None else [self.field])
        )

    def choose(self, columns: Mapping[str, str], *, whole: bool = False) -> None:
        """Choose by columns and their kinds ("text", "a number"...).

        `whole`: they are of all records there are. Raises `UnusableError` when the field asked for
        is missing, or no field is clearly the text.
        """
        self.columns = columns
        if self.field is not None:
            self.field = _asked(self.field, columns, "")
            return
        named = {name.casefold(): name for name in reversed(list(columns))}
        known = [named[name] for name in TEXT_FIELDS if name in named]
        known = [n for n in known if n.casefold() == "text" or columns[n] in ("text", *NOTHING)]
        if known and columns[known[0]] in NOTHING and whole:
            others = [*known, *(named[name] for name in ALSO_TEXTS if name in named)]
            known = [name for name in others if columns[name] == "text"] or known
        if not known:
            one = len(columns) == 1
            strings = [n for n in columns if is_name(n, alone=one) and columns[n] in ("text", DATE)]
            if not whole:  # what is empty so far may hold the texts further on
                empty = [n for n, kind in columns.items() if kind == "empty"]
                strings += [name for name in empty if name.casefold() in ALSO_TEXTS]
            if len(strings) == 1 and strings[0].casefold() not in LABEL_FIELDS:
                known = [name for name in strings if may_be_text(name, columns)]
        if not known:
            raise UnusableError(f"has no field that is clearly the text; {_listed(columns)}")
        self.field = known[0]

    def pick(self, record: object) -> str:
        """Return a record's text, or why it has none as a `Bad`.

        Raises `UnusableError` as `choose` does, when the first records leave the field unclear.
        """
        if not isinstance(record, Mapping):
            return Bad(f"is {kind_of(record)}; expected an object with named fields")
        if self.field is None:
            columns = kinds_in(record)
            if "text" not in columns.values():
                return Bad(f"has no field with text; {_listed(columns)}")
            self.choose(columns)
        assert self.field is not None
        value = _value(record, self.field)
        if value is _MISSING:
            return Bad(f"has no field {self.field!r}; {_listed(kinds_in(record))}")
        if isinstance(value, str):
            return value
        if self._asked and isinstance(value, list) and value:
            if all(isinstance(token, str) for token in value):
                return " ".join(value)
            return Bad(f"field {self.field!r} is a list of other things than strings")
        advice = "correct the record, or name another field with --text-field"
        return Bad(f"field {self.field!r} is {kind_of(value)}; expected text: {advice}")


class LabelPicker(FieldPicker):
    """Takes the text and the label from the records of one file.

    The label's field is the one asked for, else the first of `LABEL_FIELDS` that the first records
    have; of `label` and `class` the one that holds names.
    """

    def __init__(self, field: str | None, label: str | None) -> None:
        super().__init__(field)
        self.label_field = label

    @property
    def fields(self) -> list[str]:
        """The fields that are read, once they are chosen."""
        return [*super().fields, *([] if self.label_field is None else [self.label_field])]

    @property
    def looked_at(self) -> list[str]:
        """The fields that say whether Prodigy wrote a record, and what was made of it."""
        return [] if "answer" in self.fields else ["answer", *_OF_PRODIGY]

    def choose(self, columns: Mapping[str, str], *, whole: bool = False) -> None:
        """As `FieldPicker.choose`, for the label as well."""
        if self.label_field is None:
            named = {name.casefold(): name for name in reversed(list(columns))}
            known = [named[name] for name in LABEL_FIELDS if name in named]
            known = [name for name in known if name != self.field]
            # Of {"label": 3, "class": "Village"} the one with the names is the better label.
            twins = [name for name in known if name.casefold() in LABEL_FIELDS[:2]]
            if not any(columns[name] in NOTHING for name in twins):
                known = [name for name in twins if columns[name] == "text"][:1] + known
            if not known:
                raise UnusableError(
                    f"has no field that is clearly the label; {shown(columns)}: "
                    "name one with finetune --label-field (in Python: label=)"
                )
            filled = [name for name in known if columns[name] not in NOTHING]
            if filled and filled[0] != known[0]:
                raise UnusableError(
                    f"has nothing in the field {known[0]!r} of its first records, but in "
                    f"{filled[0]!r}: name the label's with finetune --label-field (in Python: "
                    "label=)"
                )
            self.label_field = known[0]
        else:
            self.label_field = _asked(self.label_field, columns, " for the label")
        others = {k: v for k, v in columns.items() if k != self.label_field}
        super().choose(others, whole=whole)

    def pick(self, record: object) -> str:
        """Return a record's text as a `Labelled`, or why it has none as a `Bad`."""
        if not isinstance(record, Mapping):
            return super().pick(record)
        if "answer" not in self.fields and _is_rejected(record):
            return Bad("has a label that was rejected or ignored (field 'answer'); left out")
        if self.field is None or self.label_field is None:
            self.choose(kinds_in(record))
        assert self.label_field is not None
        text = super().pick(record)
        value = _value(record, self.label_field)
        if value is _MISSING:
            names = shown(kinds_in(record))
            return Bad(f"has no field {self.label_field!r} for the label; {names}")
        label = label_of(value)
        if label is None:
            return Bad(f"has no label in field {self.label_field!r}; give it one or leave it out")
        if isinstance(label, Bad):
            return Bad(f"field {self.label_field!r} {label}")
        if isinstance(text, Bad):
            return text
        labelled = Labelled(text)
        labelled.label = label
        return labelled


def label_of(value: object) -> str | int | None:
    """The class that a value names: a string, or a whole number; None for no class.

    One rule for records, folders and images: composed characters, no white space around, 1.0 is 1,
    1.5 is "1.5", and true and false are classes however they are written. `Bad` for what cannot be
    a class.
    """
    import numpy as np

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return value
    if is_missing(value):
        return None
    if isinstance(value, float):  # a table with a missing label holds whole numbers so, too
        return int(value) if value.is_integer() else str(value)
    if not isinstance(value, str):
        return Bad(f"is {kind_of(value)}; expected a name or a number")
    name = unicodedata.normalize("NFC", _INVISIBLE.sub("", value)).strip()
    name = _WHOLE.sub(r"\1", name)
    if name.casefold() in ("nan", "<na>"):
        return None  # a missing label, written by a table
    return {"true": "True", "false": "False"}.get(name.casefold(), name) or None


def is_missing(value: object) -> bool:
    """Whether a value is none: null, not a number, or what pandas has for one."""
    if isinstance(value, str):
        return False
    import pandas as pd

    return bool(pd.api.types.is_scalar(value) and pd.isna(value))  # pyright: ignore[reportArgumentType, reportCallIssue]


def folder_class(name: str) -> str:
    """The class that a folder's name is: as `label_of` writes it, but never none ("nan")."""
    name = writable(name)
    return str(label_of(name) or name)


def visible(text: str) -> bool:
    """Whether a text has anything to see."""
    return bool(_INVISIBLE.sub("", text).strip())


def _is_rejected(record: Mapping[str, Any]) -> bool:
    """Whether Prodigy wrote a record whose label was rejected or ignored."""
    answer = record.get("answer")
    return (
        isinstance(answer, str)
        and answer in ("reject", "ignore")
        and any(record.get(name) is not None for name in _OF_PRODIGY)
    )


def _asked(field: str, columns: Mapping[str, str], what: str) -> str:
    """The field asked for, as the columns spell it; spaces around names do not count."""
    for name in (field, field.strip()):
        if name in columns or name.split(".")[0] in columns:
            return name
    names = shown(columns) if what else _listed(columns)
    raise UnusableError(f"has no field {field!r}{what}; {names}")


def _value(record: Mapping[str, Any], field: str) -> Any:
    """What stands in a record's field (`part.name` reaches into an object), or `_MISSING`."""
    value: Any = record
    for name in [field] if field in record else field.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return _MISSING
        value = value[name]
    return value


def _listed(columns: Mapping[str, str]) -> str:
    if not columns:
        return "it has no fields at all"
    return f"{shown(columns)}: name one with --text-field (in Python: field=)"


def shown(columns: Mapping[str, str]) -> str:
    """The fields of a record with their kinds, the first twenty."""
    named = ", ".join(f"{name[:64]!r} ({kind})" for name, kind in list(columns.items())[:20])
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    return f"it has {named}{more}"
