"""Pk, WindowDiff and boundary similarity against their definitions and two libraries."""

import numpy as np
import pytest
import segeval
from hypothesis import assume, given
from hypothesis import strategies as st
from nltk.metrics import segmentation as nltk_metrics

from blocklens.errors import UserError
from blocklens.segmentation.metrics import (
    boundary_similarity,
    masses_from_starts,
    pk,
    segment_labels,
    starts_from_masses,
    window_diff,
    window_size,
)


@st.composite
def pairs(draw):
    units = draw(st.integers(3, 60))
    marks = st.sets(st.integers(1, units - 1))
    return masses_from_starts(sorted(draw(marks)), units), masses_from_starts(
        sorted(draw(marks)), units
    )


def marks_between(masses):
    """NLTK's string with a place between every two units."""
    return "".join("1" if step else "0" for step in np.diff(segment_labels(masses)))


def test_pk_and_window_diff_of_a_hand_made_case():
    reference, hypothesis = [2, 2], [1, 3]  # a a b b against a b b b, k = 1
    assert pk(reference, hypothesis, 1) == pytest.approx(2 / 3)
    assert window_diff(reference, hypothesis, 1) == pytest.approx(2 / 3)
    # k = 2: pairs (0,2) and (1,3); only the second disagrees, in both measures
    assert pk(reference, hypothesis, 2) == 0.5
    assert window_diff(reference, hypothesis, 2) == 0.5


def test_window_diff_counts_what_pk_does_not_see():
    reference, hypothesis = [4, 4], [3, 1, 4]  # an extra boundary beside a true one
    assert window_diff(reference, hypothesis, 2) > pk(reference, hypothesis, 2)


def test_boundary_similarity_of_hand_made_cases():
    assert boundary_similarity([3, 3], [3, 3]) == 1
    assert boundary_similarity([3, 3], [2, 4]) == 0.5  # one near miss: half an edit of one
    assert boundary_similarity([3, 3], [1, 5]) == 0  # two full misses
    assert boundary_similarity([6], [6]) == 1
    assert boundary_similarity([3, 3], [1, 5], span=3) == pytest.approx(1 - 2 / 3)


@given(pairs())
def test_all_three_equal_segeval(pair):
    reference, hypothesis = pair
    k = window_size(reference)
    assert k == min(segeval.compute_window_size(reference), sum(reference) - 1)
    assert pk(reference, hypothesis) == pytest.approx(
        float(segeval.pk(hypothesis, reference, window_size=k))
    )
    assert window_diff(reference, hypothesis) == pytest.approx(
        float(segeval.window_diff(hypothesis, reference, window_size=k))
    )
    if len(reference) + len(hypothesis) > 2:  # else segeval fails, see below
        assert boundary_similarity(reference, hypothesis) == pytest.approx(
            float(segeval.boundary_similarity(reference, hypothesis))
        )


@given(pairs(), st.integers(3, 6))
def test_boundary_similarity_equals_segeval_for_wider_spans(pair, span):
    reference, hypothesis = pair
    assume(len(reference) + len(hypothesis) > 2)  # else segeval fails, see below
    assert boundary_similarity(reference, hypothesis, span=span) == pytest.approx(
        float(segeval.boundary_similarity(reference, hypothesis, n_t=span))
    )


@given(pairs(), st.integers(1, 20))
def test_pk_and_window_diff_equal_nltk_on_the_places_between_units(pair, k):
    reference, hypothesis = pair
    k = min(k, sum(reference) - 1)
    marks = marks_between(reference), marks_between(hypothesis)
    assert window_diff(reference, hypothesis, k) == pytest.approx(
        nltk_metrics.windowdiff(*marks, k)
    )
    assert pk(reference, hypothesis, k) == pytest.approx(nltk_metrics.pk(*marks, k))


def test_nltk_divides_by_one_window_too_many_on_strings_of_unit_length():
    reference, hypothesis, k = [2, 2], [1, 3], 1
    marks = "0" + marks_between(reference), "0" + marks_between(hypothesis)
    assert nltk_metrics.pk(*marks, k) == pytest.approx(2 / 4)  # N - k + 1 = 4
    assert pk(reference, hypothesis, k) == pytest.approx(2 / 3)  # N - k = 3


def test_segeval_takes_equal_labels_above_256_for_different_ones_in_position_format():
    labels = [int(str(label)) for label in segment_labels([2] * 600)]  # an object of their own each
    theirs = segeval.pk(
        [1] * 1200, labels, boundary_format=segeval.BoundaryFormat.position, window_size=1
    )
    assert pk([2] * 600, [1200], 1) == pytest.approx(599 / 1199)
    assert float(theirs) > 0.6, "segeval 2.0.11 compares labels with `is`"


def test_segeval_cannot_compare_two_segmentations_without_any_boundary():
    assert boundary_similarity([6], [6]) == 1
    with pytest.raises(ValueError, match="empty"):
        segeval.boundary_similarity([6], [6])


@given(pairs())
def test_measures_equal_a_loop_over_pairs(pair):
    reference, hypothesis = pair
    ref, hyp = segment_labels(reference), segment_labels(hypothesis)
    k = window_size(reference)
    pk_errors = wd_errors = 0
    for i in range(len(ref) - k):
        pk_errors += (ref[i] == ref[i + k]) != (hyp[i] == hyp[i + k])
        wd_errors += (ref[i + k] - ref[i]) != (hyp[i + k] - hyp[i])
    assert pk(reference, hypothesis) == pytest.approx(pk_errors / (len(ref) - k))
    assert window_diff(reference, hypothesis) == pytest.approx(wd_errors / (len(ref) - k))


@given(pairs())
def test_masses_and_cuts_are_two_forms_of_one_thing(pair):
    masses = pair[0]
    assert masses_from_starts(starts_from_masses(masses), sum(masses)) == masses
    assert np.all(np.diff(segment_labels(masses))[starts_from_masses(masses) - 1] == 1)


def test_one_unit_scores_as_perfect():
    assert pk([1], [1]) == window_diff([1], [1]) == 0
    assert boundary_similarity([1], [1]) == 1


@pytest.mark.parametrize(
    ("reference", "hypothesis", "k"),
    [([3, 3], [5], None), ([], [5], None), ([3, 0], [3], None), ([3, 3], [6], 6), ([3], [3], 0)],
)
def test_what_cannot_be_compared_is_refused(reference, hypothesis, k):
    with pytest.raises(UserError):
        pk(reference, hypothesis, k)


@pytest.mark.parametrize("starts", [[0], [5], [-1], [7]])
def test_cuts_outside_the_text_are_refused(starts):
    with pytest.raises(UserError):
        masses_from_starts(starts, 5)
