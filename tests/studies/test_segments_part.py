"""The folders that segmenting and scoring write, and the page in them."""

import json
from typing import Any

import pandas as pd
import pytest

from blocklens.errors import UserError
from blocklens.progress import Progress
from blocklens.segmentation.baselines import BASELINES
from blocklens.segmentation.documents import Document
from blocklens.segmentation.methods import METHODS
from blocklens.segmentation.segment import segment
from blocklens.segmentation.segment_options import SegmentOptions
from blocklens.studies.segments_part import evaluate_in_folder, write_segmentations
from helpers import small_encoder

HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def encoder():
    return small_encoder()


DOCUMENTS = [
    Document(f"d{i}", ["a b c .", "b c a .", "c a b .", "x y z .", "y z x ."], [3, 2], {"range": r})
    for i, r in enumerate(["3-5", "3-5", "6-8"])
]


@pytest.fixture(scope="module")
def evaluated(encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "scores"
    evaluate_in_folder(
        DOCUMENTS, encoder, folder, description="three documents", left_out=["of one segment"]
    )
    return folder


def test_an_evaluation_has_tables_claims_figures_and_a_page(evaluated):
    tables = {file.stem for file in (evaluated / "tables").iterdir()}
    assert tables == {"scores", "summary", "differences", "borders", "border_sums", "claims"}
    summary = pd.read_parquet(evaluated / "tables" / "summary.parquet")
    assert set(summary["method"]) == {*METHODS, *BASELINES, "untrained 0"}
    claims = pd.read_parquet(evaluated / "tables" / "claims.parquet")
    assert {"segment-context-no-cut", "segment-joint-c99-found"} <= set(claims["id"])
    assert claims["id"].str.startswith("segment-").all()
    page = (evaluated / "report.html").read_text("utf-8")
    for words in ("three documents", "How good the segments are", "Untrained twins", "texttiling"):
        assert words in page
    assert "Head label" not in page  # the terms of the head measures
    assert page.index('id="scores"') < page.index('id="claims"')  # what was asked for comes first
    assert "seed 0" in page
    assert "left out, of fewer than two segments: 1 document; first, of one segment" in page
    study = json.loads((evaluated / "study.json").read_text("utf-8"))
    assert study["options"]["methods"] == list(METHODS)


def test_the_same_evaluation_is_not_measured_again_and_another_is(encoder, evaluated):
    class Refuses(Progress):
        def within(self, name):
            raise AssertionError("measured again")

    before = pd.read_parquet(evaluated / "tables" / "scores.parquet")
    (evaluated / "report.html").unlink()
    evaluate_in_folder(DOCUMENTS, encoder, evaluated, progress=Refuses())
    assert (evaluated / "report.html").exists()
    after = pd.read_parquet(evaluated / "tables" / "scores.parquet")
    pd.testing.assert_frame_equal(before, after)
    evaluate_in_folder(
        DOCUMENTS[:2], encoder, evaluated, methods=["context"], baselines=["even"], untrained=0,
        borders=False,
    )  # fmt: skip
    again = pd.read_parquet(evaluated / "tables" / "scores.parquet")
    assert again["document"].unique().tolist() == ["d0", "d1"]
    tables = {f.stem for f in (evaluated / "tables").iterdir()}
    assert tables == {"scores", "summary", "differences", "claims"}


def test_a_folder_with_other_things_in_it_is_left_alone(encoder, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="other files"):
        evaluate_in_folder(DOCUMENTS, encoder, tmp_path)


def test_texts_in_segments_have_a_table_and_a_page_that_shows_them(encoder, tmp_path):
    text = f"First one here.\nSecond one.\nThird {HOSTILE} one.\nFourth one.\n"
    found = [segment(text, encoder, segments=2, name="notes"), segment("One.", encoder, name="b")]
    page = write_segmentations(found, encoder, tmp_path / "out", options=SegmentOptions(segments=2))
    table = pd.read_parquet(tmp_path / "out" / "tables" / "sentences.parquet")
    first: Any = table[table["text"] == 0]
    assert [text[a:b] for a, b in zip(first["start"], first["end"], strict=True)] == first[
        "content"
    ].tolist()
    assert first["segment"].tolist() == sorted(first["segment"])
    assert first["segment"].nunique() == 2
    assert first["cut"].sum() == 1
    assert first["strength"].isna().tolist() == [False, False, False, True]
    html = page.read_text("utf-8")
    assert HOSTILE not in html
    assert "&lt;/script&gt;&lt;img" in html
    assert "Second one." in html
    for words in ("Intervals are 95", "WindowDiff", "Untrained"):  # nothing of it is on the page
        assert words not in html
    study = json.loads((tmp_path / "out" / "study.json").read_text("utf-8"))
    assert study["options"] == SegmentOptions(segments=2).model_dump(mode="json")
