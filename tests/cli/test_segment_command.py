"""`blocklens segment` from the command line."""

import json

import pytest
from typer.testing import CliRunner

from blocklens import cli
from blocklens.errors import UserError
from blocklens.segmentation.baselines import BASELINES
from blocklens.segmentation.methods import METHODS
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
    assert markdown.stdout.count("\n## ") == 2
    (record,) = json.loads(RUNNER.invoke(cli.app, [*command, "--json"]).stdout)
    assert len(record["segments"]) == 2
    for segment in record["segments"]:
        assert segment["text"] in plain.stdout
        assert segment["text"] in markdown.stdout


def test_a_text_that_is_left_whole_is_said(model, tmp_path):
    text = tmp_path / "same.txt"
    text.write_text(6 * "The same again.\n", encoding="utf-8")
    said = RUNNER.invoke(cli.app, ["segment", str(text), "--encoder", model])
    assert "same.txt: one segment" in said.stderr
    asked = RUNNER.invoke(cli.app, ["segment", str(text), "--encoder", model, "--segments", "1"])
    assert "one segment" not in asked.stderr


def test_texts_that_the_tokenizer_does_not_know_are_said(model, text, tmp_path):
    strange = tmp_path / "ar.txt"
    strange.write_text("هذا نص قصير. هل هذا سؤال؟ نعم! وهذه جملة أخرى.", encoding="utf-8")
    said = RUNNER.invoke(cli.app, ["segment", str(strange), "--encoder", model])
    assert "does not know" in said.stderr
    known = tmp_path / "known.txt"
    known.write_text("a b c .\nb c a .\n", encoding="utf-8")
    assert (
        "does not know"
        not in RUNNER.invoke(cli.app, ["segment", str(known), "--encoder", model]).stderr
    )


def test_evaluation_gives_a_table_and_json(model, tmp_path):
    path = tmp_path / "choi.jsonl"
    record = {"segments": [["a b c .", "b c a ."], ["x y z .", "z y x ."]]}
    whole = {"segments": [["a b c ."]]}
    path.write_text((json.dumps(record) + "\n") * 3 + json.dumps(whole), encoding="utf-8")
    csv = tmp_path / "each.csv"
    command = ["segment", "--evaluate", str(path), "--encoder", model]
    scored = RUNNER.invoke(cli.app, [*command, "--json"])
    assert "two segments: 1 document; first, " in scored.stderr
    rows = json.loads(scored.stdout)
    assert {row["method"] for row in rows} == {*METHODS, *BASELINES}
    keys = {"method", "known", "documents", "segments", "true_segments"}
    corrected = ("pk_corrected", "windowdiff_corrected")
    for name in ("pk", "windowdiff", "boundary_similarity", *corrected):
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
        [*scored, "--levels", "2"],
        [*scored, "--text-field", "body"],
        [*scored, "--language", "de"],
        [*scored, "--format", "markdown"],
        [*cut, "--per-document", str(tmp_path / "scores.csv")],
        [*cut, "--where", "set=1"],
        [*cut, "--every", "2"],
        [*cut, "--by", "range"],
        [*cut, "--unit", "words"],
        [*cut, "--untrained", "1"],
    ):
        found = RUNNER.invoke(cli.app, command)
        assert isinstance(found.exception, UserError), (command, found.output)
        assert "leave it out" in str(found.exception)


@pytest.fixture
def choi(tmp_path):
    path = tmp_path / "choi.jsonl"
    record = {"segments": [["a b c .", "b c a .", "c a ."], ["x y z .", "z y x ."]]}
    lines = [json.dumps({**record, "set": n % 2, "range": r}) for n, r in enumerate("aabbcc")]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def rows_of(model, choi, *options):
    command = ["segment", "--evaluate", choi, "--encoder", model, "--json", *options]
    found = RUNNER.invoke(cli.app, command)
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_documents_to_score_are_chosen_and_summarised_by_their_fields(model, choi):
    chosen = ["--method", "context", "--method", "even"]
    assert {row["documents"] for row in rows_of(model, choi, *chosen)} == {6}
    assert {row["documents"] for row in rows_of(model, choi, *chosen, "--where", "set=1")} == {3}
    some = rows_of(model, choi, *chosen, "--where", "range=a,b", "--every", "3")
    assert {row["documents"] for row in some} == {2}
    by = rows_of(model, choi, *chosen, "--by", "range")
    assert [(row["range"], row["documents"]) for row in by if row["known"]] == [
        (r, 2) for r in "abc" for _ in chosen[1::2]
    ]


def test_one_document_has_no_interval(model, choi, tmp_path):
    only = ["--method", "even", "--texts", "1"]
    rows = rows_of(model, choi, *only, "--out", str(tmp_path / "one"), "--untrained", "0")
    assert all(row["pk"] >= 0 and row["pk_low"] is row["pk_high"] is None for row in rows)
    shown = RUNNER.invoke(cli.app, ["segment", "--evaluate", choi, "--encoder", model, *only])
    assert " to " not in shown.stdout.split("Means")[0]
    assert (
        "nan"
        not in shown.stdout
        + (tmp_path / "one" / "report.html")
        .read_text("utf-8")
        .split("</table>")[0]
        .rpartition("<table")[2]
        .lower()
    )


