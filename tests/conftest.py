"""Fixtures, and shapes that are checked: what a signature says of a tensor holds in every test."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

CHECKED = [
    "blocklens.confidence",
    "blocklens.encoder",
    "blocklens.heads",
    "blocklens.inputs.class_samples",
    "blocklens.inputs.tokenising",
    "blocklens.inputs.windows",
    "blocklens.labels",
    "blocklens.pretraining.bert",
    "blocklens.pretraining.corpus",
    "blocklens.pretraining.descent",
    "blocklens.pretraining.first_weights",
    "blocklens.pretraining.gradients",
    "blocklens.pretraining.masking",
    "blocklens.pretraining.muon",
    "blocklens.pretraining.packing",
    "blocklens.pretraining.vit",
    "blocklens.readouts.block_outputs",
    "blocklens.readouts.class_heads",
    "blocklens.readouts.class_task",
    "blocklens.readouts.confused_images",
    "blocklens.readouts.control_task",
    "blocklens.readouts.cost",
    "blocklens.readouts.finetuning",
    "blocklens.readouts.modified_tokens",
    "blocklens.readouts.tfidf",
    "blocklens.readouts.token_task",
    "blocklens.readouts.vocabulary_heads",
    "blocklens.readouts.vocabulary_training",
    "blocklens.report.charts.head_grid",
    "blocklens.report.charts.matrices",
    "blocklens.report.charts.one_head",
    "blocklens.segmentation",
]
"""Modules where tensors are: their functions and dataclasses are checked by beartype in the tests.

The other rooms read tables, files and options. What is wrong in those is told in words, so their
tests give what is wrong (`token_settings`: an option that cannot be); beartype would speak first.
"""

install_import_hook(CHECKED, "shape_checker.checked")


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


@pytest.fixture(scope="session")
def chromium():
    """A running Chromium: from CHROMIUM, or where Debian puts it."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(path).exists():
        pytest.skip("no Chromium: install Debian's, or name one in CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
