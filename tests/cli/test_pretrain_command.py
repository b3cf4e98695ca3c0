import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from blocklens.cli import app
from blocklens.errors import UserError
from blocklens.pretraining.train_sizes import read_sizes, sizes_table
from blocklens.studies.sizes_part import notes, study_sizes
from helpers import made_up_texts

OPTIONS = {
    "blocks": "2",
    "heads": "2",
    "width": "16",
    "positions": "32",
    "length": "32",
    "vocabulary": "64",
    "rows": "4",
    "validation": "0.2",
    "precision": "float32",
    "threads": "1",
}
SMALL = [part for name, value in OPTIONS.items() for part in (f"--{name}", value)]


def texts_file(folder):
    file = folder / "texts.jsonl"
    lines = (json.dumps({"text": text}) for text in made_up_texts(200))
    file.write_text("\n".join(lines), encoding="utf-8")
    return str(file)


def test_the_command_trains_and_resumes_a_finished_run_without_a_change(tmp_path):
    out = tmp_path / "out"
    command = ["pretrain", texts_file(tmp_path), "--out", str(out), "--steps", "6", *SMALL]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    before = (out / "model" / "model.safetensors").read_bytes()
    result = CliRunner().invoke(app, [*command, "--resume"])
    assert result.exit_code == 0, result.output
    assert (out / "model" / "model.safetensors").read_bytes() == before
    assert pd.read_csv(out / "training_log.csv")["step"].tolist() == [6]  # the end of the run
    card = (out / "model" / "README.md").read_text(encoding="utf-8")
    assert "- texts: texts.jsonl\n" in card  # the file's name, not where it lay


def test_sizes_give_one_table_at_equal_steps_and_at_equal_epochs(tmp_path):
    out = tmp_path / "out"
    command = ["pretrain", texts_file(tmp_path), "--out", str(out), "--sizes", "40,120"]
    result = CliRunner().invoke(app, [*command, "--steps", "6", "--epochs", "2", *SMALL])
    assert result.exit_code == 0, f"{result.output} {result.exception!r}"
    table = pd.read_parquet(out / "tables" / "training_sizes.parquet")
    assert table["comparison"].tolist() == ["equal steps"] * 2 + ["equal epochs"] * 2
    assert table["articles"].tolist() == [40, 120, 40, 120]
    runs = pd.read_parquet(out / "tables" / "training_runs.parquet")
    assert runs["steps"].tolist()[:2] == [6, 6]
    assert runs["steps"].iloc[3] > runs["steps"].iloc[2]
    assert table["apt"].between(table["low"], table["high"]).all()
    page = (out / "report.html").read_text(encoding="utf-8")
    assert 'id="figure-claim-p2-more-texts"' in page
    again = CliRunner().invoke(app, [*command, "--steps", "6", "--epochs", "2", *SMALL, "--resume"])
    assert again.exit_code == 0, again.output
    pd.testing.assert_frame_equal(table, pd.read_parquet(out / "tables" / "training_sizes.parquet"))


def test_every_seed_has_runs_of_its_own(tmp_path):
    out = tmp_path / "out"
    command = ["pretrain", texts_file(tmp_path), "--out", str(out), "--sizes", "40,120"]
    result = CliRunner().invoke(app, [*command, "--steps", "2", "--seeds", "2", *SMALL])
    assert result.exit_code == 0, f"{result.output} {result.exception!r}"
    assert "UNDECIDED" in result.output  # two steps teach nothing
    runs = pd.read_parquet(out / "tables" / "training_runs.parquet")
    assert runs["seed"].tolist() == [0, 0, 1, 1]
    models = [(out / f"seed-{seed}" / "equal-steps" / "40-articles" / "model") for seed in (0, 1)]
    weights = [(model / "model.safetensors").read_bytes() for model in models]
    assert weights[0] != weights[1]


def test_intervals_over_seeds_are_students_t_and_the_gain_is_within_a_seed():
    apt = {(0, 10): 0.1, (0, 20): 0.3, (1, 10): 0.2, (1, 20): 0.4, (2, 10): 0.6, (2, 20): 0.8}
    rows = [
        {"comparison": "equal steps", "articles": size, "seed": seed, "apt": value}
        for (seed, size), value in apt.items()
    ]
    table = sizes_table(pd.DataFrame(rows)).set_index("articles")
    assert table.loc[10, "apt"] == pytest.approx(0.3)
    half = 4.30265 * 0.2645751 / 3**0.5  # t for 2 degrees of freedom; spread of 0.1, 0.2, 0.6
    assert table.loc[10, "high"] == pytest.approx(0.3 + half, abs=1e-5)
    assert table.loc[20, ["gain", "gain_low", "gain_high"]].tolist() == pytest.approx([0.2] * 3)


def test_seeds_without_sizes_are_refused(tmp_path):
    command = ["pretrain", texts_file(tmp_path), "--out", str(tmp_path / "o"), "--seeds", "2"]
    result = CliRunner().invoke(app, command)
    assert "goes with --sizes" in f"{result.output} {result.exception}"
    assert result.exit_code != 0


@pytest.mark.parametrize("text", ["", "1000", "a,b", "0,5", "7,7"])
def test_sizes_that_are_no_list_of_numbers_are_refused(text):
    with pytest.raises(UserError, match="expected two or more numbers of articles"):
        read_sizes(text)


def test_sizes_without_a_budget_are_refused(tmp_path):
    with pytest.raises(UserError, match="give --steps for equal steps"):
        study_sizes(made_up_texts(), tmp_path, [40, 120])


@pytest.mark.parametrize(("apt", "short"), [(0.05, True), (0.3, False)])
def test_runs_that_only_copy_are_said_to_be_too_short_for_the_claim(apt, short):
    table = pd.DataFrame({"apt": [0.01, apt], "seeds": [3, 3]})
    said, of_one = (
        notes({}, {"training_sizes": sizes}) for sizes in (table, table.assign(seeds=1))
    )
    assert any("too short" in line for line in said) is short
    assert any("One seed" in line for line in of_one)
