"""Where labelled images come from: the digits of scikit-learn, an .npz file, a folder, the Hub.

Every source becomes two lists of `Picture`, to train on and to measure on, whose pixels are decoded
only when asked for. A source without a part of its own to measure on is split later, by seed.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from blocklens.errors import UserError
from blocklens.inputs.hub import HubDataset
from blocklens.inputs.images.arrays import digits, npz
from blocklens.inputs.images.class_folders import folder
from blocklens.inputs.images.hub_images import hub
from blocklens.inputs.images.pictures import Parts, with_test

DIGITS = "digits"


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
        parts = with_test(parts, other, str(test))
    if len(parts.classes) < 2:
        named = parts.classes[0] if parts.classes else "none"
        raise UserError(
            f"{parts.description}: one class ({named}); a classifier needs images of at least two. "
            f"{' '.join(parts.notes)}".rstrip()
        )
    twice = [name for name, number in Counter(parts.classes).items() if number > 1]
    if twice:
        raise UserError(
            f"{parts.description}: two classes are called {twice[0]!r}: give each its own name"
        )
    return parts


def _open(source: str | Path, image_field: str | None, label_field: str | None) -> Parts:
    if not str(source).strip():
        raise UserError(
            "images: the path is empty; give a folder, an .npz file, or . for this folder"
        )
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
    return hub(address_of(source), image_field, label_field)


def address_of(source: str | Path) -> HubDataset:
    """The Hub data set that a source without a file or folder must be.

    Raises:
        UserError: no address of one.

    """
    named_npz = Path(source).suffix.lower() == ".npz"
    address = None if named_npz else HubDataset.parse(str(source))
    if address is None:
        raise UserError(
            f"{source}: no such file or folder; check the path, give a Hub data set as owner/name, "
            f"or {DIGITS} for scikit-learn's digits"
        )
    return address
