"""What lies in a folder, in the order of its names, hidden files and folders left out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from blocklens.errors import UserError


def entries_of(folder: Path) -> list[os.DirEntry[str]]:
    """The files and folders in `folder`.

    Raises:
        UserError: the folder cannot be listed.

    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(
            f"{folder}: the folder cannot be listed ({error.strerror}); check its permissions"
        ) from error
    return [entry for entry in entries if not entry.name.startswith(".")]


def files_below(folder: Path) -> Iterator[Path]:
    """The files in `folder` and in the folders below it; links to folders are not followed.

    A broken link or a named pipe is among them: who opens it says so.

    Raises:
        UserError: a folder that cannot be listed.

    """
    for entry in entries_of(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from files_below(Path(entry))
        elif not Path(entry).is_dir():
            yield Path(entry)


def folders_in(folder: Path) -> list[Path]:
    """The folders in `folder`, links to folders among them."""
    return [path for path in map(Path, entries_of(folder)) if path.is_dir()]


TRAIN_FOLDERS = ("train", "training")
TEST_FOLDERS = ("test", "testing", "val", "valid", "validation")
UNLABELLED_FOLDERS = ("unsup", "unlabeled", "unlabelled")
"""Beside class folders: the IMDb reviews come with 50,000 texts in one called "unsup"."""


def splits_in(folder: Path) -> dict[str, Path]:
    """The splits of a data set, by lower-case name: folders of class folders.

    A folder called "train" is a split only if it holds folders, and if all its siblings are splits
    (beside "bus" and "car" it is a class of pictures), or if one of them holds the same classes.
    """
    folders = folders_in(folder)
    named = [p for p in folders if p.name.lower() in TRAIN_FOLDERS + TEST_FOLDERS and folders_in(p)]
    classes = [frozenset(one.name for one in folders_in(path)) for path in named]
    if len(named) == len(folders) or len(set(classes)) < len(classes):
        return {path.name.lower(): path for path in named}
    return {}


def split_files_in(folder: Path) -> list[str]:
    """Names of the files that are the splits of a data set, if one is to train on and one to test.

    As `train.csv` and `test.csv`, or `train-00000-of-00001.parquet` and its like.
    """
    names = [path.name for path in map(Path, entries_of(folder)) if path.is_file()]
    parts = {name: re.split(r"[.\-_]", name.lower())[0] for name in names}
    splits = [name for name, part in parts.items() if part in TRAIN_FOLDERS + TEST_FOLDERS]
    kinds = {parts[name] in TRAIN_FOLDERS for name in splits}
    return splits if len(kinds) == 2 else []
