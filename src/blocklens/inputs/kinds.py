"""What stands in the fields of a record, in words."""

import re
from collections.abc import Mapping
from typing import Any

from blocklens.inputs.field_names import DATE, TEXT_FIELDS

_DATED = re.compile(
    r"(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{1,2}([-/.])\d{1,2}\3(\d\d){1,2})([T ,]+\d.{,30})?"
)
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


def kind_of(value: object) -> str:
    """Name a value's kind in words."""
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def kinds_in(record: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a record with what stands in them, in words."""
    return {str(name): _kind_in(str(name), value) for name, value in record.items()}


def _kind_in(name: str, value: object) -> str:
    """As `kind_of`, but a string is "empty" without anything in it, and may be "a date".

    In a field that is called like a text a date is a text.
    """
    if not isinstance(value, str):
        return kind_of(value)
    if not value.strip():
        return "empty"
    dated = name.casefold() not in TEXT_FIELDS and _DATED.fullmatch(value.strip())
    return DATE if dated else "text"
