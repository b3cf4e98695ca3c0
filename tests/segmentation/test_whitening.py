"""Sentence vectors made comparable."""

import numpy as np

from blocklens.segmentation.whitening import centred_rows


def test_rows_that_differ_by_rounding_alone_have_no_direction():
    rows = np.full((6, 8), 0.3, dtype=np.float32)
    rows += 1e-8 * np.random.default_rng(0).normal(size=rows.shape).astype(np.float32)
    assert not centred_rows(rows).any()
