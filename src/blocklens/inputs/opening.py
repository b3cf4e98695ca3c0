"""Opening a file of texts: its compression undone, its size limited, and what is no text named.

A file's name says how it is compressed and what it holds; its first bytes are checked against the
name, so that a mistake is reported as what it is and not as a decoding error further on.
"""

import bz2
import gzip
import io
import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from blocklens.inputs.limits import Limits

COMPRESSIONS = {".gz": "gzip", ".xz": "xz", ".zst": "Zstandard", ".bz2": "bzip2"}
FORMATS = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".srt": "transcript",
    ".vtt": "transcript",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
SUPPORTED = (
    ".txt, .md, .srt, .vtt, .jsonl, .json, .csv, .tsv or .parquet, each also with .gz, .xz, .zst "
    "or .bz2, or such files in a .zip"
)

_CHUNK = 1 << 17
_COMPRESSION_MARKS = {
    b"\x1f\x8b": ".gz",
    b"\xfd7zXZ\0": ".xz",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"BZh": ".bz2",
}
_MARKS = {
    b"%PDF-": "a PDF; extract its text first (for example with pdftotext)",
    b"PK\x03\x04": "a zip archive or an Office document; name an archive .zip, or save the document"
    " as .txt",
    b"\xd0\xcf\x11\xe0": "an old Office document; save it as .txt",
    b"{\\rtf": "a rich-text document; save it as .txt",
    b"\x89PNG": "a PNG image; give a file of texts",
    b"\xff\xd8\xff": "a JPEG image; give a file of texts",
    b"GIF89a": "a GIF image; give a file of texts",
    b"PAR1": "Parquet; name the file .parquet",
    b"ARROW1": "an Arrow file; save it as Parquet",
    b"SQLite format 3": "an SQLite database; export the texts as CSV",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it first",
    b"version https://git-lfs": "a pointer of Git LFS; fetch the file itself (git lfs pull)",
    b"\x7fELF": "a program; give a file of texts",
    b"\xff\xfe": "UTF-16; save it as UTF-8",
    b"\xfe\xff": "UTF-16; save it as UTF-8",
}


class UnusableError(Exception):
    """The rest of a file cannot be read; the message is the reason and what to do."""


def format_of(path: Path) -> tuple[str, str | None]:
    """Tell a file's format ("zip" or a value of `FORMATS`) and its compression from its name.

    Raises `UnusableError` for a name with another ending.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".zip":
        return "zip", None
    compression = suffixes.pop() if suffixes and suffixes[-1] in COMPRESSIONS else None
    suffix = suffixes[-1] if suffixes else ""
    if suffix not in FORMATS:
        named = f"the extension {suffix} is" if suffix else "a name without an extension is"
        raise UnusableError(f"{named} not known; expected {SUPPORTED}")
    return FORMATS[suffix], compression


def kind_of_file(path: Path) -> str | None:
    """A file's format by its name; None where it is not known."""
    try:
        return format_of(path)[0]
    except UnusableError:
        return None


def members(path: Path) -> list[str]:
    """The files in a .zip archive, by name; folders and what macOS adds are left out.

    Raises `UnusableError` for an archive that cannot be read.
    """
    with _damage_reported(".zip"), zipfile.ZipFile(path) as archive:
        names = sorted(one.filename for one in archive.infolist() if not one.is_dir())
    return [n for n in names if not any(p.startswith((".", "__MACOSX")) for p in n.split("/"))]


