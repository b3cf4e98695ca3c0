"""What `blocklens predict` writes."""

import csv
import json
from types import SimpleNamespace

import pytest
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


NAMES = ["=cmd|' /C calc'!A0", "-1"]


@pytest.fixture
def one_answer(monkeypatch):
    """A classifier that has one answer to whatever it is given."""
    answer = prediction.Prediction(
        name="@SUM(A1)",
        label=NAMES[0],
        confidence=0.75,
        probabilities=dict(zip(NAMES, (0.75, 0.25), strict=True)),
    )
    monkeypatch.setattr(
        prediction,
        "load_classifier",
        lambda *_, **__: SimpleNamespace(names=NAMES, tokenizer=small_tokenizer()),
    )
    monkeypatch.setattr(prediction, "predict", lambda *_, **__: [answer])


def answered(texts, *given):
    return CliRunner().invoke(app, ["predict", "model", str(texts), *map(str, given)])


def test_answers_are_never_written_over_what_is_read(tmp_path, one_answer):
    texts = tmp_path / "texts.csv"
    texts.write_text("text\nA text.\nAnother.\n")
    (tmp_path / "same.csv").hardlink_to(texts)
    for out in (texts, tmp_path / "same.csv"):
        result = answered(texts, "--out", out)
        assert "is what is read" in str(result.exception)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("A text.")
    assert "lies in the folder" in str(answered(folder, "--out", folder / "labels.csv").exception)
    assert texts.read_text() == "text\nA text.\nAnother.\n"
    assert [file.name for file in folder.iterdir()] == ["a.txt"]


def test_a_file_of_answers_is_what_its_name_says(tmp_path, one_answer):
    texts = tmp_path / "texts.txt"
    texts.write_text("A text.")
    for name in ("a.xlsx", "a.csv.gz", "a.json"):
        result = answered(texts, "--out", tmp_path / name)
        assert "ends in .jsonl, .csv or .tsv" in str(result.exception)
        assert not (tmp_path / name).exists()
    assert answered(texts, "--out", tmp_path / "a.tsv").exit_code == 0
    assert (tmp_path / "a.tsv").read_text().splitlines()[0] == "name\tlabel\tconfidence"
    assert answered(texts, "--out", tmp_path / "a.json", "--format", "jsonl").exit_code == 0
    assert json.loads((tmp_path / "a.json").read_text())["confidence"] == 0.75


def test_a_table_of_answers_holds_no_formula(tmp_path, one_answer):
    (tmp_path / "texts.txt").write_text("A text.")
    out = tmp_path / "answers.csv"
    given = ["predict", "model", str(tmp_path / "texts.txt"), "--out", str(out), "--all"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    with out.open(newline="") as file:
        heads, row = csv.reader(file)
    assert heads == ["name", "label", "confidence", f"'{NAMES[0]}", "-1"]
    assert row == ["'@SUM(A1)", f"'{NAMES[0]}", "0.75", "0.75", "0.25"]
