"""Where the files of docs/data.md lie."""

from __future__ import annotations

import os
from pathlib import Path

DATA = Path(os.environ.get("BLOCKLENS_DATA", Path(__file__).parents[2] / "shared" / "data"))
