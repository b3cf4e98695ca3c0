"""Labelled images out of folders: one folder a class, also below `train` and `test` (or `val`)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PIL import Image

from blocklens.errors import UserError
from blocklens.inputs.images.decoding import UnreadableError, decoded
from blocklens.inputs.images.pictures import Parts, Picture, with_test
from blocklens.inputs.listing import entries_of, files_below

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
TRAIN_FOLDERS = ("train", "training")
TEST_FOLDERS = ("test", "testing", "val", "valid", "validation")


def folder(path: Path) -> Parts:
    """One folder a class, also below `train` and `test` (or `val`); hidden files are left out."""
    entries = {entry.name.lower(): Path(entry) for entry in entries_of(path) if entry.is_dir()}
    train = next((entries[name] for name in TRAIN_FOLDERS if name in entries), None)
    test = next((entries[name] for name in TEST_FOLDERS if name in entries), None)
    if train is not None:
        classes, pictures = _class_folders(train, path)
        whole = Parts(str(path), classes, pictures, None)
        if test is None:
            return whole
        other = Parts(str(test), *_class_folders(test, path), None)
        return Parts(str(path), classes, pictures, with_test(whole, other, str(test)).test)
    return Parts(str(path), *_class_folders(path, path), None)


def _class_folders(path: Path, root: Path) -> tuple[list[str], list[Picture]]:
    found = {
        entry.name: [file for file in files_below(Path(entry)) if file.suffix.lower() in SUFFIXES]
        for entry in entries_of(path)
        if entry.is_dir()
    }
    classes = [name for name, files in found.items() if files]
    if not classes:
        loose = any(Path(entry).suffix.lower() in SUFFIXES for entry in entries_of(path))
        what = "its images are in no class" if loose else "no images in it"
        raise UserError(
            f"{path}: {what}; expected one folder a class, with images "
            f"({', '.join(sorted(SUFFIXES))})"
        )
    pictures = [
        Picture(file.relative_to(root).as_posix(), label, partial(image_of_file, file))
        for label, name in enumerate(classes)
        for file in found[name]
    ]
    return classes, pictures


def image_of_file(path: Path) -> Image.Image:
    """Raises UnreadableError where a file holds no image."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"cannot be read ({error.strerror}); check the file") from error
    return decoded(content)
