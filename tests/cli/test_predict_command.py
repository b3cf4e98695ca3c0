"""What `blocklens predict` writes."""

import csv
from types import SimpleNamespace

from typer.testing import CliRunner

from blocklens.cli import app
from blocklens.readouts import prediction
from blocklens.readouts.text_classifiers import new_classifier, save_classifier
from helpers import small_encoder, small_tokenizer


def told(folder, texts, tmp_path):
    """What stands on standard error where these texts are answered."""
    (tmp_path / "texts.txt").write_text("\n\n".join(texts))
    result = CliRunner().invoke(app, ["predict", str(folder), str(tmp_path / "texts.txt")])
    assert result.exit_code == 0, result.output
    return result.stderr


def test_many_unknown_tokens_are_said_and_few_are_not(tmp_path):
    encoder = small_encoder()
    model = new_classifier(encoder, ["cat", "dog"], blocks=1)
    save_classifier(tmp_path / "model", model, encoder.tokenizer, "#", tokens=20)
    many = told(tmp_path / "model", ["a b c d Ω Ψ"], tmp_path)
    assert "blocklens: Tokens that the tokenizer does not know: 33.3% in the first text." in many
    assert told(tmp_path / "model", ["a b c d e f"] * 3, tmp_path) == ""


def test_a_table_of_answers_holds_no_formula(tmp_path, monkeypatch):
    names = ["=cmd|' /C calc'!A0", "-1"]
    answer = prediction.Prediction(
        name="@SUM(A1)",
        label=names[0],
        confidence=0.75,
        probabilities=dict(zip(names, (0.75, 0.25), strict=True)),
    )
    monkeypatch.setattr(
        prediction,
        "load_classifier",
        lambda *_, **__: SimpleNamespace(names=names, tokenizer=small_tokenizer()),
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
