"""Figures are written where they are asked for, and only there."""

from pathlib import Path

import pandas as pd
from typer.testing import CliRunner

from blocklens.claims import evaluate
from blocklens.cli import app
from blocklens.cli.verdicts import summarise
from blocklens.studies.runner import Study
from helpers import write_record

GOLDEN = Path(__file__).parents[1] / "golden" / "sizes"


def study_of_sizes(folder: Path) -> Study:
    """The golden study of training sizes, as a folder."""
    tables = {file.stem: pd.read_parquet(file) for file in GOLDEN.glob("*.parquet")}
    tables["claims"] = evaluate(tables)
    (folder / "tables").mkdir(parents=True)
    for name, table in tables.items():
        table.to_parquet(folder / "tables" / f"{name}.parquet")
    return Study(write_record(folder, encoder="tiny", blocks=1, heads=2))


def test_the_command_writes_every_chart_twice(tmp_path: Path):
    study = study_of_sizes(tmp_path / "study")
    result = CliRunner().invoke(app, ["figures", str(study.folder)])
    assert result.exit_code == 0, result.output
    files = {file.name for file in (study.folder / "figures").iterdir()}
    assert {"claim-p2-more-texts.svg", "claim-p2-more-texts.png"} <= files
    assert len(files) % 2 == 0


def test_the_option_writes_them_and_nothing_else_does(tmp_path: Path):
    study = study_of_sizes(tmp_path / "study")
    summarise(study)
    assert not (study.folder / "figures").exists()
    summarise(study, figures=True)
    assert (study.folder / "figures" / "claim-p2-more-texts.png").stat().st_size > 1000
