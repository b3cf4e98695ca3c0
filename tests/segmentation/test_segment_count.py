"""The number and the lengths of segments."""

import numpy as np
import pytest

from blocklens.errors import UserError
from blocklens.segmentation.metrics import masses_from_starts
from blocklens.segmentation.segment_count import Lengths, find_starts
from blocklens.segmentation.whitening import whiten


def topics(sizes, noise, width=30):
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.normal(size=(len(sizes), width)), sizes, axis=0)
    return rows + noise * rng.normal(size=rows.shape)


def test_a_long_text_in_random_order_is_one_segment():
    order = np.random.default_rng(5).permutation(360)
    assert find_starts(whiten(topics([40] * 9, 1.0)[order], 0.4)).tolist() == []


def test_a_long_text_of_two_topics_is_cut_where_they_meet():
    (start,) = find_starts(whiten(topics([450, 350], 2.0), 0.4))
    assert abs(start - 450) <= 4


def test_texts_whose_order_says_nothing_are_left_whole():
    rng = np.random.default_rng(1)
    whole = [
        len(find_starts(whiten(topics(sizes, 0.8)[rng.permutation(sum(sizes))], 0.4))) == 0
        for sizes in ([4, 4, 4], [9, 10, 8], [3, 15, 6, 11, 4, 20])
        for _ in range(20)
    ]
    assert np.mean(whole) >= 0.95


def test_topics_of_any_length_are_told_from_one_subject():
    for sizes in ([9, 10, 8], [30, 30], [3, 15, 6, 11, 4]):
        assert len(find_starts(whiten(topics(sizes, 0.8), 0.4))) == len(sizes) - 1


@pytest.mark.parametrize("segments", [None, 4])
def test_segments_keep_to_the_lengths_allowed(segments):
    rows = whiten(topics([3, 20, 4, 13], 0.5), 0.4)
    assert masses_from_starts(find_starts(rows, segments=4), 40) == [3, 20, 4, 13]
    found = find_starts(rows, segments=segments, lengths=Lengths(5, 15))
    masses = masses_from_starts(found, 40)
    assert min(masses) >= 5
    assert max(masses) <= 15


def test_lengths_that_leave_no_segmentation_are_refused():
    with pytest.raises(UserError, match="no way to divide 40 sentences"):
        find_starts(whiten(topics([20, 20], 0.5), 0.4), lengths=Lengths(21, 39))
