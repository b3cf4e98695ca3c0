"""Labelled images out of arrays: the digits of scikit-learn, and .npz files."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from blocklens.errors import UserError
from blocklens.inputs.fields import Bad, label_of
from blocklens.inputs.images.one_image import EIGHT_BITS, Levels, decoded, from_array
from blocklens.inputs.images.pictures import Parts, Picture
from blocklens.inputs.labelled_texts import class_names
from blocklens.inputs.limits import Limits
from blocklens.safe_text import writable
from blocklens.wording import counted

_OTHER_UNITS = 32
"""So many times larger, one part's values are not of the other part's units."""


def digits() -> Parts:
    """scikit-learn's 1,797 handwritten digits, 8 x 8 grey levels from 0 to 16."""
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    arrays = np.round(digits.images * (255 / 16)).astype(np.uint8)
    pictures = _pictures("digits", arrays, digits.target, {n: n for n in range(10)})
    return Parts("scikit-learn's digits", [str(d) for d in range(10)], pictures, None)


def npz(path: Path) -> Parts:
    """Arrays in one file, as MNIST comes, or joined JPEG files with their offsets.

    Known are `x_train`, `y_train` and, where there is a part to measure on, `x_test`, `y_test`
    (images [n, height, width] or [n, height, width, 3] of any range, class numbers [n]); and
    `jpeg`, `offsets`, `label`. Both may name their classes in `classes`.
    """
    try:
        _check_size(path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except UserError:
        raise
    except Exception as error:  # damaged archives raise errors of zip, zlib, NumPy and the system
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{path}: cannot be read as an .npz file ({reason})") from error
    name = writable(path.name)
    for key in ("x_train", "x_test", "jpeg", "offsets"):
        if key in arrays and arrays[key].dtype.kind not in "biuf":
            raise UserError(f"{path}: {key} holds {arrays[key].dtype}, no real numbers")
    for key in ("classes", "jpeg", "offsets", "x_train", "x_test"):
        if key in arrays and arrays[key].ndim != 1 and (arrays[key].ndim == 0 or key[0] != "x"):
            raise UserError(f"{path}: {key} has {arrays[key].ndim} dimensions; expected a list")
    for key in {"x_train", "x_test"} & set(arrays):
        if 0 in arrays[key].shape[1:]:
            shape = " x ".join(map(str, arrays[key].shape))
            raise UserError(f"{path}: {key} is {shape}: images without a pixel")
    if {"x_train", "y_train"} <= set(arrays):
        for key in {"y_train", "y_test"} & set(arrays):
            arrays[key] = _labels(path, arrays[key])
        labels = [arrays[key] for key in ("y_train", "y_test") if key in arrays]
        classes, numbers = _class_names(path, arrays.get("classes"), np.concatenate(labels))
        levels = _levels(path, [arrays[key] for key in ("x_train", "x_test") if key in arrays])
        train = _pictures(name, arrays["x_train"], arrays["y_train"], numbers, levels)
        test = None
        if {"x_test", "y_test"} <= set(arrays):
            test = _pictures(f"{name}:test", arrays["x_test"], arrays["y_test"], numbers, levels)
        return Parts(name, classes, train, test, [*levels.note(), *_no_numbers(arrays)])
    if {"jpeg", "offsets", "label"} <= set(arrays):
        data, offsets, labels = arrays["jpeg"], arrays["offsets"], _labels(path, arrays["label"])
        if len(offsets) != len(labels) + 1 or offsets[-1] > len(data):
            raise UserError(
                f"{path}: {counted(len(offsets), 'offset')} for {counted(len(labels), 'label')}; "
                "expected one more than labels, all within the data"
            )
        classes, numbers = _class_names(path, arrays.get("classes"), labels)
        pictures = [
            Picture(
                f"{name}:{n}",
                numbers[label],
                partial(_slice, data, *offsets[n : n + 2].tolist()),
            )
            for n, label in enumerate(labels.tolist())
        ]
        return Parts(name, classes, pictures, None)
    raise UserError(
        f"{path}: holds {', '.join(sorted(arrays)[:6]) or 'nothing'}; expected x_train and y_train "
        "(and x_test, y_test), or jpeg, offsets and label"
    )


def _check_size(path: Path) -> None:
    """Refuse arrays that do not fit: they are held in memory, and an archive of zeros is small.

    Raises:
        UserError: more bytes than a file may have, or than the machine has memory.

    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(one.file_size for one in archive.infolist())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > Limits().file:
        raise UserError(f"{path}: {Limits().file_too_long()}")
    if size > memory:
        raise UserError(
            f"{path}: unpacks to {size:,} bytes, more than the memory of this machine; give fewer "
            "or smaller images"
        )


def _slice(data: np.ndarray, start: int, end: int) -> Image.Image:
    return decoded(data[start:end].tobytes())


def _levels(path: Path, arrays: list[np.ndarray]) -> Levels:
    """One range for the images to train on and to measure on."""
    if all(array.dtype == np.uint8 for array in arrays):
        return EIGHT_BITS
    known = [array[np.isfinite(array)] for array in arrays]
    ends = [(float(array.min()), float(array.max())) for array in known if array.size]
    if not ends:
        return EIGHT_BITS
    sizes = [max(map(abs, pair)) for pair in ends]
    if max(sizes) > _OTHER_UNITS * min(sizes):
        raise UserError(
            f"{path}: x_train goes from {ends[0][0]:g} to {ends[0][1]:g} and x_test from "
            f"{ends[-1][0]:g} to {ends[-1][1]:g}; give both in the same units"
        )
    return Levels.between(min(low for low, _ in ends), max(high for _, high in ends))


def _no_numbers(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """A line on the images that hold values which are not a number."""
    count = sum(
        int(np.isnan(array).reshape(len(array), max(1, array[:1].size)).any(axis=1).sum())
        for key, array in arrays.items()
        if key in ("x_train", "x_test") and array.dtype.kind == "f"
    )
    return [f"Images with values that are not a number: {count:,}; such are white."] * bool(count)


def _pictures(
    name: str,
    arrays: np.ndarray,
    labels: np.ndarray,
    numbers: Mapping[int | str, int],
    levels: Levels = EIGHT_BITS,
) -> list[Picture]:
    if len(arrays) != len(labels):
        raise UserError(
            f"{name}: {counted(len(arrays), 'image')} and {counted(len(labels), 'label')}; "
            "expected one each"
        )
    return [
        Picture(f"{name}:{n}", numbers[label], partial(from_array, array, levels))
        for n, (array, label) in enumerate(zip(arrays, labels.tolist(), strict=True))
    ]


def _labels(path: Path, labels: np.ndarray) -> np.ndarray:
    """A label an image: numbers or names, as `label_of` reads them; object [n]."""
    if labels.ndim == 2 and labels.shape[1] == 1:  # as Keras keeps CIFAR's
        labels = labels[:, 0]
    classes = [label_of(one) for one in labels.tolist()] if labels.ndim == 1 else [None]
    wrong = next((n for n, one in enumerate(classes) if one is None or isinstance(one, Bad)), None)
    if wrong is not None:
        raise UserError(
            f"{path}: its labels are no classes (shape {labels.shape}, of {labels.dtype}); "
            "expected a number or a name for each image"
        )
    return np.array(classes, dtype=object)


def _class_names(
    path: Path, names: np.ndarray | None, labels: np.ndarray
) -> tuple[list[str], dict[int | str, int]]:
    """The classes, and the place among them of every label; unnamed ones are those that occur."""
    present = set(labels.tolist())
    if names is None or not all(isinstance(label, int) for label in present):
        ordered = class_names([*present])
        return ordered, {label: ordered.index(str(label)) for label in present}
    if present and not 0 <= min(present) <= max(present) < len(names):
        raise UserError(
            f"{path}: {counted(len(names), 'class name')}, but labels from {min(present)} to "
            f"{max(present)}; expected numbers from 0 on"
        )
    return [str(label_of(one)) for one in names], {n: n for n in range(len(names))}
