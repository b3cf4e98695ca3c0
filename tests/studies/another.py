"""Other values of options, and which kept results a change of inputs would leave standing."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any


def another(model: Any, name: str) -> Any:
    """The options with another value of one of them that is allowed."""
    annotation = type(model).model_fields[name].annotation
    choices = [part for part in (annotation, *typing.get_args(annotation))
               if typing.get_origin(part) is typing.Literal]  # fmt: skip
    literals = [value for choice in choices for value in typing.get_args(choice)]
    guesses = [*reversed(literals), True, False, 9, 12, 0.03, 0.3, (0.07,), (1,), "de"]
    for guess in guesses:
        try:
            found = type(model).model_validate({**model.model_dump(), name: guess})
        except ValueError:
            continue
        if getattr(found, name) != getattr(model, name):
            return found
    raise AssertionError(f"no other value of {name} is known to this test")


def changed(before: Mapping[Any, str], after: Mapping[Any, str]) -> set[Any]:
    """What both have under another key: it would be measured again."""
    return {name for name in before.keys() & after.keys() if before[name] != after[name]}
