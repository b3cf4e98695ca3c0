"""A study is a folder that appears whole, goes on where it stopped, and measures nothing twice."""

import errno
import json

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from pydantic import ValidationError

from blocklens import storage
from blocklens.errors import UserError
from blocklens.inputs.texts import TextSource
from blocklens.progress import SILENT, Progress, Stage
from blocklens.studies import study as studies
from blocklens.studies.part import Part, Result, Step
from blocklens.studies.study import study
from blocklens.studies.study_options import StudyOptions
from helpers import random_texts, small_encoder, write_record

TEXTS = random_texts(24, seed=5)
OPTIONS = StudyOptions(parts=("heads",), untrained=1, examples=1)


class StopAt(Progress):
    """Someone presses Ctrl-C in a step, once some texts of it are done."""

    def __init__(self, step, here=False):
        self.step, self.here = step, here

    def within(self, name):
        return StopAt(self.step, name == self.step)

    def stage(self, name, total=None, unit="texts"):
        stage = Stage(name, total, unit)

        def stop(count=1):
            stage.done += count
            if self.here and stage.done > 3:
                raise KeyboardInterrupt

        stage.advance = stop
        return stage


def run(folder, encoder=None, texts=TEXTS, options=OPTIONS, progress=SILENT):
    encoder = encoder or small_encoder()
    source = TextSource(texts)
    return study(source, encoder, folder, options=options, report=False, progress=progress)


def test_the_folder_holds_every_table_and_says_what_was_done(tmp_path):
    found = run(tmp_path / "study")
    for name in ("heads", "sums", "distances", "labels", "anchors"):
        assert set(found.table(name)["run"]) == {"encoder", "untrained 0", "shuffled"}
    assert set(found.claims["verdict"]) <= {"holds", "does not hold", "undecided", "not applicable"}
    assert len(found.claims) >= 8
    said = json.loads((tmp_path / "study" / "study.json").read_text())
    assert said["texts"]["count"] == 24
    assert said["texts"]["unit"] == "text"
    assert said["options"]["heads"]["cut"] == 0.01
    assert set(said["hashes"]) == {"texts", "encoder"}
    assert not list((tmp_path / "study").rglob("*.partial"))


def test_the_same_study_again_measures_nothing_and_changes_no_table(tmp_path, measured):
    first = run(tmp_path / "study")
    before = first.table("heads")
    assert measured == ["encoder", "untrained 0", "shuffled"]
    again = run(tmp_path / "study")
    assert measured == ["encoder", "untrained 0", "shuffled"]
    assert_frame_equal(again.table("heads"), before)


def test_one_more_control_measures_that_control_alone(tmp_path, measured):
    run(tmp_path / "study")
    run(tmp_path / "study", options=StudyOptions(parts=("heads",), untrained=2, examples=2))
    assert measured == ["encoder", "untrained 0", "shuffled", "untrained 1"]


def test_other_texts_or_another_encoder_are_measured_again(tmp_path, measured):
    run(tmp_path / "study")
    run(tmp_path / "study", texts=TEXTS[:23])
    run(tmp_path / "study", texts=TEXTS[:23], encoder=small_encoder(seed=1))
    of_other_weights = ["encoder", "shuffled"]  # its untrained twins are the same
    assert measured == ["encoder", "untrained 0", "shuffled"] * 2 + of_other_weights


def test_a_stopped_study_goes_on_where_it_stopped(tmp_path, measured):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "study", progress=StopAt("heads, untrained 0"))
    assert measured == ["encoder", "untrained 0"]
    assert not (tmp_path / "study" / "tables").exists()
    resumed = run(tmp_path / "study")
    assert measured == ["encoder", "untrained 0", "untrained 0", "shuffled"]
    assert_frame_equal(resumed.table("heads"), run(tmp_path / "whole").table("heads"))


def test_the_same_study_twice_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        run(tmp_path / name)
    for table in (tmp_path / "one" / "tables").iterdir():
        assert table.read_bytes() == (tmp_path / "two" / "tables" / table.name).read_bytes()


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(UserError, match="choose another folder with --out"):
        run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="a file; choose another folder"):
        run(tmp_path / "file")
    with pytest.raises(UserError, match="a file is in the way"):
        run(tmp_path / "file" / "below")


def test_a_full_disk_is_one_line_and_leaves_no_half_file(tmp_path, monkeypatch):
    def full(self, path, **options):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    with pytest.raises(UserError, match="the disk is full"):
        run(tmp_path / "study")
    assert not [
        p
        for p in (tmp_path / "study").rglob("*")
        if "partial" in p.name or p.name == "heads.parquet"
    ]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    def refused(self, *rest, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(storage.Path, "mkdir", refused)
    with pytest.raises(UserError, match="cannot be written: choose another folder"):
        run(tmp_path / "study")


@pytest.mark.parametrize("kind", ["loses a text", "gains a text", "another text"])
@pytest.mark.parametrize("part", ["heads", "learned"])
def test_texts_that_change_while_they_are_measured_are_not_kept(kind, part, tmp_path, monkeypatch):
    file = tmp_path / "texts.jsonl"
    lines = [json.dumps({"text": text}) + "\n" for text in TEXTS]
    file.write_text("".join(lines))
    changed = {
        "loses a text": lines[:12], "gains a text": [*lines, lines[0]],
        "another text": [lines[1], *lines[1:]],
    }[kind]  # fmt: skip
    begin = studies.StudyRun.measure

    def change_first(self, part):  # the texts were hashed, and nothing is measured yet
        file.write_text("".join(changed))
        return begin(self, part)

    encoder = small_encoder(num_hidden_layers=2)
    options = StudyOptions(parts=(part,), untrained=0, shuffled=False, examples=0)
    with monkeypatch.context() as patch:
        patch.setattr(studies.StudyRun, "measure", change_first)
        with pytest.raises(UserError, match="the texts changed while they were measured"):
            run(tmp_path / "study", encoder, file, options)
    assert not (tmp_path / "study" / "runs").exists()
    assert not (tmp_path / "study" / "tables").exists()


def test_a_link_in_the_place_of_a_folder_is_refused_and_what_it_leads_to_stays(tmp_path):
    write_record(tmp_path / "study")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "heads.parquet").write_bytes(b"mine")
    for name in ("tables", "runs", "examples", "model"):
        link = tmp_path / "study" / name
        link.symlink_to(foreign)
        with pytest.raises(UserError, match="a link to a folder; results are not written through"):
            run(tmp_path / "study")
        link.unlink()
    assert (foreign / "heads.parquet").read_bytes() == b"mine"