@contextmanager
def opened(
    path: Path,
    compression: str | None,
    *,
    parquet: bool = False,
    guess: bool = False,
    member: str | None = None,
    limits: Limits | None = None,
) -> "Iterator[io.BufferedReader[Any]]":
    """Open the file at `path` (or its zip `member`) and undo its compression.

    `guess` tells the compression by the first bytes. Raises `UnusableError` for a file that is
    empty, damaged, compressed otherwise than its name says, or binary. Damage and too many bytes
    further on are raised where they are met, also from within the block.
    """
    limits = limits or Limits()
    with ExitStack() as stack:
        stack.enter_context(_damage_reported(compression or (member and ".zip")))
        raw: io.BufferedReader[Any]
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnusableError("is no ordinary file; for a pipe give - and standard input")
        if member is None:
            raw = stack.enter_context(path.open("rb"))
        else:
            archive = stack.enter_context(zipfile.ZipFile(path))
            raw = _limited(_chunks(stack.enter_context(archive.open(member))), limits)
        head = raw.peek(512)[:512]
        if not head:
            raise UnusableError("is empty; give a file with text in it")
        actual = next((s for mark, s in _COMPRESSION_MARKS.items() if head.startswith(mark)), None)
        if guess:
            compression = actual
        elif compression is None and actual:
            raise UnusableError(f"is compressed with {COMPRESSIONS[actual]}; name it {actual}")
        elif compression is not None and compression != actual:
            raise UnusableError(
                f"is not compressed with {COMPRESSIONS[compression]} as its name says; "
                "correct its name or fetch it again"
            )
        stream = raw
        if compression:
            # `guess` learns the compression only here
            stack.enter_context(_damage_reported(compression))
            stream = _limited(_DECOMPRESSED[compression](raw), limits)
            head = stream.peek(512)[:512]
        elif member is None and os.fstat(raw.fileno()).st_size > limits.file:
            raise UnusableError(limits.file_too_long())
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


def _joined(raw: BinaryIO, decoder_of: Callable[[], Any]) -> Iterator[bytes]:
    """The content of all streams in a file of .xz or .bz2, one after the other.

    Python's own readers end in silence at padding between streams, and at a stream whose first
    bytes are damaged.
    """
    data = raw.read(_CHUNK)
    while data:
        decoder = decoder_of()
        while not decoder.eof:
            if decoder.needs_input and not data and not (data := raw.read(_CHUNK)):
                raise EOFError("it is cut off")
            yield decoder.decompress(data, _CHUNK)
            data = b""
        data = decoder.unused_data.lstrip(b"\0")
        while not data and (more := raw.read(_CHUNK)):
            data = more.lstrip(b"\0")


def _chunks(stream: Any) -> Iterator[bytes]:
    return iter(lambda: stream.read(_CHUNK), b"")


def _zstandard(raw: Any) -> Iterator[bytes]:
    # pyarrow's stream reads several frames in a row and reports a cut one, which zstandard's own
    # stream reader passes over in silence.
    import pyarrow as pa

    try:
        yield from _chunks(pa.CompressedInputStream(raw, "zstd"))
    except pa.ArrowException as error:
        raise OSError(str(error)) from error


_DECOMPRESSED: dict[str, Callable[[Any], Iterator[bytes]]] = {
    ".gz": lambda raw: _chunks(gzip.GzipFile(fileobj=raw)),
    ".xz": lambda raw: _joined(raw, lzma.LZMADecompressor),
    ".bz2": lambda raw: _joined(raw, bz2.BZ2Decompressor),
    ".zst": _zstandard,
}


class _Limited(io.RawIOBase):
    """Bytes that come in chunks, up to a limit."""

    def __init__(self, chunks: Iterator[bytes], limits: Limits) -> None:
        self._chunks, self._limits, self._rest, self._read = chunks, limits, b"", 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        self._read += count
        if self._read > self._limits.file:
            raise UnusableError(self._limits.file_too_long())
        return count


def _limited(chunks: Iterator[bytes], limits: Limits) -> "io.BufferedReader[Any]":
    return io.BufferedReader(_Limited(chunks, limits), _CHUNK)


# Archives with a password and unknown methods of compression raise the last two.
_ZIP = (zipfile.BadZipFile, RuntimeError, NotImplementedError)


@contextmanager
def _damage_reported(suffix: str | None) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise UnusableError(f"cannot be read ({error.strerror}); check the file") from error
    except MemoryError as error:
        raise UnusableError("needs more memory than there is; split the file") from error
    except (OSError, EOFError, zlib.error, lzma.LZMAError, *_ZIP) as error:
        kinds = {**COMPRESSIONS, ".zip": "zip"}
        what = f"has damaged {kinds[suffix]} data" if suffix else "cannot be read"
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnusableError(f"{what} ({reason[:200]}); fetch or write the file again") from error
