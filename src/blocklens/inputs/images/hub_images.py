"""Labelled images out of a data set of the Hub: a column of images and one of classes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from blocklens.errors import UserError
from blocklens.inputs.fields import label_of
from blocklens.inputs.hub import HubDataset
from blocklens.inputs.images.class_folders import image_of_file
from blocklens.inputs.images.one_image import decoded
from blocklens.inputs.images.pictures import Parts, Picture
from blocklens.inputs.labelled_texts import class_names
from blocklens.inputs.listing import TEST_FOLDERS


def hub(address: HubDataset, image_field: str | None, label_field: str | None) -> Parts:
    """A data set of the Hub with a column of images and one of classes."""
    splits = address.load()
    first = next(iter(splits.values()))
    image = _column(address, first, image_field, "Image", "--image-field")
    label = _column(address, first, label_field, "ClassLabel", "--label-field")
    names = getattr(first.features[label], "names", None)
    train = splits.get("train", first)
    test = next((splits[name] for name in TEST_FOLDERS if name in splits), None)
    test = None if test is train else test
    if names is None:
        values = {value for part in (train, test) if part is not None for value in part[label]}
        labels = {value: label_of(value) for value in values if label_of(value) is not None}
        names = class_names([*labels.values()])
        numbers = {value: names.index(str(label)) for value, label in labels.items()}
    else:
        numbers = {n: n for n in range(len(names))}  # -1 marks an image without a class
    classes = [str(label_of(one)) for one in names]
    name = address.id
    pictures = _rows(name, train, image, label, numbers)
    held_out = None if test is None else _rows(f"{name}:test", test, image, label, numbers)
    return Parts(name, classes, pictures, held_out)


def _column(address: HubDataset, rows: Any, asked: str | None, kind: str, option: str) -> str:
    """The column asked for, or the only one of that kind."""
    columns = list(rows.features)
    if asked is not None:
        if asked not in columns:
            raise UserError(
                f"{address.id}: has no column {asked!r}; it has {', '.join(columns[:10])}"
            )
        return asked
    fitting = [name for name, feature in rows.features.items() if type(feature).__name__ == kind]
    if not fitting and kind == "ClassLabel":
        fitting = [name for name in columns if name in ("label", "labels", "class")]
    if len(fitting) != 1:
        what = "several columns" if fitting else "no column"
        of = "images" if kind == "Image" else "classes"
        raise UserError(
            f"{address.id}: {what} of {of} ({', '.join(fitting or columns[:10])}); "
            f"name one with {option}"
        )
    return fitting[0]


def _rows(name: str, rows: Any, image: str, label: str, numbers: dict[Any, int]) -> list[Picture]:
    import datasets

    raw = rows.cast_column(image, datasets.Image(decode=False))
    return [
        Picture(f"{name}:{n}", numbers[value], partial(_hub_image, raw, n, image))
        for n, value in enumerate(rows[label])
        if value in numbers
    ]


def _hub_image(rows: Any, number: int, column: str) -> Image.Image:
    cell = rows[number][column] or {}
    if cell.get("bytes") is None and cell.get("path"):
        return image_of_file(Path(cell["path"]))
    return decoded(cell.get("bytes") or b"")