def test_an_evaluation_in_a_folder_prints_the_same_and_adds_an_untrained_twin(
    model, choi, tmp_path
):
    plain = rows_of(model, choi, "--method", "context")
    out = tmp_path / "scores"
    rows = rows_of(model, choi, "--method", "context", "--out", str(out))
    assert {row["method"] for row in rows} == {"context", "untrained 0"}
    assert [row for row in rows if row["method"] == "context"] == plain
    assert (out / "report.html").exists()


def test_a_folder_with_other_things_in_it_is_refused_before_anything_is_segmented(
    model, text, tmp_path
):
    found = RUNNER.invoke(cli.app, ["segment", text, "--encoder", model, "--out", str(tmp_path)])
    assert isinstance(found.exception, UserError), found.output
    assert "holds other files" in str(found.exception)
    assert found.stdout == ""


def test_texts_in_a_folder_are_printed_as_well(model, text, tmp_path):
    command = ["segment", text, "--encoder", model, "--segments", "2"]
    out = tmp_path / "view"
    found = RUNNER.invoke(cli.app, [*command, "--out", str(out)])
    assert found.exit_code == 0, found.output
    assert found.stdout == RUNNER.invoke(cli.app, command).stdout
    assert "Three here." in (out / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--where", "set"], "expected FIELD=VALUE"),
        (["--where", "colour=red"], "no field colour"),
        (["--where", "set=7"], "no document with set=7"),
        (["--every", "0"], "expected 1 or more"),
        (["--untrained", "-1"], "expected 0 or more"),
        (["--by", "colour"], "no such field"),
        (["--per-document", "{folder}"], "a folder; name a file"),
        (["--per-document", "{folder}/choi.jsonl/scores.csv"], "a file is in the way"),
        (["--out", "{folder}"], "holds other files"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_anything_is_measured(
    model, choi, tmp_path, monkeypatch, options, words
):
    monkeypatch.setattr(
        "blocklens.encoder.trunk.Encoder.load", None
    )  # a call would be no UserError
    options = [option.format(folder=tmp_path) for option in options]
    found = RUNNER.invoke(cli.app, ["segment", "--evaluate", choi, "--encoder", model, *options])
    assert isinstance(found.exception, UserError), found.output
    assert words in str(found.exception)
    assert "\n" not in str(found.exception)


TABLE = "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n"
CODE = "def f(x):\n    return [x for _ in range(3)]\n\n\nprint(f(2))  # done\n"
ODD_TEXTS = {
    "no border": "word " * 400,
    "one sentence": "One sentence only.",
    "one letter": "a",
    "Chinese": "文本没有空格。第二句话在这里。第三句话在这里。",
    "Thai": "ภาษาไทยไม่มีช่องว่างระหว่างคำ" * 20,
    "Arabic": "هذه جملة أولى. وهذه جملة ثانية. وهذه جملة ثالثة.",
    "German": "Ein Satz. Noch ein Satz! Und z. B. ein dritter?",
    "no spaces": "x" * 3000,
    "table": TABLE,
    "tabs": "a\tb\tc\n1\t2\t3\n" * 20,
    "code": CODE,
    "punctuation": "!!! ??? ... --- ***",
    "emoji": "🙂🙂🙂 👍. 🙂!",
    "zero bytes and odd spaces": "a\u00a0b. c\u200bd. e\x0bf.",
}


@pytest.mark.parametrize("kind", ODD_TEXTS)
def test_odd_texts_come_back_whole(model, tmp_path, kind):
    path = tmp_path / "odd.txt"
    path.write_text(ODD_TEXTS[kind], encoding="utf-8")
    for method in ("context", "both"):
        command = ["segment", str(path), "--encoder", model, "--method", method, "--json"]
        found = RUNNER.invoke(cli.app, command)
        assert found.exit_code == 0, found.output
        (record,) = json.loads(found.stdout)
        joined = "".join(segment["text"] for segment in record["segments"])
        assert "".join(joined.split()) == "".join(ODD_TEXTS[kind].split())


@pytest.mark.parametrize("kind", ["no border", "one sentence", "Thai", "no spaces"])
def test_more_segments_than_sentences_are_refused_in_one_line(model, tmp_path, kind):
    path = tmp_path / "odd.txt"
    path.write_text(ODD_TEXTS[kind], encoding="utf-8")
    found = RUNNER.invoke(cli.app, ["segment", str(path), "--encoder", model, "-n", "5"])
    assert isinstance(found.exception, UserError), found.output
    assert "5 segments asked of 1 sentence;" in str(found.exception)
    assert "odd.txt" in str(found.exception)


@pytest.mark.parametrize("content", ["", " \n\t\n"])
def test_a_text_without_words_is_named(model, tmp_path, content):
    path = tmp_path / "empty.txt"
    path.write_text(content, encoding="utf-8")
    found = RUNNER.invoke(cli.app, ["segment", str(path), "--encoder", model])
    assert found.exit_code != 0
    assert isinstance(found.exception, UserError), found.output
    assert "empty.txt" in str(found.exception)
