"""`blocklens segment` from the command line."""

import json

import pytest
from typer.testing import CliRunner

from blocklens import cli
from blocklens.errors import UserError
from blocklens.segmentation import METHODS
from blocklens.segmentation.evaluate import BASELINES
from helpers import small_encoder

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    encoder = small_encoder()
    encoder.model.save_pretrained(folder)
    encoder.tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("One here.\nTwo here.\nThree here.\nFour here.\n", encoding="utf-8")
    return str(path)


def test_text_markdown_and_json_hold_the_same_segments(model, text):
    command = ["segment", text, "--encoder", model, "--segments", "2"]
    plain = RUNNER.invoke(cli.app, command)
    assert plain.exit_code == 0, plain.output
    assert plain.stdout.count("-----") == 1
    markdown = RUNNER.invoke(cli.app, [*command, "--format", "markdown"])
    assert "\n---\n" in markdown.stdout
    (record,) = json.loads(RUNNER.invoke(cli.app, [*command, "--json"]).stdout)
    assert len(record["segments"]) == 2
    for segment in record["segments"]:
        assert segment["text"] in plain.stdout
        assert segment["text"] in markdown.stdout


def test_evaluation_gives_a_table_and_json(model, tmp_path):
    path = tmp_path / "choi.jsonl"
    record = {"segments": [["a b c .", "b c a ."], ["x y z .", "z y x ."]]}
    path.write_text((json.dumps(record) + "\n") * 3, encoding="utf-8")
    csv = tmp_path / "each.csv"
    command = ["segment", "--evaluate", str(path), "--encoder", model]
    rows = json.loads(RUNNER.invoke(cli.app, [*command, "--json"]).stdout)
    assert {row["method"] for row in rows} == {*METHODS, *BASELINES}
    keys = {"method", "known", "documents"}
    for name in ("pk", "windowdiff", "boundary_similarity"):
        keys |= {name, f"{name}_low", f"{name}_high"}
    assert all(set(row) == keys for row in rows)
    shown = RUNNER.invoke(cli.app, [*command, "--method", "c99", "--per-document", str(csv)])
    assert "c99" in shown.stdout
    assert len(csv.read_text(encoding="utf-8").splitlines()) == 1 + 3 * 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "expected files"),
        (["{text}", "--segments", "9"], "9 segments asked of 4"),
        (["{text}", "--segments", "0"], "expected 1 or more"),
        (["{text}", "--method", "magic"], "expected one of"),
        (["{text}", "--evaluate", "{text}"], "not both"),
        (["--evaluate", "missing.jsonl"], "no such file"),
        (["missing.txt"], "missing.txt"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(model, text, options, words):
    filled = [option.format(text=text) for option in options]
    found = RUNNER.invoke(cli.app, ["segment", "--encoder", model, *filled])
    assert isinstance(found.exception, UserError), found.output
    assert words in str(found.exception)
    assert "\n" not in str(found.exception)


def test_an_option_that_would_do_nothing_is_refused(model, text, tmp_path):
    scored = ["segment", "--evaluate", text, "--encoder", model]
    cut = ["segment", text, "--encoder", model]
    for command in (
        [*scored, "--segments", "3"],
        [*scored, "--text-field", "body"],
        [*cut, "--per-document", str(tmp_path / "scores.csv")],
    ):
        found = RUNNER.invoke(cli.app, command)
        assert isinstance(found.exception, UserError), found.output
        assert "leave it out" in str(found.exception)