def test_texts_that_the_tokenizer_does_not_know_are_said_before_all_figures(tmp_path):
    said = []

    class Saying(Progress):
        def say(self, line):
            said.append((line, len(list(tmp_path.glob("runs/heads/*")))))

        def within(self, name):
            return SILENT

    strange = [f"{text} Ω Ψ Ж Ω" for text in TEXTS]
    options = StudyOptions(parts=("heads",), untrained=0, examples=1)
    study(strange, small_encoder(), tmp_path, options=options, progress=Saying())
    warning = json.loads((tmp_path / "study.json").read_text("utf-8"))["warning"]
    assert said == [(warning, 0)]  # before anything is measured
    head = (tmp_path / "report.html").read_text("utf-8").partition("<main>")[0]
    assert warning in head
    study(TEXTS, small_encoder(), tmp_path, options=options)
    assert "warning" not in json.loads((tmp_path / "study.json").read_text("utf-8"))
    head = (tmp_path / "report.html").read_text("utf-8").partition("<main>")[0]
    assert warning not in head


def test_unknown_options_are_errors():
    with pytest.raises(ValidationError, match="Extra inputs"):
        StudyOptions.model_validate({"cuts": 3})


def test_every_skipped_text_is_named_though_the_examples_end_a_pass_early(tmp_path):
    texts = [*TEXTS, "", "a"]  # the first bad text is the reader's, the second the windows'
    run(tmp_path / "study", texts=texts)
    said = json.loads((tmp_path / "study" / "study.json").read_text())["texts"]
    assert said["count"] == 24
    assert said["skipped"] == len(said["skipped_list"]) == 2


@pytest.fixture
def another_part(monkeypatch):
    """A study with a second part: the number of blocks, for encoders of more than two."""

    def counts(work):
        def count(progress):
            calls.append(work.encoder.name)
            table = pd.DataFrame({"run": ["encoder"], "blocks": [work.encoder.blocks]})
            return Result({"counted": table}, {"counted": True})

        if work.encoder.blocks < 3:
            return "Blocks were not counted: there are few."
        steps = [Step("encoder", "blocks", count)]
        return Part("counts", 1, steps, notes=lambda *_: ["Blocks were counted."])

    calls = []
    monkeypatch.setitem(studies.PARTS, "counts", counts)
    return calls


def said(folder):
    return json.loads((folder / "study.json").read_text())


def test_a_part_more_is_one_more_table_and_is_kept_like_the_others(tmp_path, another_part):
    given = StudyOptions(untrained=0, shuffled=False)
    run(tmp_path / "study", options=given)
    found = run(tmp_path / "study", options=given)
    assert found.table("counted")["blocks"].tolist() == [4]
    assert another_part == ["small BERT"]
    assert said(tmp_path / "study")["parts"]["counts"] == {"encoder": {"counted": True}}
    assert "Blocks were counted." in said(tmp_path / "study")["notes"]


def test_a_part_that_cannot_be_measured_is_one_note_and_by_name_an_error(tmp_path, another_part):
    encoder = small_encoder(num_hidden_layers=2)
    few = StudyOptions(untrained=0, shuffled=False)
    run(tmp_path / "study", encoder, options=few)
    assert said(tmp_path / "study")["notes"].count("Blocks were not counted: there are few.") == 1
    assert not (tmp_path / "study" / "tables" / "counted.parquet").exists()
    with pytest.raises(UserError, match="there are few"):
        run(tmp_path / "study", encoder, options=StudyOptions(parts=("counts",)))


def test_a_part_that_is_no_longer_asked_for_leaves_no_table(tmp_path, another_part):
    run(tmp_path / "study", options=StudyOptions(untrained=0, shuffled=False, examples=1))
    run(tmp_path / "study", options=StudyOptions(parts=("counts",)))
    tables = {path.stem for path in (tmp_path / "study" / "tables").iterdir()}
    assert tables == {"counted", "claims"}
    assert not (tmp_path / "study" / "examples").exists()


def test_an_unknown_part_is_named(tmp_path):
    with pytest.raises(UserError, match="'tails' is none of a study; the parts are heads"):
        run(tmp_path / "study", options=StudyOptions(parts=("heads", "tails")))


def test_texts_of_two_to_four_words_have_a_report_with_statements_left_open(tmp_path):
    texts = ["a b", "c d e", "f g h i", "j k"]
    few = StudyOptions(parts=("heads",), untrained=1, shuffled=False)
    found = study(texts, small_encoder(), tmp_path / "out", options=few)
    assert (tmp_path / "out" / "report.html").is_file()
    assert set(found.claims["verdict"]) <= {"undecided", "not applicable"}
