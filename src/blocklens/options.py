"""Options: pydantic models whose fields say all that Python and the command line need to know.

A field made by `option` is an option of the command line too, with its help, default, range and
panel (`blocklens.cli.signature`); a field made by pydantic's own `Field` is for Python alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from blocklens.errors import UserError

Model = TypeVar("Model", bound=BaseModel)

# Choices that several options and functions share.
Precision = Literal["auto", "float32", "bfloat16"]  # of products; auto: see encoder.matmul
LongTexts = Literal["windows", "cut"]
ReadOut = Literal["read-out", "lens"]
Start = Literal["own", "fresh"]


class Options(BaseModel):
    """What can be chosen; unknown keys are errors, and nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def option(
    default: Any,
    help: str,
    *,
    flag: str | None = None,
    shown: str | None = None,
    panel: str | None = None,
    percent: bool = False,
    complete: Literal["path", "encoder"] | None = None,
    **limits: float,
) -> Any:
    """A field that is an option of the command line too.

    Args:
        default: its default; `...` where it must be given.
        help: what it is, as a sentence.
        flag: "--its-name" where the field's own will not do, "-s --its-name" with a short one, or
            "argument" for one without a name.
        shown: the default in words, where it is not a plain value.
        panel: under which heading of the help it stands.
        percent: a share, which the command line has in percent.
        complete: what a shell completes it to.
        **limits: pydantic's ge, gt, le, lt.

    """
    extra: dict[str, Any] = {
        "flag": flag, "shown": shown, "panel": panel, "percent": percent, "complete": complete,
    }  # fmt: skip
    return Field(default, description=help, json_schema_extra=extra, **limits)  # type: ignore[arg-type]


def flags_of(name: str, field: FieldInfo) -> list[str]:
    """Of a field made by `option`, such as ["-o", "--out"]; empty for an argument."""
    said: Any = field.json_schema_extra
    flag = said["flag"] or "--" + name.replace("_", "-")
    return [] if flag == "argument" else flag.split()


def called(model: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """What the command line calls the option at a place of a model, or of one inside it."""
    name, *rest = map(str, place)
    field = model.model_fields.get(name)
    said: Any = field.json_schema_extra if field else None
    if field and said and "flag" in said:
        return (flags_of(name, field) or [name])[-1].split("/")[0]
    if field and rest:
        if said and rest[0] in said.get("only", {}):
            return said["only"][rest[0]]
        inner = next(one for one in (field.annotation, *get_args(field.annotation))
                     if isinstance(one, type) and issubclass(one, BaseModel))  # fmt: skip
        return called(inner, tuple(rest))
    return name


def _by_commas(value: Any) -> Any:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        return value
    return [part.strip() for one in given for part in str(one).split(",")]


Names = Annotated[tuple[str, ...], BeforeValidator(_by_commas)]
"""Several names: a sequence, or strings with commas between them."""

WholeNumbers = Annotated[tuple[int, ...], BeforeValidator(_by_commas)]
"""Several whole numbers, the same."""


def checked(
    model: type[Model],
    values: dict[str, Any],
    name_of: Callable[[tuple[int | str, ...]], str] = lambda place: ".".join(map(str, place)),
) -> Model:
    """The model with these values.

    Args:
        model: which options.
        values: what was chosen; the rest has its default.
        name_of: what the user calls the option at a place.

    Raises:
        UserError: a value that cannot be: one line that names the option.

    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError(_one_line(error, name_of)) from None


def _one_line(error: ValidationError, name_of: Callable[[tuple[int | str, ...]], str]) -> str:
    first = error.errors()[0]
    kind, place, limits = first["type"], first["loc"], first.get("ctx", {})
    if kind == "value_error":
        said = str(limits["error"])
        name, colon, rest = said.partition(":")
        if colon and name.isidentifier():  # the model's own check, which names an option itself
            return f"{name_of((*place, name))}:{rest}"
        return f"{name_of(place)}: {said}" if place else said
    if kind == "missing":
        return f"{name_of(place)}: is needed"
    if kind == "extra_forbidden":
        return f"{name_of(place)}: there is no such option"
    given = first["input"]
    given = ",".join(map(str, given)) if isinstance(given, list | tuple) else given
    expected = {
        "greater_than_equal": "{ge:g} or more",
        "greater_than": "more than {gt:g}",
        "less_than_equal": "{le:g} or less",
        "less_than": "less than {lt:g}",
        "literal_error": "{expected}",
        "int_parsing": "a whole number",
        "int_from_float": "a whole number",
        "float_parsing": "a number",
        "bool_parsing": "true or false",
    }.get(kind)
    said = f"expected {expected.format(**limits)}" if expected else first["msg"]
    return f"{name_of(place)} {given}: {said}"
