import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from helpers import random_texts, small_encoder

OPTIONS = ["--parts", "heads", "--untrained", "1", "--no-shuffled", "--examples", "0"]


def blocklens(*arguments):
    outside = {key: value for key, value in os.environ.items() if key != "WORLD_SIZE"}
    command = [sys.executable, "-m", "blocklens", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=500,
        env=outside | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.mark.slow
def test_processes_share_the_texts_and_give_the_figures_of_one(tmp_path):
    encoder = small_encoder()
    encoder.model.save_pretrained(tmp_path / "model")
    encoder.tokenizer.save_pretrained(tmp_path / "model")
    (tmp_path / "texts").mkdir()
    for number, text in enumerate(random_texts(30)):
        (tmp_path / "texts" / f"{number}.txt").write_text(text)
    given = ["study", tmp_path / "texts", "-e", tmp_path / "model", *OPTIONS]
    found = {}
    for processes in (1, 2):
        out = tmp_path / f"of {processes}"
        done = blocklens(*given, "--processes", processes, "--out", out)
        assert done.returncode == 0, done.stderr
        found[processes] = pd.read_parquet(out / "tables" / "heads.parquet")
    for name in found[1].columns:
        one, two = found[1][name], found[2][name]
        if one.dtype == float:
            np.testing.assert_allclose(one, two, rtol=1e-5)
        else:
            assert one.equals(two)


def test_a_fault_of_several_processes_is_said_once_and_ends_them_all(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "texts.txt").write_text("A text.")
    given = ["study", tmp_path / "texts.txt", "-e", tmp_path / "model", "--out", tmp_path / "study"]
    done = blocklens(*given, "--processes", 2)
    assert done.returncode == 2
    assert done.stderr.count("blocklens: ") == 1


def test_standard_input_goes_to_one_process():
    done = blocklens("study", "-", "--processes", 2)
    assert done.returncode == 2
    assert "--processes 2: standard input is read once" in done.stderr
