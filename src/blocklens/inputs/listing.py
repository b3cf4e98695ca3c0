"""What lies in a folder, in the order of its names, hidden files and folders left out."""

from __future__ import annotations

import os
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

    Raises:
        UserError: a folder that cannot be listed.

    """
    for entry in entries_of(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from files_below(Path(entry))
        elif entry.is_file():
            yield Path(entry)
