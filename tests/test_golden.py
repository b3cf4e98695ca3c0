"""What is measured stays as it was: small studies of every kind against the tables kept of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from threadpoolctl import threadpool_limits

from golden_studies import FOLDER, STUDIES, arithmetic

INTERVALS = ("low", "high", "gain_low", "gain_high", "control_low", "control_high", "spread")
"""Ends of intervals are compared a little less strictly than sums: their rounding adds up."""


@pytest.fixture(autouse=True)
def one_thread():
    """Sums over threads round as the number of threads has it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", STUDIES)
def test_the_tables_of_a_study_are_those_that_were_kept(name, tmp_path):
    make, everywhere = STUDIES[name]
    if not everywhere and arithmetic() != (FOLDER / "arithmetic.txt").read_text("utf-8").strip():
        pytest.skip("this processor rounds single precision otherwise than the one that kept them")
    found = make(tmp_path)
    kept = {file.stem: pd.read_parquet(file) for file in sorted((FOLDER / name).glob("*.parquet"))}
    assert set(found) == set(kept)
    for table, frame in kept.items():
        assert_same(found[table], frame, f"{name}/{table}")


def assert_same(found: pd.DataFrame, kept: pd.DataFrame, where: str) -> None:
    """Whole numbers and words exactly, sums to 1e-12 of their size."""
    assert list(found.columns) == list(kept.columns), where
    assert len(found) == len(kept), where
    for column in kept.columns:
        a, b = found[column], kept[column]
        if pd.api.types.is_float_dtype(b):
            digits = 1e-9 if column in INTERVALS else 1e-12
            np.testing.assert_allclose(
                a.to_numpy(float), b.to_numpy(float), rtol=digits, atol=digits,
                err_msg=f"{where}: {column}",
            )  # fmt: skip
        else:
            same = [str(x) == str(y) for x, y in zip(a, b, strict=True)]
            assert all(same), f"{where}: {column} differs in row {same.index(False)}"
