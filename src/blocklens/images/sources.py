"""Where labelled images come from: the digits of scikit-learn, an .npz file, a folder, the Hub.

Every source becomes two lists of `Picture`, to train on and to measure on, whose pixels are decoded
only when asked for. A source without a part of its own to measure on is split later, by seed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from blocklens.errors import UserError
from blocklens.images.decoding import UnreadableError, decoded, from_array
from blocklens.texts.hub import HubDataset

DIGITS = "digits"
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
TRAIN_FOLDERS = ("train", "training")
TEST_FOLDERS = ("test", "testing", "val", "valid", "validation")


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
    """A source's images. `test` is None where it has no part of its own to measure on."""

    description: str
    classes: list[str]
    train: list[Picture]
    test: list[Picture] | None


def open_images(
    source: str | Path = DIGITS,
    *,
    test: str | Path | None = None,
    image_field: str | None = None,
    label_field: str | None = None,
) -> Parts:
    """The labelled images at `source`.

    Args:
        source: "digits" (scikit-learn's), an `.npz` file, a folder with one folder a class (also
            below `train` and `test`), or a Hub data set id.
        test: another such source to measure on; it must have the same classes.
        image_field: the Hub data set's column of images; default found.
        label_field: its column of classes; default found.

    Raises:
        UserError: nothing there, no images in it, no classes, or fewer than two of them.

    """
    parts = _open(source, image_field, label_field)
    if test is not None:
        other = _open(test, image_field, label_field)
        parts = _with_test(parts, other, str(test))
    if len(parts.classes) < 2:
        named = parts.classes[0] if parts.classes else "none"
        raise UserError(
            f"{parts.description}: one class ({named}); a classifier needs images of at least two"
        )
    twice = [name for name, number in Counter(parts.classes).items() if number > 1]
    if twice:
        raise UserError(
            f"{parts.description}: two classes are called {twice[0]!r}: give each its own name"
        )
    return parts


def _open(source: str | Path, image_field: str | None, label_field: str | None) -> Parts:
    path = Path(source).expanduser()
    if path.is_dir():
        return folder(path)
    if path.is_file():
        if path.suffix.lower() == ".npz":
            return npz(path)
        raise UserError(
            f"{source}: not a set of images; expected a folder with one folder a class, or an .npz "
            "file of arrays"
        )
    if str(source) == DIGITS:
        return digits()
    address = HubDataset.parse(str(source)) if path.suffix.lower() != ".npz" else None
    if address is None:
        raise UserError(
            f"{source}: no such file or folder; check the path, give a Hub data set as owner/name, "
            f"or {DIGITS} for scikit-learn's digits"
        )
    return hub(address, image_field, label_field)


def _with_test(parts: Parts, other: Parts, name: str) -> Parts:
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
    return Parts(description, parts.classes, parts.train, test)


def digits() -> Parts:
    """scikit-learn's 1,797 handwritten digits, 8 x 8 grey levels from 0 to 16."""
    from sklearn.datasets import load_digits

    found: Any = load_digits()
    arrays = np.round(found.images * (255 / 16)).astype(np.uint8)
    pictures = _pictures("digits", arrays, found.target, {n: n for n in range(10)})
    return Parts("scikit-learn's digits", [str(d) for d in range(10)], pictures, None)


