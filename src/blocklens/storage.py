"""Files and folders that appear whole or not at all, and one line when the disk refuses them."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from blocklens.errors import UserError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to, moved to `path` when the block ends without an error.

    Raises:
        UserError: the disk is full, or the folder cannot be written.

    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except OSError as error:
        raise UserError(f"{path}: {why_not_written(error)}") from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """An empty folder to write to, which takes the place of `path` when the block ends well.

    Raises:
        UserError: the disk is full, or the folder cannot be written.

    """
    partial = path.with_name(f".partial-{path.name}")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        shutil.rmtree(path, ignore_errors=True)
        partial.rename(path)
    except OSError as error:
        raise UserError(f"{path}: {why_not_written(error)}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def why_not_written(error: OSError) -> str:
    """One line for the ways in which a disk refuses a file."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full: free some space and run the same command again to go on"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "cannot be written: choose another folder with --out, or change its permissions"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return "a file is in the way of a folder: choose another with --out"
    return f"cannot be written ({error.strerror or error})"


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a data frame as Parquet."""
    with whole_file(path) as partial:
        frame.to_parquet(partial, index=False)


def write_json(value: Any, path: Path) -> None:
    """Write a value as JSON."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


def output_folder(path: Path, marker: str) -> Path:
    """A folder to write results to: a new or empty one, or one that holds `marker` already.

    Raises:
        UserError: a file, a folder with other things in it, or one that cannot be written.

    """
    try:
        if path.exists() and not path.is_dir():
            raise UserError(f"{path}: a file; choose another folder with --out")
        if path.is_dir() and any(path.iterdir()) and not (path / marker).exists():
            raise UserError(
                f"{path}: holds other files and no {marker}: choose another folder with --out"
            )
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".{os.getpid()}.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"{path}: {why_not_written(error)}") from error
    return path
