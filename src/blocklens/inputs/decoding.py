"""The bytes of a file as text: UTF-8, with or without a byte order mark."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

from blocklens.inputs.fields import Bad
from blocklens.inputs.limits import Limits
from blocklens.inputs.opening import UnusableError

_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_LINE_BREAK = re.compile("\r\n|[\r\x0b\x0c\x85]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
NO_CHARACTER = re.compile("[\ud800-\udfff\ufffe\uffff]")


def lines_of(stream: io.BufferedReader, limits: Limits) -> Iterator[bytes]:
    """The lines of a file. Raises `UnusableError` at one longer than a record may be."""
    for number, line in enumerate(iter(lambda: stream.readline(limits.record + 1), b""), start=1):
        if len(line) > limits.record:
            raise UnusableError(f"line {number} {limits.record_too_long()}")
        yield line


@contextmanager
def as_text(stream: io.BufferedReader) -> Iterator[io.TextIOWrapper]:
    """Decode a stream and leave it open; bytes that are not UTF-8 become lone surrogates."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield text
    finally:
        if not text.closed:  # a reader that was left early closes its file first
            text.detach()


def decoded(data: bytes) -> str:
    """The text of a record; a `Bad` where it is none."""
    if b"\0" in data:
        return Bad("is binary (it has NUL bytes); give text in UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Bad(not_utf8(data[error.start], error.start))


def checked(text: str) -> str:
    """Turn a text with bytes that were no UTF-8 (kept as lone surrogates) into a `Bad`."""
    label = getattr(text, "label", None)
    for part in (text, label):
        if isinstance(part, Bad) or not isinstance(part, str) or part.isascii():
            continue
        if byte := _ESCAPED_BYTE.search(part):
            return Bad(not_utf8(ord(byte[0]) - 0xDC00))
    return text


def not_utf8(byte: int, position: int | None = None) -> str:
    """Why a record with such a byte is no text."""
    where = "" if position is None else f" at position {position}"
    return f"is not UTF-8 (byte 0x{byte:02X}{where}); convert it to UTF-8 (for example with iconv)"


def clean(text: str) -> str:
    r"""Make line ends \n, control characters spaces, and what is no character U+FFFD.

    So that no tokenizer, table, HTML page or SVG further on meets what it cannot hold.
    """
    text = _LINE_BREAK.sub("\n", text.removeprefix("\ufeff"))
    return NO_CHARACTER.sub("\ufffd", _CONTROL.sub(" ", text))
