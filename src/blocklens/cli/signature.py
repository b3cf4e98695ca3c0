"""The signature of a command, made from the option models that its function takes.

    @app.command()
    @from_options
    def study(options: StudyOptions, out: Annotated[Path, typer.Option()] = ...) -> None: ...

Every field that `blocklens.options.option` made, also of models inside models, becomes an option
with the field's type, help, default, range and panel. Other parameters stay as Typer knows them.
The function gets the models, which know what was given (`model_fields_set`); or, where it takes an
`Annotated[dict[str, Any], Model]`, no more than what was given.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import partial, wraps
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from blocklens.cli.completion import COMPLETE
from blocklens.errors import UserError
from blocklens.options import called, checked, flags_of

LIMITS = ("ge", "gt", "le", "lt")


@dataclass(frozen=True)
class Leaf:
    """One option of the command line: where its field is, and what the field says."""

    place: tuple[str, ...]
    field: FieldInfo
    said: dict[str, Any]

    @property
    def name(self) -> str:
        """Of the command's parameter; unique in it."""
        return "__".join(self.place)

    def parameter(self) -> inspect.Parameter:
        """As Typer wants it."""
        kind, default = _plain(self.field.annotation), self.field.get_default()
        flags = flags_of(self.place[-1], self.field)
        scaled = default * 100 if self.said["percent"] and default is not None else default
        required = self.field.is_required()
        given: dict[str, Any] = {
            "help": self.field.description,
            "show_default": self.said["shown"] or not (default is None or default is False),
            "rich_help_panel": self.said["panel"],
            "metavar": _range(kind, self.field, 100 if self.said["percent"] else 1),
            "autocompletion": COMPLETE.get(self.said["complete"]),
        }
        if not flags:
            info = typer.Argument(**{**given, "metavar": self.place[-1]})
        else:
            if kind is bool and default and "/" not in flags[-1]:
                flags[-1] += flags[-1].replace("--", "/--no-", 1)
            info = typer.Option(*flags, **given)
        if kind in (int, float):  # read by pydantic, with our words for what is none
            kind, scaled = str, None if scaled is None else f"{scaled:g}"
        if isinstance(scaled, tuple):
            scaled = list(scaled)
        optional = kind if required or default is not None else kind | None
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if required else scaled,
            annotation=Annotated[optional, info],
        )

    def read(self, value: Any) -> Any:
        """A value of the command line as the model has it."""
        if not self.said["percent"]:
            return value
        try:
            share = float(value) / 100
        except ValueError:
            return value  # refused by the model
        if not 0 <= share <= 1:
            raise UserError(
                f"{flags_of(self.place[-1], self.field)[-1]} {value}: expected 0 to 100"
            )
        return share


def from_options(run: Callable[..., None]) -> Callable[..., None]:
    """`run` as a command: see the module."""
    hints = get_type_hints(run, include_extras=True)
    parameters = [inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY,
                                    annotation=typer.Context)]  # fmt: skip
    leaves: list[Leaf] = []
    models: dict[str, type[BaseModel]] = {}
    for name, parameter in inspect.signature(run).parameters.items():
        model = _model(hints[name])
        if model is not None:
            models[name] = model
            options = list(leaves_of(model, (name,)))
            leaves += options
            parameters += [leaf.parameter() for leaf in options]
        else:
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters.append(parameter.replace(annotation=hints[name], kind=kind))

    @wraps(run)
    def command(context: typer.Context, **given: Any) -> None:
        chosen: dict[str, Any] = {name: {} for name in models}
        for leaf in leaves:
            value = given.pop(leaf.name)
            source = context.get_parameter_source(leaf.name)
            if source is not None and source.name.startswith("DEFAULT"):
                continue
            inside = chosen
            for step in leaf.place[:-1]:
                inside = inside.setdefault(step, {})
            inside[leaf.place[-1]] = leaf.read(value)

        for name, model in models.items():
            if hints[name] is model:
                chosen[name] = checked(model, chosen[name], partial(called, model))
        run(**given, **chosen)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def leaves_of(model: type[BaseModel], place: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """The options of a model and of the models inside it, in their order."""
    for name, field in model.model_fields.items():
        said: Any = field.json_schema_extra or {}
        inner = _model(_plain(field.annotation))
        if inner is None and "flag" in said:
            yield Leaf((*place, name), field, said)
        for leaf in leaves_of(inner, (*place, name)) if inner else ():
            only = said.get("only")
            if only is None:
                yield leaf
            elif leaf.place[-1] in only:  # of a model that may be left out
                more = {"flag": only[leaf.place[-1]], "panel": said["panel"]}
                field = copy(leaf.field)
                field.default, field.json_schema_extra = None, {**leaf.said, **more}
                yield Leaf(leaf.place, field, field.json_schema_extra)


def _model(hint: Any) -> type[BaseModel] | None:
    """The model that a parameter or a field takes, or the values of."""
    for kind in (hint, *get_args(hint)[1:]):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _plain(kind: Any) -> Any:
    """A field's type without None; of several values, strings: one option may be given twice."""
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (one for one in get_args(kind) if one is not type(None))
    return list[str] if get_origin(kind) in (tuple, Annotated) else kind


def _range(kind: Any, field: FieldInfo, scale: int) -> str | None:
    """What numbers may be given: "<int, 1 or more>"."""
    if kind not in (int, float):
        return None
    limits = {name: getattr(one, name) * scale for one in field.metadata for name in LIMITS
              if hasattr(one, name)}  # fmt: skip
    low, high = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))
    if low is None:
        return f"<{kind.__name__}>"
    if high is not None:
        return f"<{kind.__name__}, {low:g} to {high:g}>"
    return (
        f"<{kind.__name__}, above {low:g}>"
        if "gt" in limits
        else f"<{kind.__name__}, {low:g} or more>"
    )
