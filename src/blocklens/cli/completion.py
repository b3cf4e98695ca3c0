"""What a shell completes: paths, and encoders that are on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from blocklens.embedded.bert6 import EMBEDDED


def paths(incomplete: str) -> list[str]:
    """Files and folders whose path begins so; a folder ends with a slash."""
    folder, begun = os.path.split(incomplete)
    try:
        entries = sorted(os.scandir(Path(folder or ".").expanduser()), key=lambda one: one.name)
    except OSError:
        return []
    return [
        str(Path(folder, entry.name)) + "/" * entry.is_dir()
        for entry in entries
        if entry.name.startswith(begun) and (begun or not entry.name.startswith("."))
    ]


def encoders(incomplete: str) -> list[str]:
    """The embedded encoder, the models in the Hub's cache, and folders."""
    home = os.environ.get("HF_HOME", "~/.cache/huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE", Path(home, "hub"))).expanduser()
    kept = [one.name.removeprefix("models--").replace("--", "/") for one in cache.glob("models--*")]
    known = [name for name in (EMBEDDED, *sorted(kept)) if name.startswith(incomplete)]
    return known + [path for path in paths(incomplete) if path.endswith("/")]


COMPLETE = {"path": paths, "encoder": encoders}
