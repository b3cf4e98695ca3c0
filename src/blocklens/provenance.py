"""With what and when a study was made."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any


def made_with(packages: Iterable[str]) -> dict[str, Any]:
    """For `study.json`: `versions` of Python and of `packages`, and when it was `created` (UTC)."""
    return {
        "versions": {"python": platform.python_version(), **{p: version(p) for p in packages}},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
