"""What `blocklens predict` writes."""

import csv
from types import SimpleNamespace

from typer.testing import CliRunner

from blocklens.cli import app
from blocklens.readouts import prediction


def test_a_table_of_answers_holds_no_formula(tmp_path, monkeypatch):
    names = ["=cmd|' /C calc'!A0", "-1"]
    answer = prediction.Prediction(
        name="@SUM(A1)",
        label=names[0],
        confidence=0.75,
        probabilities=dict(zip(names, (0.75, 0.25), strict=True)),
    )
    monkeypatch.setattr(
        prediction, "load_classifier", lambda *_, **__: SimpleNamespace(names=names)
    )
    monkeypatch.setattr(prediction, "predict", lambda *_, **__: [answer])
    (tmp_path / "texts.txt").write_text("A text.")
    out = tmp_path / "answers.csv"
    given = ["predict", "model", str(tmp_path / "texts.txt"), "--out", str(out), "--all"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    with out.open(newline="") as file:
        heads, row = csv.reader(file)
    assert heads == ["name", "label", "confidence", f"'{names[0]}", "-1"]
    assert row == ["'@SUM(A1)", f"'{names[0]}", "0.75", "0.75", "0.25"]
