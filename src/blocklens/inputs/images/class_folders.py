"""Labelled images out of folders: one folder a class, also below `train` and `test` (or `val`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PIL import Image

from blocklens.errors import UserError
from blocklens.inputs.fields import folder_class
from blocklens.inputs.images.one_image import UnreadableError, decoded
from blocklens.inputs.images.pictures import Parts, Picture, with_test
from blocklens.inputs.limits import Limits
from blocklens.inputs.listing import (
    TEST_FOLDERS,
    TRAIN_FOLDERS,
    entries_of,
    folders_in,
    no_data,
    splits_in,
    walk_below,
)
from blocklens.safe_text import writable

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
IN_NO_CLASS = "they lie in no class folder"
NAMED = 5
"""How many of the files that are left out for one reason are named."""


def folder(path: Path) -> Parts:
    """One folder a class, also below `train` and `test` (or `val`); hidden files are left out."""
    splits = splits_in(path)
    train = next((splits[name] for name in TRAIN_FOLDERS if name in splits), None)
    if train is None:
        return _class_folders(path, path)
    test = next((splits[name] for name in TEST_FOLDERS if name in splits), None)
    whole = replace(_class_folders(train, path), description=writable(str(path)))
    unused = [one.name for one in folders_in(path) if one not in (train, test)]
    if unused:
        whole.notes.append(f"The folders {', '.join(map(writable, unused))} were not used.")
    whole.notes.extend(_left_out(IN_NO_CLASS, _images_in(path), path))
    if test is None:
        return whole
    measured = with_test(whole, _class_folders(test, path), str(test))
    return replace(measured, description=writable(str(path)))


def _class_folders(path: Path, root: Path) -> Parts:
    files: dict[str, list[Path]] = {}
    no_images: list[Path] = []
    linked: list[Path] = []
    left_out = [one for one in map(Path, entries_of(path)) if one.is_dir() and no_data(one)]
    for one in folders_in(path):
        of_class = files.setdefault(folder_class(one.name), [])
        for file, why in walk_below(one):
            (left_out if why else of_class if _is_image(file) else no_images).append(file)
        linked += _links_below(one)
    classes = [name for name, of_class in files.items() if of_class]
    loose = _images_in(path)
    if not classes:
        what = "its images are in no class" if loose else "no images in it"
        raise UserError(
            f"{path}: {what}; expected one folder a class, with images "
            f"({', '.join(sorted(SUFFIXES))})"
        )
    notes = [
        f"The folder {name!r} holds no image and is no class."
        for name, of_class in files.items() if not of_class
    ]  # fmt: skip
    notes += _left_out(IN_NO_CLASS, loose, root)
    notes += _left_out("they are links to folders", linked, root)
    notes += _left_out("they are no images", no_images, root)
    notes += _left_out("they hold models or what blocklens wrote", sorted(left_out), root)
    pictures = [
        Picture(_name(file, root), label, partial(image_of_file, file))
        for label, name in enumerate(classes)
        for file in files[name]
    ]
    return Parts(writable(str(path)), classes, pictures, None, notes)


def _name(file: Path, root: Path) -> str:
    """What a file goes by."""
    return writable(file.relative_to(root).as_posix())


def _images_in(folder: Path) -> list[Path]:
    """The images that lie in `folder` itself."""
    files = map(Path, entries_of(folder))
    return [file for file in files if not file.is_dir() and _is_image(file)]


def _links_below(folder: Path) -> Iterator[Path]:
    """The links to folders below `folder`, which `files_below` does not follow."""
    for entry in entries_of(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _links_below(Path(entry))
        elif entry.is_symlink() and Path(entry).is_dir():
            yield Path(entry)


def _left_out(why: str, files: Sequence[Path], root: Path) -> list[str]:
    """A note on files that were left out for one reason, the first of them by name."""
    named = [_name(file, root) for file in files[:NAMED]]
    more = ", ..." if len(files) > NAMED else ""
    said = f"Left out, since {why}: {', '.join(named)}{more} ({len(files):,} in all)."
    return [said] if files else []


def _is_image(file: Path) -> bool:
    """By the name's ending, else by the first bytes: .jfif, .avif and what else Pillow knows."""
    if file.suffix.lower() in SUFFIXES:
        return True
    try:
        with Image.open(file):
            return True
    except Exception:  # no image, or no ordinary file: Pillow's plugins raise what they like
        return False


def image_of_file(path: Path) -> Image.Image:
    """Raises UnreadableError where a file holds no image."""
    try:
        if not path.is_file():
            raise UnreadableError("is no ordinary file; give an image file")
        if path.stat().st_size > Limits().record:
            raise UnreadableError(Limits().record_too_long())
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"cannot be read ({error.strerror}); check the file") from error
    return decoded(content)
