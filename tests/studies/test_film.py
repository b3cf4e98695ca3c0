"""The film of a run: every checkpoint studied, untrained twins once, and gone on with."""

import json

import pandas as pd
import pytest
import torch
import transformers as tr
from typer.testing import CliRunner

from blocklens.cli import app
from blocklens.errors import UserError
from blocklens.studies.film import film
from blocklens.studies.study_options import StudyOptions
from blocklens.studies.training_run import checkpoints
from helpers import SMALL, random_texts, small_tokenizer

TEXTS = random_texts(24, seed=5)
OPTIONS = StudyOptions(parts=("heads",), untrained=2, examples=1)


def save(folder, seed):
    torch.manual_seed(seed)
    tr.BertForMaskedLM(tr.BertConfig.from_dict(SMALL)).save_pretrained(folder)
    small_tokenizer().save_pretrained(folder)


@pytest.fixture
def run(tmp_path):
    """A run's folder with two milestones, and what is no checkpoint."""
    for step in (5, 40):
        save(tmp_path / "bert" / "milestones" / f"checkpoint-{step}", step)
    (tmp_path / "bert" / "milestones" / "checkpoint-7").mkdir()  # without a model
    (tmp_path / "bert" / "latest").mkdir()
    return tmp_path / "bert"


def test_twins_are_measured_once_and_a_new_checkpoint_alone_later(run, tmp_path, measured):
    found = film(TEXTS, run, tmp_path / "film", options=OPTIONS)
    assert measured == ["encoder", "untrained 0", "untrained 1", "shuffled", "encoder", "shuffled"]
    assert found is not None
    assert sorted(set(found.series["step"])) == [5, 40]
    twins = [
        pd.read_parquet(tmp_path / "film" / "studies" / name / "tables" / "sums.parquet")
        .query("run == 'untrained 1'")
        .reset_index(drop=True)
        for name in ("checkpoint-5", "checkpoint-40")
    ]
    pd.testing.assert_frame_equal(*twins)
    measured.clear()
    save(run / "milestones" / "checkpoint-300", 300)
    film(TEXTS, run, tmp_path / "film", options=OPTIONS)
    assert measured == ["encoder", "shuffled"]
    assert "3 checkpoints of one training run" in (tmp_path / "film" / "report.html").read_text()


def test_the_twins_of_a_film_are_those_of_a_study(run, tmp_path, measured):
    from blocklens.studies.study import study

    film(TEXTS, run, tmp_path / "film", options=OPTIONS)
    alone = study(
        TEXTS, run / "milestones" / "checkpoint-40", tmp_path / "alone",
        options=OPTIONS, report=False,
    )  # fmt: skip
    assert measured.count("untrained 0") == 2
    in_film = tmp_path / "film" / "studies" / "checkpoint-40" / "tables"
    for name in ("heads", "claims"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(in_film / f"{name}.parquet"), alone.table(name)
        )


def test_the_command_writes_the_page_and_the_verdicts_along_the_run(run, tmp_path):
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    given = [
        "--run",
        str(run),
        "--parts",
        "heads",
        "--untrained",
        "0",
        "--out",
        str(tmp_path / "f"),
    ]
    done = CliRunner().invoke(app, ["film", str(texts), *given])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "f" / "report.html").read_text("utf-8")
    assert 'data-chart="training-verdicts"' in page
    assert 'data-chart="training-heads"' in page


def test_checkpoints_are_in_the_order_of_their_steps(tmp_path):
    for step in (1000, 20, 300):  # as the Trainer lays them
        save(tmp_path / f"checkpoint-{step}", 0)
    assert [place.name for place in checkpoints(tmp_path)] == [
        "checkpoint-20", "checkpoint-300", "checkpoint-1000",
    ]  # fmt: skip


def test_what_cannot_be_a_film_is_one_line(run, tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        film(TEXTS, tmp_path / "nowhere", tmp_path / "film")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="0 checkpoints; a film takes two or more"):
        film(TEXTS, tmp_path / "empty", tmp_path / "film")
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(UserError, match="holds other files"):
        film(TEXTS, run, tmp_path)
