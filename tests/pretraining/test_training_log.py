import pandas as pd
import pytest

from blocklens.embedded.bert6 import EMBEDDED, FOLDER
from blocklens.errors import UserError
from blocklens.pretraining.training_log import (
    COLUMNS,
    FILE,
    TrainingLog,
    read_training_log,
    training_log_file,
)


def test_the_embedded_encoder_brings_its_learning_curve():
    table = read_training_log(EMBEDDED)
    assert table is not None
    assert training_log_file(EMBEDDED) == FOLDER / FILE
    assert table["step"].is_monotonic_increasing
    assert 100 <= len(table) <= 400
    # it ends where the model card says that the run ended
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    end = table.iloc[-1]
    assert f"optimiser steps: {int(end['step']):,}" in card
    assert f"{end['held_out_loss']:.4f}" in card
    assert f"{end['held_out_accuracy']:.4f}" in card


def test_a_model_without_a_curve_has_none_and_a_damaged_one_is_named(tmp_path):
    assert read_training_log(tmp_path) is None
    table = pd.DataFrame({name: [1] for name in COLUMNS})
    table.drop(columns="rate").to_csv(tmp_path / FILE, index=False)
    with pytest.raises(UserError, match="has no column 'rate'"):
        read_training_log(tmp_path)
    (tmp_path / FILE).write_bytes(b"")
    with pytest.raises(UserError, match="not readable as a table"):
        read_training_log(tmp_path)


def rows(steps, seconds=None):
    return [{"step": s, "tokens": 10 * s, "seconds": seconds or s, "loss": 1 / s} for s in steps]


def test_a_killed_runs_rows_beyond_its_state_and_its_cut_line_do_not_count(tmp_path):
    log = TrainingLog(tmp_path, 0)
    for row in rows((20, 40, 60)):
        log.add(row)
    with (tmp_path / FILE).open("a") as file:  # killed while it wrote a line
        file.write("80,800,8")
    resumed = TrainingLog(tmp_path, 40)
    for row in rows((60, 80)):
        resumed.add(row)
    resumed.close()
    table = read_training_log(tmp_path)
    assert table is not None
    assert table["step"].tolist() == [20, 40, 60, 80]
    assert table["loss"].tolist() == pytest.approx([1 / 20, 1 / 40, 1 / 60, 1 / 80])


def test_a_clock_that_goes_back_loses_no_row(tmp_path, monkeypatch):
    log = TrainingLog(tmp_path, 0)
    for number, row in enumerate(rows((20, 40, 60, 80))):
        monkeypatch.setattr("time.time", lambda number=number: 1e9 - 3600 * number)
        log.add({**row, "seconds": 100 - number})
    log.close()
    table = read_training_log(tmp_path)
    assert table is not None
    assert table["step"].tolist() == [20, 40, 60, 80]
    assert table["seconds"].tolist() == [100, 99, 98, 97]
