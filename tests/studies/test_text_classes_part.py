"""`blocklens finetune`: a folder that appears whole, and one clear line for what cannot be used."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertForMaskedLM
from typer.testing import CliRunner

from blocklens import cli
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.progress import Progress
from blocklens.studies import labelled_samples as class_texts
from blocklens.studies import text_classes_part as part
from blocklens.studies.finetune import finetune
from blocklens.studies.labelled_samples import Given
from blocklens.studies.runner import StudyRun
from blocklens.studies.study import study
from blocklens.studies.study_options import ClassOptions, StudyOptions
from helpers import WORDS, random_texts, small_encoder

CLASSES = ("first", "<script>window.hacked=1</script>", "third & last")
RUNNER = CliRunner()


def records(count=90, classes=CLASSES):
    rng = np.random.default_rng(0)
    thirds = [WORDS[9 * k : 9 * k + 9] for k in range(3)]
    return [
        {
            "text": " ".join(rng.choice(thirds[i % len(classes)], rng.integers(4, 9))) + f" {i} .",
            "label": classes[i % len(classes)],
        }
        for i in range(count)
    ]


def write(path: Path, rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("source") / "texts.jsonl", records())


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    """A folder with a small random BERT of two blocks and its masked-LM head."""
    place = tmp_path_factory.mktemp("encoder") / "bert"
    made = small_encoder(num_hidden_layers=2)
    torch.manual_seed(0)
    model = BertForMaskedLM(made.config)
    model.bert.load_state_dict(made.model.state_dict(), strict=False)
    with torch.no_grad():
        model.cls.predictions.bias[10:13] = 9.0  # some letters are all that is ever predicted
    model.save_pretrained(place)
    made.tokenizer.save_pretrained(place)
    return place


@pytest.fixture(scope="module", autouse=True)
def few_steps():
    """Read-outs of so few texts settle in fewer steps than the usual thousand."""
    with pytest.MonkeyPatch.context() as patch:
        usual = class_texts.family_training
        patch.setattr(class_texts, "family_training", lambda e: replace(usual(e), least_steps=100))
        yield


def options(source, **changes) -> ClassOptions:
    given = {
        "data": str(source),
        "seeds": 2,
        "train": 20,
        "test_size": 8,
        "untrained": 1,
    }
    if changes.get("variant", "read-out") != "read-out":
        given |= {"epochs": 1, "rate": 3e-3}
    return ClassOptions.model_validate({**given, **changes})


@pytest.fixture(scope="module")
def folder(source, encoder, tmp_path_factory) -> Path:
    """A whole study with its page: read-outs, fine-tuned classifiers, an exported block."""
    out = tmp_path_factory.mktemp("study") / "out"
    finetune(options(source, variant="both"), encoder, out, export=1)
    return out


@pytest.fixture
def measured(monkeypatch):
    """The names of what was measured, in order."""
    names = []
    for name in ("read_out_once", "twin_once", "tfidf_once", "tuned_once"):
        original = getattr(part, name)

        def watch(*args, original=original, name=name, **kwargs):
            names.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(part, name, watch)
    return names


def refusal(*arguments) -> str:
    """The one line that a command is refused with."""
    found = RUNNER.invoke(cli.app, [str(one) for one in arguments])
    assert isinstance(found.exception, UserError), found.output
    line = str(found.exception)
    assert "\n" not in line
    return line


def test_the_folder_holds_every_table_claim_and_model(folder):
    found = {path.stem for path in (folder / "tables").glob("*.parquet")}
    labels = ("learning", "seeds", "accuracy", "confusion", "clusters", "cluster_sweep", "advice")
    for name in labels:
        tasks = set(pd.read_parquet(folder / "tables" / f"{name}.parquet")["task"])
        assert tasks <= {"text", "text, fine-tuned"}, name  # a task without a cluster has none
    assert {"baseline", "confidence", "confidence_curve"} <= found
    claims = set(pd.read_parquet(folder / "tables" / "claims.parquet")["id"])
    assert {"p2-class-accuracy", "p2-finetuned-accuracy"} <= claims
    said = json.loads((folder / "study.json").read_text())
    facts = said["parts"]["classes"]["TF-IDF"]
    assert (said["finished"], facts["train"], facts["test"]) == (True, 60, 24)
    assert facts["classes"] == sorted(CLASSES)
    assert not list(folder.rglob("*.partial"))
    for place, blocks in (("model", 2), ("block-1", 1)):
        model = AutoModelForSequenceClassification.from_pretrained(folder / place)
        assert model.config.num_hidden_layers == blocks
        assert set(model.config.id2label.values()) == set(CLASSES)
        assert f"Blocks 1 to {blocks} of 2" in (folder / place / "README.md").read_text()
        assert Encoder.load(folder / place).max_tokens == 64


def test_the_page_shows_classes_by_name_and_runs_none_of_them(folder):
    page = (folder / "report.html").read_text("utf-8")
    assert "Text classes" in page
    assert "Fine-tuned up to each block" in page
    assert "TF-IDF with logistic regression" in page
    assert CLASSES[1] not in page
    assert "Confidence and input APT" in page


def test_labelled_texts_in_memory_are_those_of_the_file(source):
    table = pd.read_json(source, lines=True)
    expected = Given.of(ClassOptions.of(source)).digest()
    for given in (table, table.to_dict("records"), iter(table.to_dict("records"))):
        options = ClassOptions.of(given)
        assert Given.of(options).digest() == Given.of(options).digest() == expected


def test_only_what_has_changed_is_measured_again(source, encoder, tmp_path, measured):
    out = tmp_path / "out"
    first = options(source)
    finetune(first, encoder, out, report=False)
    assert measured == ["read_out_once", "twin_once", "tfidf_once"]
    before = (out / "tables" / "learning.parquet").read_bytes()
    measured.clear()
    finetune(first, encoder, out, report=False)
    assert measured == []
    assert (out / "tables" / "learning.parquet").read_bytes() == before
    finetune(options(source, untrained=2), encoder, out, report=False)
    assert measured == ["twin_once"]
    measured.clear()
    finetune(options(source, variant="truncate", untrained=0), encoder, out, report=False)
    assert measured == ["tuned_once"]
    measured.clear()
    finetune(first, encoder, out, report=False)  # the fine-tuned model has taken the place in model
    assert measured == ["read_out_once"]
    measured.clear()
    both = options(source, variant="both", untrained=0, batch=16)  # no read-out depends on batch
    finetune(both, encoder, out, report=False)
    assert measured == ["tuned_once"]
    measured.clear()
    finetune(options(source, tokens=20), encoder, out, report=False)
    assert measured == ["read_out_once", "twin_once", "tfidf_once"]


def test_what_the_encoder_knows_of_the_texts_is_measured_once_for_both_variants(
    source, encoder, tmp_path, monkeypatch
):
    original, given = part.measure_input_apt, []

    def watch(*args, **kwargs):
        given.append(kwargs)
        return original(*args, **kwargs)

    monkeypatch.setattr(part, "measure_input_apt", watch)
    both = options(source, variant="both", untrained=0, modified=1_000, blocks=(1,))
    finetune(both, encoder, tmp_path / "both", report=False)
    assert [one["modified"] for one in given] == [1_000]
    alone = options(source, variant="truncate", untrained=0, modified=1_000, blocks=(1,))
    finetune(alone, encoder, tmp_path / "alone", report=False)
    curves = [
        pd.read_parquet(tmp_path / name / "tables" / "confidence_curve.parquet")
        for name in ("both", "alone")
    ]
    tuned = [one.query("task == 'text, fine-tuned'").reset_index(drop=True) for one in curves]
    assert len(tuned[0]) > 0
    pd.testing.assert_frame_equal(*tuned)


def test_the_kept_read_out_answers_as_it_was_measured(source, encoder, tmp_path):
    finetune(options(source, confidence=False), encoder, tmp_path / "out", report=False)
    out = tmp_path / "new.csv"
    found = RUNNER.invoke(
        cli.app, ["predict", str(tmp_path / "out"), str(source), "--out", str(out), "--all"]
    )
    assert found.exit_code == 0, found.output
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert [row["name"] for row in rows[:2]] == ["texts.jsonl:1", "texts.jsonl:2"]
    labels = [row["label"] for row in records()]
    assert np.mean([row["label"] == label for row, label in zip(rows, labels, strict=True)]) > 0.8
    for row in rows:
        assert float(row["confidence"]) == max(float(row[name]) for name in CLASSES)


def test_predict_writes_lines_of_json_to_standard_output(folder, tmp_path):
    texts = write(tmp_path / "new.jsonl", [{"text": "a b c"}, {"text": ""}, {"text": "x y z"}])
    found = RUNNER.invoke(cli.app, ["predict", str(folder / "block-1"), str(texts)])
    assert found.exit_code == 0, found.output
    rows = [json.loads(line) for line in found.stdout.splitlines()]
    assert [row["name"] for row in rows] == ["new.jsonl:1", "new.jsonl:3"]
    assert all(set(row) == {"name", "label", "confidence"} for row in rows)
    assert "skipped new.jsonl:2: is empty" in found.stderr


def test_the_labelled_texts_are_the_same_whichever_are_drawn(source, tmp_path):
    drawn = [Given.of(options(source, **some)) for some in ({}, {"seeds": 3}, {"train": 10})]
    assert len({given.data_digest() for given in drawn}) == 1
    assert len({given.digest() for given in drawn}) == 3
    other = write(tmp_path / "texts.jsonl", records()[1:])
    assert Given.of(options(other)).data_digest() != drawn[0].data_digest()


def test_a_study_measures_labelled_texts_with_everything_else(source, encoder, tmp_path):
    chosen = StudyOptions(untrained=0, shuffled=False, examples=0, classes=options(source))
    found = study(random_texts(20), encoder, tmp_path / "out", options=chosen,
                  report=False)  # fmt: skip
    assert (found.folder / "tables" / "heads.parquet").is_file()
    hashes = json.loads((found.folder / "study.json").read_text())["hashes"]
    assert set(hashes) == {"texts", "labelled texts", "encoder"}
    assert found.table("baseline")["run"].unique().tolist() == ["TF-IDF"]
    without = StudyOptions(untrained=0, shuffled=False, examples=0)
    found = study(random_texts(20), encoder, tmp_path / "other", options=without,
                  report=False)  # fmt: skip
    notes = json.loads((found.folder / "study.json").read_text())["notes"]
    assert any("no labelled texts were given (--data)" in note for note in notes)
    with pytest.raises(UserError, match="no labelled texts were given"):
        study(["a b ."], encoder, tmp_path / "third", options=StudyOptions(parts=("classes",)))


def test_the_study_command_takes_labelled_texts_and_refuses_bad_ones_before_it_measures(
    source, encoder, tmp_path
):
    texts = write(tmp_path / "plain.jsonl", [{"text": text} for text in random_texts(20)])
    quick = ["--untrained", "0", "--no-shuffled", "--examples", "0"]
    start = ["study", str(texts), "-e", str(encoder), *quick, "--data"]
    out = tmp_path / "out"
    found = RUNNER.invoke(
        cli.app, [*start, str(source), "-o", str(out), "--parts", "heads,classes"]
    )
    assert found.exit_code == 0, found.output
    assert {"heads.parquet", "learning.parquet"} <= {p.name for p in (out / "tables").iterdir()}
    assert "p2-class-accuracy" in found.output
    page = (out / "report.html").read_text("utf-8")
    assert "Text classes" in page
    other = tmp_path / "other"
    for rows, expected in (
        (records(9, CLASSES[:1]), "one class, 'first'"),
        ([*records(9), {"text": "a", "label": 4}], "labels of mixed type"),
    ):
        bad = write(tmp_path / "bad.jsonl", rows)
        assert expected in refusal(*start, bad, "-o", other)
        assert not (other / "runs").exists()  # nothing was measured in vain


def test_what_is_odd_about_the_texts_is_said_in_the_report(encoder, tmp_path):
    rows = records()
    rows += [rows[0], {**rows[1], "label": CLASSES[0]}, {"text": " ", "label": "first"},
             {"text": "no label", "label": None}]  # fmt: skip
    data, test = write(tmp_path / "a.jsonl", rows), write(tmp_path / "b.jsonl", records(30))
    chosen = options(data, test=str(test), train=None, test_size=None, untrained=0,
                     confidence=False)  # fmt: skip
    finetune(chosen, encoder, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "left out of training: 31." in page
    assert "first label taken: 1." in page
    assert ": 2, the first a.jsonl:93: is empty" in page
    assert "No untrained twin" in page


def test_texts_that_cannot_be_used_are_one_line(encoder, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    out = tmp_path / "out"
    good = records(30)
    for rows, more, expected in (
        (records(9, CLASSES[:1]), (), "one class, 'first'; at least two are needed"),
        (good, ("--train", "10"), "10 texts, 11 asked for (10 to train and 1 to test)"),
        ([*good, {"text": "a", "label": 4}], (), "labels of mixed type: 4 in texts.jsonl:31"),
        ([{"text": "a b"}], (), "no field that is clearly the label"),
        (good, ("--label-field", "klass"), "no field 'klass' for the label"),
        ([{"text": "", "label": "x"}], (), "is empty"),
        (good, ("--markers",), "only FewRel's records say where the entities are"),
        (good, ("--preset", "fewrel"), "no FewRel record; expected tokens, a list of strings"),
        ([*good, {"text": "", "label": "x"}], ("--strict",), "texts.jsonl:31"),
    ):
        source = write(tmp_path / "texts.jsonl", rows)
        line = refusal("finetune", source, "-e", encoder, "--out", out, *more)
        assert expected in line, line
        assert not (out / "study.json").exists()
    line = refusal("finetune", "no-such-file.jsonl", "-e", encoder, "--out", out)
    assert line.startswith("no-such-file.jsonl: ")


def test_records_that_are_skipped_are_said_before_anything_is_measured(
    encoder, tmp_path, monkeypatch
):
    source = write(tmp_path / "texts.jsonl", [*records(), {"text": "a"}, {"label": "first"}])
    said = []
    progress = Progress()
    monkeypatch.setattr(progress, "say", said.append)

    def measure(*_):
        raise UserError("it begins to measure")

    monkeypatch.setattr(StudyRun, "measure", measure)
    classes = options(source)
    both = StudyOptions(parts=("classes",), classes=classes)
    for begin in (
        lambda: finetune(classes, encoder, tmp_path / "out", progress=progress),
        lambda: study(["A b c."], encoder, tmp_path / "both", options=both, progress=progress),
    ):
        said.clear()
        with pytest.raises(UserError, match="begins to measure"):
            begin()
        (line,) = (line for line in said if "skipped" in line)
        assert line.startswith("2 records skipped; first, texts.jsonl:91: has no field 'label'")


def test_a_source_whose_name_is_not_utf8_can_be_recorded():
    assert ClassOptions.of("caf\udce9.csv").model_dump()["data"] == r"caf\xe9.csv"


def test_options_that_cannot_be_are_one_line(source, encoder, tmp_path):
    start = ["finetune", source, "-e", encoder, "--out", tmp_path / "out"]
    for arguments, expected in (
        (["--seeds", "0"], "--seeds 0: expected 1 or more"),
        (["--rate", "0"], "--rate 0"),
        (["--variant", "truncate", "--blocks", "1,7"], "cannot stop after block 7: it has blocks"),
        (["--blocks", "1"], "--blocks: would do nothing here; it goes with --variant truncate"),
        (["--epochs", "9"], "--epochs: would do nothing here; it goes with --variant truncate"),
        (["--variant", "truncate", "--pooling", "mean"], "goes with --variant read-out"),
        (["--blocks", "one", "--variant", "both"], "--blocks one: expected a whole number"),
        (["--export-block", "0"], "cannot stop after block 0: it has blocks 1 to 2"),
        (["--export-block", "1", "--pooling", "mean"], "leave out --pooling mean"),
    ):
        assert expected in refusal(*start, *arguments)
    assert "read twice" in refusal("finetune", "-", "-e", encoder, "--out", tmp_path / "out")
    assert "no config.json" in refusal("predict", tmp_path, source)


def test_an_exported_block_goes_with_the_labels_it_was_made_from(encoder, tmp_path, monkeypatch):
    said = []

    class Listening(Progress):
        def say(self, line):
            said.append(line)

    def run(classes, **given):
        source = write(tmp_path / "texts.jsonl", records(classes=classes))
        chosen = options(source, seeds=1, untrained=0, confidence=False)
        finetune(chosen, encoder, tmp_path / "out", report=False, progress=Listening(), **given)

    run(CLASSES, export=1)
    run(CLASSES)
    assert (tmp_path / "out" / "block-1" / "config.json").is_file()
    assert not [line for line in said if "block-1" in line]
    run(("x", "y", "z"))
    assert not (tmp_path / "out" / "block-1").exists()
    assert "block-1 was made from other labels" in said[-1]
    (tmp_path / "out" / "block-2").mkdir()  # of an earlier version, say
    run(("x", "y", "z"))
    assert (tmp_path / "out" / "block-2").exists()
    assert "block-2 may be of other labels" in said[-1]


def test_the_command_says_the_verdicts_the_advice_and_where_the_report_is(
    source, encoder, tmp_path
):
    out = tmp_path / "out"
    arguments = ["--seeds", "2", "--no-confidence", "--export-block", "1", "--margin", "100"]
    found = RUNNER.invoke(
        cli.app, ["finetune", str(source), "-e", str(encoder), "-o", str(out), *arguments]
    )
    assert found.exit_code == 0, found.output
    assert "p2-class-accuracy" in found.output
    assert "no shortening is advised" in found.output
    assert str(out / "report.html") in found.output.replace("\n", "")
    assert AutoModelForSequenceClassification.from_pretrained(out / "block-1") is not None


def test_help_shows_examples():
    for command, example in (
        ("finetune", "--preset fewrel"),
        ("predict", "predict finetune-study"),
    ):
        found = RUNNER.invoke(cli.app, [command, "--help"])
        assert found.exit_code == 0
        assert example in found.output
