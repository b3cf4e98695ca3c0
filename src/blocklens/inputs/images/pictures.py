"""A labelled image that is decoded only when asked for, and the parts that a source has of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image

from blocklens.errors import UserError


@dataclass(frozen=True, slots=True)
class Picture:
    """One labelled image and the name it goes by: "cats/1.png", "mnist.npz:17".

    `label` is a number into the classes; `open` decodes it, or raises `UnreadableError`.
    """

    name: str
    label: int
    open: Callable[[], Image.Image]


@dataclass(frozen=True)
class Parts:
    """A source's images. `test` is None where it has no part of its own to measure on.

    `notes`: what a reader must know of the source: what was left out of it, say.
    """

    description: str
    classes: list[str]
    train: list[Picture]
    test: list[Picture] | None
    notes: list[str] = field(default_factory=list)


def with_test(parts: Parts, other: Parts, name: str) -> Parts:
    """`parts` measured on all images of `other`."""
    pictures = [*(other.test or []), *other.train]
    unknown = sorted({other.classes[p.label] for p in pictures} - set(parts.classes))
    if unknown:
        raise UserError(
            f"{name}: its class {unknown[0]!r} is not among those to train on "
            f"({', '.join(parts.classes[:5])} ...): give images of the same classes"
        )
    number = {label: n for n, label in enumerate(parts.classes)}
    test = [Picture(p.name, number[other.classes[p.label]], p.open) for p in pictures]
    description = f"{parts.description}, measured on {other.description}"
    notes = [*parts.notes, *(note for note in other.notes if note not in parts.notes)]
    return Parts(description, parts.classes, parts.train, test, notes)