def npz(path: Path) -> Parts:
    """Arrays in one file, as MNIST comes, or joined JPEG files with their offsets.

    Known are `x_train`, `y_train` and, where there is a part to measure on, `x_test`, `y_test`
    (images uint8 [n, height, width] or [n, height, width, 3], class numbers [n]); and `jpeg`,
    `offsets`, `label`. Both may name their classes in `classes`.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # damaged archives raise errors of zip, zlib, NumPy and the system
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{path}: cannot be read as an .npz file ({reason})") from error
    name = path.name
    if {"x_train", "y_train"} <= set(arrays):
        labels = [arrays[key] for key in ("y_train", "y_test") if key in arrays]
        classes, numbers = _class_names(path, arrays.get("classes"), np.concatenate(labels))
        train = _pictures(name, arrays["x_train"], arrays["y_train"], numbers)
        test = None
        if {"x_test", "y_test"} <= set(arrays):
            test = _pictures(f"{name}:test", arrays["x_test"], arrays["y_test"], numbers)
        return Parts(name, classes, train, test)
    if {"jpeg", "offsets", "label"} <= set(arrays):
        data, offsets, labels = arrays["jpeg"], arrays["offsets"], arrays["label"]
        if len(offsets) != len(labels) + 1 or offsets[-1] > len(data):
            raise UserError(f"{path}: {len(offsets)} offsets do not fit {len(labels)} labels")
        classes, numbers = _class_names(path, arrays.get("classes"), labels)
        pictures = [
            Picture(
                f"{name}:{n}",
                numbers[int(label)],
                partial(_slice, data, *offsets[n : n + 2].tolist()),
            )
            for n, label in enumerate(labels)
        ]
        return Parts(name, classes, pictures, None)
    raise UserError(
        f"{path}: holds {', '.join(sorted(arrays)[:6]) or 'nothing'}; expected x_train and y_train "
        "(and x_test, y_test), or jpeg, offsets and label"
    )


def _slice(data: np.ndarray, start: int, end: int) -> Image.Image:
    return decoded(data[start:end].tobytes())


def _pictures(
    name: str, arrays: np.ndarray, labels: np.ndarray, numbers: dict[int, int]
) -> list[Picture]:
    if len(arrays) != len(labels):
        raise UserError(
            f"{name}: {len(arrays):,} images and {len(labels):,} labels; expected one each"
        )
    return [
        Picture(f"{name}:{n}", numbers[int(label)], partial(from_array, array))
        for n, (array, label) in enumerate(zip(arrays, labels, strict=True))
    ]


def _class_names(
    path: Path, names: np.ndarray | None, labels: np.ndarray
) -> tuple[list[str], dict[int, int]]:
    """The classes, and the place among them of every label; unnamed ones are those that occur."""
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or (labels < 0).any():
        raise UserError(f"{path}: its labels are no class numbers from 0 on")
    present = [int(label) for label in np.unique(labels)]
    if names is None:
        return [str(n) for n in present], {label: n for n, label in enumerate(present)}
    count = present[-1] + 1 if present else 0
    if len(names) < count:
        raise UserError(f"{path}: {len(names)} class names for {count} classes")
    return [str(one) for one in names], {n: n for n in range(len(names))}


def folder(path: Path) -> Parts:
    """One folder a class, also below `train` and `test` (or `val`); hidden files are left out."""
    entries = {entry.name.lower(): Path(entry) for entry in _entries(path) if entry.is_dir()}
    train = next((entries[name] for name in TRAIN_FOLDERS if name in entries), None)
    test = next((entries[name] for name in TEST_FOLDERS if name in entries), None)
    if train is not None:
        classes, pictures = _class_folders(train, path)
        whole = Parts(str(path), classes, pictures, None)
        if test is None:
            return whole
        other = Parts(str(test), *_class_folders(test, path), None)
        return Parts(str(path), classes, pictures, _with_test(whole, other, str(test)).test)
    return Parts(str(path), *_class_folders(path, path), None)


def _class_folders(path: Path, root: Path) -> tuple[list[str], list[Picture]]:
    found = {
        entry.name: [file for file in _files(Path(entry)) if file.suffix.lower() in SUFFIXES]
        for entry in _entries(path)
        if entry.is_dir()
    }
    classes = [name for name, files in found.items() if files]
    if not classes:
        loose = any(Path(entry).suffix.lower() in SUFFIXES for entry in _entries(path))
        what = "its images are in no class" if loose else "no images in it"
        raise UserError(
            f"{path}: {what}; expected one folder a class, with images "
            f"({', '.join(sorted(SUFFIXES))})"
        )
    pictures = [
        Picture(file.relative_to(root).as_posix(), label, partial(_file, file))
        for label, name in enumerate(classes)
        for file in found[name]
    ]
    return classes, pictures


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(
            f"{path}: the folder cannot be listed ({error.strerror}); check its permissions"
        ) from error
    return [entry for entry in entries if not entry.name.startswith(".")]


def _files(path: Path) -> list[Path]:
    files: list[Path] = []
    for entry in _entries(path):
        if entry.is_dir(follow_symlinks=False):
            files += _files(Path(entry))
        elif entry.is_file():
            files.append(Path(entry))
    return files


def _file(path: Path) -> Image.Image:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"cannot be read ({error.strerror}); check the file") from error
    return decoded(content)


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
        names = sorted(values - {None}, key=lambda value: (str(type(value)), value))
        numbers = {value: n for n, value in enumerate(names)}
    else:
        numbers = {n: n for n in range(len(names))}  # -1 marks an image without a class
    classes = [str(one) for one in names]
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
    found = [name for name, feature in rows.features.items() if type(feature).__name__ == kind]
    if not found and kind == "ClassLabel":
        found = [name for name in columns if name in ("label", "labels", "class")]
    if len(found) != 1:
        what = "several columns" if found else "no column"
        of = "images" if kind == "Image" else "classes"
        raise UserError(
            f"{address.id}: {what} of {of} ({', '.join(found or columns[:10])}); "
            f"name one with {option}"
        )
    return found[0]


def _rows(name: str, rows: Any, image: str, label: str, numbers: dict[Any, int]) -> list[Picture]:
    import datasets

    raw = rows.cast_column(image, datasets.Image(decode=False))
    return [
        Picture(f"{name}:{n}", numbers[value], partial(_hub_image, raw, n, image))
        for n, value in enumerate(rows[label])
        if value in numbers
    ]


def _hub_image(rows: Any, number: int, column: str) -> Image.Image:
    found = rows[number][column] or {}
    if found.get("bytes") is None and found.get("path"):
        return _file(Path(found["path"]))
    return decoded(found.get("bytes") or b"")
