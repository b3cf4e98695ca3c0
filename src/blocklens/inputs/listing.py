"""What lies in a folder, in the order of its names, hidden files and folders left out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from blocklens.errors import UserError

_MARKS = {
    "study.json": {"kind", "finished"},
    "comparison.json": {"studies"},
    "options.json": {"blocks", "vocabulary"},  # of a pre-training run
    "config.json": {"model_type"},  # of a model, whose vocab.txt and README.md are no texts
}
"""Files that mark folders without texts and images, and names that stand in them."""
_MOST_BYTES = 1 << 20  # of a mark: what is longer is no such file


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
    """The files of `walk_below`, without the folders that are left out."""
    return (path for path, why in walk_below(folder) if not why)


def walk_below(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """The files in `folder` and in the folders below it; links to folders are not followed.

    A folder below it that blocklens wrote, or of a model, is left out: it stands once in the place
    of its files, with why (see `no_data`). A broken link or a named pipe is among them: who opens
    it says so.

    Raises:
        UserError: a folder that cannot be listed.

    """
    for entry in entries_of(folder):
        if entry.is_dir(follow_symlinks=False):
            if why := no_data(Path(entry)):
                yield Path(entry), why
            else:
                yield from walk_below(Path(entry))
        elif not Path(entry).is_dir():
            yield Path(entry), None


def no_data(folder: Path) -> str | None:
    """Why the files of a folder are no texts or images: blocklens wrote it, or it has a model."""
    mark = next((m for m, names in _MARKS.items() if names <= _names_in(folder / m)), None)
    if mark is None:
        return None
    what = "a model" if mark == "config.json" else "what blocklens wrote"
    return f"holds {what}, by its {mark}"


def _names_in(file: Path) -> set[str]:
    """The names in the object that a JSON file holds; none where there is no such file."""
    try:
        if not file.is_file() or file.stat().st_size > _MOST_BYTES:
            return set()
        said = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return set()
    return set(said) if isinstance(said, dict) else set()


def folders_in(folder: Path) -> list[Path]:
    """The folders in `folder` that may hold data, links to folders among them."""
    return [path for path in map(Path, entries_of(folder)) if path.is_dir() and not no_data(path)]


TRAIN_FOLDERS = ("train", "training")
TEST_FOLDERS = (
    "test", "testing", "holdout", "eval", "evaluation", "val", "valid", "validation", "dev",
    "development",
)  # fmt: skip
"""What a split to measure on is called; where there are several, the first of these is taken."""
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


def split_files(names: Iterable[str]) -> list[str]:
    """Those files that are the splits of a data set, if one is to train on and one to measure on.

    As `train.csv` and `test.csv`, `imdb_train.csv` and `imdb_dev.csv`, or
    `train-00000-of-00001.parquet` and its like; or in folders of such names. `names` may be of
    files in a zip archive.
    """
    parts = {
        name: {
            *re.split(r"[.\-_ ]", Path(name).name.lower()),
            *(part.lower() for part in Path(name).parts[:-1]),
        }
        for name in names
    }
    train = [name for name, of in parts.items() if of & set(TRAIN_FOLDERS)]
    test = [name for name, of in parts.items() if of & set(TEST_FOLDERS) and name not in train]
    return [name for name in parts if name in (*train, *test)] if train and test else []


def refuse_arrow(path: Path) -> None:
    """Refuse a folder that `save_to_disk` of `datasets` wrote, of which the .json are no texts."""
    splits = (path / "dataset_dict.json").is_file()
    if splits or ((path / "state.json").is_file() and any(path.glob("*.arrow"))):
        one = '["train"]' if splits else ""
        raise UserError(
            f"{path}: a data set in Arrow files (save_to_disk); give it as Parquet: "
            f"datasets.load_from_disk(...){one}.to_parquet('texts.parquet')"
        )
