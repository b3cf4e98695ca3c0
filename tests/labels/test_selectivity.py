"""The control task: labels drawn at random by type, and what a read-out is right beyond them."""

import numpy as np
import pandas as pd
import pytest

from blocklens.labels.selectivity import (
    CONTROL,
    SELECTIVITY,
    random_classes,
    random_names,
    selectivity_rows,
)


def test_every_token_is_called_as_another_one_about_as_frequent():
    frequency = np.random.default_rng(0).zipf(1.3, 500).clip(max=10**6)
    names = random_names(frequency)
    assert sorted(names) == list(range(500))
    assert (names != np.arange(500)).all()
    place = np.argsort(np.argsort(-frequency, kind="stable"))
    assert np.abs(place - place[names]).max() < 20
    assert (random_names(frequency, seed=1) != names).any()


def test_texts_of_one_type_have_one_class_whatever_their_own():
    rng = np.random.default_rng(0)
    types = rng.integers(10, 40, 900)  # a rare token each, beside one that all texts hold
    ids = [[2, one, 100 + number] for number, one in enumerate(types.tolist())]
    labels = rng.integers(0, 5, 900)
    classes, number = random_classes(ids, labels)
    assert number == 30
    by_type = pd.Series(classes).groupby(types)
    assert (by_type.nunique() == 1).all()
    assert set(by_type.first()) == set(range(5))
    assert abs(np.corrcoef(classes, labels)[0, 1]) < 0.1


def test_selectivity_is_the_accuracy_less_that_on_random_labels():
    rng = np.random.default_rng(0)
    n = rng.integers(50, 100, 20)
    right, control = (rng.binomial(n[:, None], share, (20, 3)) for share in (0.6, 0.2))
    rows = pd.DataFrame(selectivity_rows(n, right, control, types=7)).set_index("statistic")
    assert rows.loc[CONTROL, "value"].to_numpy() == pytest.approx(control.sum(0) / n.sum())
    of_both = rows.loc[SELECTIVITY]
    assert of_both["value"].to_numpy() == pytest.approx((right - control).sum(0) / n.sum())
    assert (of_both["low"] < of_both["value"]).all()
    assert (of_both["high"] > of_both["value"]).all()
    assert of_both["n"].tolist() == [n.sum()] * 3
