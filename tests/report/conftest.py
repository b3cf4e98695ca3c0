"""One made-up study folder with its page."""

from pathlib import Path

import pytest
from synthetic import Shape, build_study
from synthetic_learned import add_learned

from blocklens.report import StudyFolder, write_report


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    build_study(folder, Shape(blocks=3, heads=4, tokens=48, examples=2))
    add_learned(folder)
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def folder(study: Path) -> StudyFolder:
    """What is read of the study, this one or a module's own."""
    return StudyFolder.read(study)


@pytest.fixture(scope="session")
def page(study: Path) -> str:
    return (study / "report.html").read_text("utf-8")
