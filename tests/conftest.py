"""Fixtures, and the marker of tests that need the real data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def data_folder() -> Path:
    return Path(
        os.environ.get("BLOCKLENS_DATA", Path(__file__).parents[1] / ".." / "shared" / "data")
    )


@pytest.fixture(scope="session")
def data() -> Path:
    folder = data_folder()
    if not folder.is_dir():
        pytest.skip("the data folder is absent: set BLOCKLENS_DATA")
    return folder
