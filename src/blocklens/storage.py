"""Files and folders that appear whole or not at all, and one line when the disk refuses them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from blocklens.errors import UserError
from blocklens.safe_text import writable

if TYPE_CHECKING:
    import pandas as pd

LOCK, HOLDER = ".lock", ".running.json"
"""Of a folder that results are written to: its lock, and who holds it, for people."""
UNFINISHED = ".partial"
"""How the name of what is still being written ends."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a disk says that has no room: none at all, for this user, or for so large a file."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to, moved to `path` when the block ends without an error.

    Raises:
        UserError: the disk is full, or the folder cannot be written.

    """
    partial = _beside(path)
    with writing(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            partial.replace(path)
        finally:
            with suppress(OSError):  # a file stands where a folder should: there is nothing to free
                partial.unlink(missing_ok=True)


@contextmanager
def lone_file(path: Path) -> Iterator[Path]:
    """`whole_file` in a folder without a lock: what dead processes left of the file is removed.

    Raises:
        UserError: the disk is full, or the folder cannot be written.

    """
    for left in path.parent.glob(f".*{UNFINISHED}"):
        process = left.name.removeprefix(f".{path.name}.").partition("-")[0]
        if process.isdigit() and not _runs(int(process)):
            with suppress(OSError):
                left.unlink(missing_ok=True)
    with whole_file(path) as partial:
        yield partial


@contextmanager
def whole_folder(path: Path, *, flush: bool = False) -> Iterator[Path]:
    """An empty folder to write to, which takes the place of `path` when the block ends well.

    `flush`: its files are on the disk before it does, so that a power cut leaves the old one or
    the new.

    Raises:
        UserError: the disk is full, or the folder cannot be written.

    """
    partial, old = _beside(path), _beside(path)
    with writing(path):
        try:
            partial.mkdir(parents=True)
            yield partial
            for file in (*partial.rglob("*"), partial) if flush else ():
                _flush(file)
            if path.exists():
                path.rename(old)
            partial.rename(path)
            if flush:
                _flush(path.parent)
        finally:
            for left in (partial, old):
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Whatever the disk says while `path` is written becomes one line that names it.

    Raises:
        UserError: the disk is full, or the folder cannot be written.

    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        refused = disk_error(error)
        if refused is None:
            raise
        raise UserError(f"{path}: {why_not_written(refused)}") from error


def why_not_written(error: OSError) -> str:
    """One line for the ways in which a disk refuses a file."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full: free some space and run the same command again to go on"
    if error.errno == errno.EFBIG:
        return "a file may not grow so large here: raise the limit (ulimit -f) or use another disk"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "cannot be written: choose another folder with --out, or change its permissions"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return "a file is in the way of a folder: choose another with --out"
    return f"cannot be written ({error.strerror or error})"


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a data frame as Parquet."""
    with whole_file(path) as partial:
        frame.to_parquet(partial, index=False)


def write_text(text: str, path: Path) -> None:
    """Write a text as UTF-8."""
    with whole_file(path) as partial:
        partial.write_text(text, "utf-8")


def write_json(value: Any, path: Path) -> None:
    """Write a value as JSON."""
    write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", path)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest(place: Path, *, of: Path | None = None) -> dict[str, str]:
    """SHA-256 of a file, or of every file below a folder, by their names seen from `of`."""
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    root = place if of is None else of
    return {
        file.relative_to(root).as_posix(): file_digest(file) for file in files if file.is_file()
    }


def output_folder(path: Path, marker: str) -> Path:
    """A folder to write results to: a new or empty one, or one that holds `marker` already.

    Raises:
        UserError: a file, a folder with other things in it, one that cannot be written, or one
            whose name is not UTF-8: tables and tokenizers are written by libraries that take none.

    """
    name = writable(str(path))
    if name != str(path):
        raise UserError(f"{name}: not a name in UTF-8: choose another folder with --out")
    with writing(path):
        if path.exists() and not path.is_dir():
            raise UserError(f"{path}: a file; choose another folder with --out")
        if path.is_dir() and not (path / marker).exists() and any(_others(path)):
            raise UserError(
                f"{path}: holds other files and no {marker}: choose another folder with --out"
            )
        path.mkdir(parents=True, exist_ok=True)
        probe = _beside(path / "probe")
        probe.touch()
        probe.unlink()
    return path


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Write into `folder` alone; what dead processes left unfinished there is removed.

    The system frees the lock of a process that ends, however it ends.

    Raises:
        UserError: another process writes there; it is named.

    """
    lock = FileLock(folder / LOCK, blocking=False)
    with writing(folder):
        try:
            lock.acquire()
        except Timeout as error:
            raise UserError(
                f"{folder}: {_holder(folder)} is writing here: wait for it, or give another "
                "folder with --out"
            ) from error
    try:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        command = writable(" ".join(["blocklens", *sys.argv[1:]]))
        holder = {
            "process": os.getpid(), "host": socket.gethostname(), "since": now, "command": command,
        }  # fmt: skip
        write_json(holder, folder / HOLDER)
        sweep(folder)
        yield
    finally:
        with suppress(OSError):
            (folder / HOLDER).unlink(missing_ok=True)
        lock.release()


def sweep(folder: Path) -> None:
    """Remove what was left unfinished in a folder that this process alone writes to."""
    for left in [*folder.rglob(f".*{UNFINISHED}")]:  # rglob does not follow links
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                left.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    """Whether there is such a process on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        pass
    return True


def _holder(folder: Path) -> str:
    try:
        said = json.loads((folder / HOLDER).read_text("utf-8"))
        return (
            f"`{said['command']}` (process {said['process']} on {said['host']}, since "
            f"{said['since']})"
        )
    except (OSError, ValueError, KeyError, TypeError):  # it has only just begun
        return "another blocklens"


def _others(folder: Path) -> Iterator[Path]:
    """What lies in a folder besides its lock and what was left unfinished."""
    for path in folder.iterdir():
        if path.name not in (LOCK, HOLDER) and not _is_partial(path.name):
            yield path


def _is_partial(name: str) -> bool:
    return name.startswith(".") and name.endswith(UNFINISHED)


def _beside(path: Path) -> Path:
    """A name that no other process or call has, next to `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{UNFINISHED}")


def _flush(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def disk_error(error: Exception) -> OSError | None:
    """What the disk said, also through a library with errors of its own; None for other errors.

    safetensors and the tokenizers write such as "No space left ... (os error 28)".
    """
    if isinstance(error, OSError):
        return error
    for code in (*NO_ROOM, errno.EACCES, errno.EPERM, errno.EROFS):
        if f"(os error {code})" in str(error) or os.strerror(code) in str(error):
            return OSError(code, os.strerror(code))
    return None
