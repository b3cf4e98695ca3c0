"""The control task asks what a read-out learns by heart."""

import numpy as np
import pytest
import torch

from blocklens.readouts.control_task import ControlTask
from blocklens.readouts.modified_tokens import GatheredRows
from blocklens.readouts.vocabulary_heads import Head
from blocklens.readouts.vocabulary_training import HeadTraining

TOKENS = 16


def head():
    return Head(torch.nn.Identity(), torch.eye(TOKENS), torch.zeros(TOKENS), tied=False)


@pytest.mark.parametrize(("epochs", "by_heart"), [(0, 0.0), (20, 1.0)])
def test_a_head_that_knows_each_token_learns_any_names_if_it_is_let(epochs, by_heart):
    """Rows that are the tokens themselves: what is free to move learns random names as well."""
    labels = np.random.default_rng(0).integers(0, TOKENS, 400)
    seen = np.eye(TOKENS, dtype=np.float16)[labels]
    rows = GatheredRows(np.stack([seen, seen]), labels, np.bincount(labels, minlength=TOKENS))
    control = ControlTask.trained(
        rows, head(), HeadTraining(epochs=epochs, batch=20, rate=0.05), blocks=2, limit=300,
        tied=False, groups=4,
    )  # fmt: skip
    some = [torch.from_numpy(seen.astype(np.float32))] * 2
    for before in (0, 400):  # 400 of 300 wanted, and 400 more
        control.answer(some, labels, np.arange(400) % 4, before=before)
    assert control.n.tolist() == [75] * 4
    true, random = control.right.sum(axis=1) / 300
    assert true.tolist() == [1.0, 1.0]
    assert random.tolist() == [by_heart, by_heart]
