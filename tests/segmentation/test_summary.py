"""Scores of many documents: corrected for chance, and compared document by document."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from blocklens.segmentation.documents import Document
from blocklens.segmentation.evaluate import evaluate
from blocklens.segmentation.summary import differences, paired_gains, summarise

DOCUMENTS = [
    Document(f"d{n}", [f"word{i} b{n}" for i in range(12 + n)], [3, 4 + n, 5], {}) for n in range(6)
]


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return evaluate(DOCUMENTS)


def test_no_cut_at_all_is_zero_when_corrected_for_chance(scores):
    row = summarise(scores).set_index("method").loc["no-cut"]
    for measure in ("pk_corrected", "windowdiff_corrected", "boundary_similarity"):
        assert row[measure] == row[f"{measure}_low"] == row[f"{measure}_high"] == 0


def test_corrected_for_chance_is_one_less_the_share_of_the_error_of_no_cut(scores):
    row = summarise(scores).set_index(["method", "known"]).loc[("even", True)]
    part = scores[(scores["method"] == "even") & scores["known"]]
    uncut = scores.loc[scores["method"] == "no-cut", "pk"].to_numpy()
    assert row["pk_corrected"] == pytest.approx(1 - part["pk"].sum() / uncut.sum())
    assert (part["uncut"].to_numpy() == uncut).all()


def test_a_gain_is_the_mean_of_paired_differences_with_student_s_interval(scores):
    table = differences(scores, "even").set_index(["other", "known", "measure"])
    row = table.loc[("random", True, "pk")]
    pairs = scores[scores["known"]].pivot(index="document", columns="method", values="pk")
    each = (pairs["random"] - pairs["even"]).to_numpy()
    low, high = stats.t.interval(0.95, len(each) - 1, each.mean(), stats.sem(each))
    np.testing.assert_allclose(row[["gain", "low", "high"]].astype(float), [each.mean(), low, high])
    agreement = table.loc[("random", True, "boundary_similarity"), "gain"]
    pairs = scores[scores["known"]].pivot(
        index="document", columns="method", values="boundary_similarity"
    )
    assert agreement == pytest.approx((pairs["even"] - pairs["random"]).mean())
    assert ("no-cut", True, "pk") not in table.index  # it cannot be told the number


def test_ways_without_the_same_documents_are_not_compared(scores):
    some = scores[(scores["method"] != "random") | (scores["document"] != "d0")]
    assert len(paired_gains(some[some["known"]], "even", "random", "pk")) == 0
