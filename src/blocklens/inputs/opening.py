"""Opening a file of texts: compression, and what is not text at all.

A file's name says how it is compressed and what it holds; its first bytes are checked against the
name, so that a mistake is reported as what it is and not as a decoding error further on.
"""

import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

COMPRESSIONS = {".gz": "gzip", ".xz": "xz", ".zst": "Zstandard"}
FORMATS = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
SUPPORTED = ".txt, .md, .jsonl, .json, .csv, .tsv or .parquet, each also with .gz, .xz or .zst"

_COMPRESSION_MARKS = {b"\x1f\x8b": ".gz", b"\xfd7zXZ\0": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
_MARKS = {
    b"%PDF-": "a PDF; extract its text first (for example with pdftotext)",
    b"PK\x03\x04": "a zip archive or an Office document; unpack it, or save the document as .txt",
    b"\xd0\xcf\x11\xe0": "an old Office document; save it as .txt",
    b"{\\rtf": "a rich-text document; save it as .txt",
    b"\x89PNG": "a PNG image; give a file of texts",
    b"\xff\xd8\xff": "a JPEG image; give a file of texts",
    b"GIF89a": "a GIF image; give a file of texts",
    b"PAR1": "Parquet; name the file .parquet",
    b"ARROW1": "an Arrow file; save it as Parquet",
    b"SQLite format 3": "an SQLite database; export the texts as CSV",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it first",
    b"BZh91AY&SY": "compressed with bzip2; unpack it, or compress it with gzip, xz or zstd",
    b"\x7fELF": "a program; give a file of texts",
    b"\xff\xfe": "UTF-16; save it as UTF-8",
    b"\xfe\xff": "UTF-16; save it as UTF-8",
}


class UnusableError(Exception):
    """The rest of a file cannot be read; the message is the reason and what to do."""


def format_of(path: Path) -> tuple[str, str | None]:
    """Tell a file's format (a value of `FORMATS`) and its compression's suffix from its name.

    Raises `UnusableError` for a name with another ending.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = suffixes.pop() if suffixes and suffixes[-1] in COMPRESSIONS else None
    suffix = suffixes[-1] if suffixes else ""
    if suffix not in FORMATS:
        found = f"the extension {suffix} is" if suffix else "a name without an extension is"
        raise UnusableError(f"{found} not known; expected {SUPPORTED}")
    return FORMATS[suffix], compression


@contextmanager
def opened(
    path: Path, compression: str | None, *, parquet: bool = False, guess: bool = False
) -> "Iterator[io.BufferedReader[Any]]":
    """Open the file at `path` and undo its compression (`guess`: by its first bytes).

    Raises `UnusableError` for a file that is empty, damaged, compressed otherwise than its name
    says, or binary. Damage further on is raised where it is met, also from within the block.
    """
    with ExitStack() as stack:
        stack.enter_context(_damage_reported(lambda: compression))
        raw = stack.enter_context(path.open("rb"))
        head = raw.peek(512)[:512]
        if not head:
            raise UnusableError("is empty; give a file with text in it")
        found = _compression_of(head)
        if guess:
            compression = found
        elif compression is None and found:
            raise UnusableError(f"is compressed with {COMPRESSIONS[found]}; name it {found}")
        elif compression != found:
            assert compression is not None
            raise UnusableError(
                f"is not compressed with {COMPRESSIONS[compression]} as its name says; "
                "correct its name or fetch it again"
            )
        stream: io.BufferedReader[Any] = raw
        if compression:
            stream = io.BufferedReader(_decompressed(raw, compression), 1 << 17)
            stack.enter_context(stream)
            head = stream.peek(512)[:512]
        if not head:
            raise UnusableError("is empty; give a file with text in it")
        if parquet and not head.startswith(b"PAR1"):
            what = what_is(head) or "text of some other kind; correct the file's name"
            raise UnusableError(f"is not Parquet but {what}")
        if not parquet and (what := what_is(head)):
            raise UnusableError(f"is not text but {what}")
        yield stream


def what_is(head: bytes) -> str | None:
    """Say what a file with these first bytes is, and what to do; None if it may be text."""
    for mark, what in _MARKS.items():
        if head.startswith(mark):
            return what
    if head[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    if b"\0" in head:
        return "binary (it has NUL bytes); give a file of texts in UTF-8"
    return None


def _compression_of(head: bytes) -> str | None:
    return next((name for mark, name in _COMPRESSION_MARKS.items() if head.startswith(mark)), None)


def _decompressed(raw: BinaryIO, compression: str) -> io.RawIOBase:
    # pyarrow's Zstandard stream reads several frames in a row and reports a cut one, which
    # zstandard's own stream reader passes over in silence.
    streams = {
        ".gz": lambda: gzip.GzipFile(fileobj=raw),
        ".xz": lambda: lzma.LZMAFile(raw),  # noqa: SIM115 - closed by `opened`
        ".zst": lambda: pa.CompressedInputStream(raw, "zstd"),
    }
    return cast("io.RawIOBase", streams[compression]())


@contextmanager
def _damage_reported(compression: Callable[[], str | None]) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise UnusableError(f"cannot be read ({error.strerror}); check the file") from error
    except (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException) as error:
        suffix = compression()
        what = f"has damaged {COMPRESSIONS[suffix]} data" if suffix else "cannot be read"
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnusableError(f"{what} ({reason[:200]}); fetch or write the file again") from error
