import pandas as pd
import pytest

from blocklens.embedded.bert6 import EMBEDDED, FOLDER
from blocklens.errors import UserError
from blocklens.pretraining.training_log import COLUMNS, FILE, read_training_log, training_log_file


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
