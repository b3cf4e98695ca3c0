"""Vega's own scripts, for every page: made once and kept among the user's caches."""

import hashlib
import os
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import vl_convert

from blocklens.errors import UserError
from blocklens.storage import lone_file


@cache
def vega_bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one module script without imports.

    Making it takes seconds and gives the same every time, so it is kept under its digest; a copy
    that is damaged is made anew, and where none can be kept nothing is said.
    """
    folder = _folder()
    named = f"vega-{version('vl-convert-python')}"
    with suppress(OSError, UnicodeError):
        for kept in folder.glob(f"{named}-*.js"):
            bundle = kept.read_text("utf-8")
            if kept.stem == f"{named}-{_digest(bundle)}":
                return bundle
    bundle = vl_convert.javascript_bundle()  # pyright: ignore[reportCallIssue] (its stub knows no defaults)
    if "</script" in bundle.lower():
        raise RuntimeError("the Vega bundle closes its own script element")
    kept = folder / f"{named}-{_digest(bundle)}.js"
    with suppress(UserError), lone_file(kept) as partial:
        partial.write_text(bundle, "utf-8")
    return bundle


def _folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return Path(home) / "blocklens"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]
