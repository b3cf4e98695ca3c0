"""Which field of a record is its text, and which its label."""

from collections.abc import Mapping
from typing import Any

from blocklens.inputs.opening import UnusableError

TEXT_FIELDS = (
    "text",
    "sentence",
    "content",
    "document",
    "body",
    "article",
    "passage",
    "paragraph",
    "abstract",
)
LABEL_FIELDS = ("label", "class", "category", "relation", "topic", "intent", "sentiment", "target")
_KINDS = {
    str: "text",
    type(None): "null",
    bool: "true/false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    bytes: "bytes",
}


class Bad(str):
    """Why a record has no usable text, and what to do: takes the text's place."""

    __slots__ = ()


class Labelled(str):
    """A record's text with its label, a string or a whole number: takes the text's place."""

    label: str | int


class FieldPicker:
    """Takes the text from the records of one file.

    The field is the one asked for (`part.name` reaches into an object), else the first of
    `TEXT_FIELDS` that the first record has, else its only field that holds a string.
    """

    def __init__(self, field: str | None) -> None:
        self.field = field
        self._asked = field is not None

    @property
    def fields(self) -> list[str]:
        """The fields that are read, once they are chosen."""
        return [] if self.field is None else [self.field]

    def choose(self, columns: Mapping[str, str]) -> None:
        """Choose by columns and their kinds ("text", "a number"...), for files with a schema.

        Raises `UnusableError` when the field asked for is missing, or no field is clearly the text.
        """
        if self.field is not None:
            if self.field not in columns and self.field.split(".")[0] not in columns:
                raise UnusableError(f"has no field {self.field!r}; {_listed(columns)}")
            return
        named = {name.casefold(): name for name in reversed(list(columns))}
        known = [named[name] for name in TEXT_FIELDS if name in named]
        known = [name for name in known if columns[name] in ("text", "null")]
        # a name as long as a sentence is a file's first text, not its header
        strings = [n for n, kind in columns.items() if kind == "text" and 0 < len(n) <= 64]
        if not known and len(strings) != 1:
            raise UnusableError(f"has no field that is clearly the text; {_listed(columns)}")
        self.field = (known or strings)[0]

    def pick(self, record: object) -> str:
        """Return a record's text, or why it has none as a `Bad`.

        Raises `UnusableError` as `choose` does, when the first records leave the field unclear.
        """
        if not isinstance(record, Mapping):
            return Bad(f"is {kind_of(record)}; expected an object with named fields")
        if self.field is None:
            columns = {str(name): kind_of(value) for name, value in record.items()}
            if "text" not in columns.values():
                return Bad(f"has no field with text; {_listed(columns)}")
            self.choose(columns)
        assert self.field is not None
        value: Any = record
        for name in [self.field] if self.field in record else self.field.split("."):
            if not isinstance(value, Mapping) or name not in value:
                columns = {str(name): kind_of(value) for name, value in record.items()}
                return Bad(f"has no field {self.field!r}; {_listed(columns)}")
            value = value[name]
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

    The label's field is the one asked for, else the first of `LABEL_FIELDS` that the first record
    has; of `label` and `class` the one that holds names.
    """

    def __init__(self, field: str | None, label: str | None) -> None:
        super().__init__(field)
        self.label_field = label

    @property
    def fields(self) -> list[str]:
        """The fields that are read, once they are chosen."""
        return [*super().fields, *([] if self.label_field is None else [self.label_field])]

    def choose(self, columns: Mapping[str, str]) -> None:
        """As `FieldPicker.choose`, for the label as well."""
        if self.label_field is None:
            named = {name.casefold(): name for name in reversed(list(columns))}
            known = [named[name] for name in LABEL_FIELDS if name in named]
            known = [name for name in known if name != self.field]
            # Of {"label": 3, "class": "Village"} the one with the names is the better label.
            twins = [name for name in known if name.casefold() in LABEL_FIELDS[:2]]
            known = [name for name in twins if columns[name] == "text"][:1] + known
            if not known:
                raise UnusableError(
                    f"has no field that is clearly the label; {_shown(columns)}: "
                    "name one with finetune --label-field (in Python: label=)"
                )
            self.label_field = known[0]
        elif self.label_field not in columns:
            raise UnusableError(
                f"has no field {self.label_field!r} for the label; {_shown(columns)}"
            )
        super().choose({k: v for k, v in columns.items() if k != self.label_field})

    def pick(self, record: object) -> str:
        """Return a record's text as a `Labelled`, or why it has none as a `Bad`."""
        if not isinstance(record, Mapping):
            return super().pick(record)
        if self.field is None or self.label_field is None:
            self.choose({str(name): kind_of(value) for name, value in record.items()})
        assert self.label_field is not None
        text = super().pick(record)
        label = record.get(self.label_field)
        if isinstance(label, float) and label.is_integer():
            label = int(label)  # a table with a missing label holds the others as fractions
        if label is None or label != label or (isinstance(label, str) and not label.strip()):
            return Bad(f"has no label in field {self.label_field!r}; give it one or leave it out")
        if not isinstance(label, str | int) or isinstance(label, bool):
            kind = kind_of(label)
            return Bad(f"field {self.label_field!r} is {kind}; expected a name or a whole number")
        if isinstance(text, Bad):
            return text
        labelled = Labelled(text)
        labelled.label = label.strip() if isinstance(label, str) else label
        return labelled


def kind_of(value: object) -> str:
    """Name a value's kind in words."""
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def _listed(columns: Mapping[str, str]) -> str:
    if not columns:
        return "it has no fields at all"
    return f"{_shown(columns)}: name one with --text-field (in Python: field=)"


def _shown(columns: Mapping[str, str]) -> str:
    shown = ", ".join(f"{name[:64]!r} ({kind})" for name, kind in list(columns.items())[:20])
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    return f"it has {shown}{more}"
