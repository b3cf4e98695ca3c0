"""The page of a segmented text and of an evaluation, in a real browser and as figures."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from blocklens.report import charts
from blocklens.segmentation.documents import Document
from blocklens.segmentation.segment import segment
from blocklens.segmentation.segment_options import SegmentOptions
from blocklens.studies.segments_part import evaluate_in_folder, write_segmentations
from helpers import WORDS, drawn, small_encoder


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """A text of 60 sentences in segments, and an evaluation of six documents."""
    encoder, folder = small_encoder(), tmp_path_factory.mktemp("segments")
    rng = np.random.default_rng(0)
    topics = [WORDS[0:6], WORDS[8:14], WORDS[16:22]]
    lines = [" ".join(rng.choice(topics[i // 20], size=6)).capitalize() + "." for i in range(60)]
    found = segment("\n".join(lines), encoder, segments=3, name="sixty.txt")
    text = write_segmentations(
        [found], encoder, folder / "text", options=SegmentOptions(segments=3)
    )
    documents = [Document(f"d{i}", lines[: 30 + i], [20, 10 + i], {}) for i in range(6)]
    evaluate_in_folder(documents, encoder, folder / "scores", untrained=1)
    return {"text": text, "scores": folder / "scores" / "report.html"}


@pytest.mark.browser
@pytest.mark.parametrize(("name", "width"), [("text", 420), ("scores", 420), ("scores", 1400)])
def test_the_page_draws_all_charts_without_overflow_or_requests(chromium, pages, name, width):
    page = chromium.new_page(viewport={"width": width, "height": 900})
    requests, errors = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.goto(pages[name].as_uri())
    drawn(page)
    assert page.locator(".chart svg").count() >= 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert errors == []
    assert [r for r in requests if not r.startswith(("file:", "data:", "blob:"))] == []
    page.close()


@pytest.mark.browser
def test_a_bar_shows_its_sentences_when_it_is_hovered(chromium, pages):
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    page.goto(pages["text"].as_uri())
    page.wait_for_selector(".chart[data-drawn] svg")
    bars = page.locator("#figure-borders-of-text-0 .mark-rect path")
    assert bars.count() == 59
    bars.nth(4).hover(force=True)
    tooltip = page.locator("#vg-tooltip-element")
    tooltip.wait_for(state="visible")
    words = tooltip.inner_text()
    items = page.locator(".segments li p:not(.facts)").all_inner_texts()
    sentences = [s for item in items for s in item.replace(". ", ".\n").split("\n") if s.strip()]
    assert len(sentences) == 60
    assert sum(sentence.strip() in words for sentence in set(sentences)) >= 2
    page.close()


def test_the_chart_marks_the_cuts_and_holds_both_sentences():
    table = pd.DataFrame(
        {
            "sentence": range(4),
            "strength": [0.5, 2.0, -1.0, np.nan],
            "cut": [False, True, False, False],
            "content": ["One\n here.", "Two.", "w" * 500, "Four."],
        }
    )
    chart: Any = charts.boundaries(table)
    rows = chart.data.to_dict("records")
    assert [row["border"] for row in rows] == [1, 2, 3]
    assert [row["kind"] for row in rows] == [
        "within a segment",
        "segment ends here",
        "within a segment",
    ]
    assert rows[0]["before"] == "One here."
    assert rows[1]["after"] == "w" * 160 + " …"
    assert rows[2]["before"] == "… " + "w" * 160


def test_scores_are_drawn_best_first_and_baselines_apart():
    summary = pd.DataFrame(
        {
            "method": ["context", "even", "untrained 0", "context"],
            "known": [True, True, True, False],
            "pk": [0.2, 0.5, 0.1, 0.3],
            "pk_low": [0.1, 0.4, 0.0, 0.2],
            "pk_high": [0.3, 0.6, 0.2, 0.4],
        }
    )
    chart: Any = charts.segmentation_scores(summary, known=True, baselines=("even", "untrained"))
    rows = chart.layer[0].data if hasattr(chart.layer[0].data, "method") else chart.data
    assert rows["method"].tolist() == ["untrained 0", "context", "even"]
    assert rows["kind"].tolist() == ["baseline", "with the encoder", "baseline"]
    chart.to_json()
