"""How much is read of a file: a hundred kilobytes can unpack to gigabytes, by malice or mistake."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

RECORD, FILE = "BLOCKLENS_MAX_RECORD_BYTES", "BLOCKLENS_MAX_FILE_BYTES"
"""Of the environment: what the command line's two options set, for every reader and process."""


def _set_or(name: str, default: int) -> int:
    said = os.environ.get(name, "")
    return int(said) if said.isdigit() else default


@dataclass(frozen=True)
class Limits:
    """Most bytes of one record, and of one file when it is unpacked."""

    record: int = field(default_factory=lambda: _set_or(RECORD, 64 << 20))
    file: int = field(default_factory=lambda: _set_or(FILE, 256 << 30))

    def record_too_long(self, unit: str = "bytes") -> str:
        """What is wrong with a longer record, and what to do."""
        return (
            f"is longer than {self.record:,} {unit}; split the text, or raise the limit "
            "(--max-record-bytes before the command; in Python: Limits(record=...))"
        )

    def file_too_long(self) -> str:
        """What is wrong with a longer file, and what to do."""
        return (
            f"holds more than {self.file:,} bytes when unpacked; the rest is not read: split it, "
            "or raise the limit (--max-file-bytes before the command; in Python: Limits(file=...))"
        )
