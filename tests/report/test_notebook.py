"""What a notebook shows, without a network."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from synthetic import Shape, head_rows

from blocklens.report import charts
from blocklens.report.charts.offline import VEGA_LITE
from blocklens.report.notebook import encoder_html, measurement_html, study_html


@pytest.fixture(scope="module")
def chart():
    heads = head_rows(Shape(blocks=2, heads=3), np.random.default_rng(0))
    return charts.along_blocks(heads, "repetition")


def test_a_chart_is_a_picture_and_a_specification_and_names_no_host(chart):
    bundle = chart._repr_mimebundle_()
    assert set(bundle) == {VEGA_LITE, "image/png", "text/plain"}
    picture = Image.open(io.BytesIO(bundle["image/png"]))
    assert picture.width > 2 * 400
    assert len(picture.convert("RGB").getcolors(1 << 24)) > 20  # not blank
    told = json.dumps(bundle[VEGA_LITE]["layer"])
    assert "repetition" in json.dumps(bundle[VEGA_LITE])
    assert "http" not in told


def test_only_what_is_asked_for_is_made(chart):
    assert set(chart._repr_mimebundle_(include=["image/png"])) == {"image/png"}
    assert "image/png" not in chart._repr_mimebundle_(exclude=["image/png"])


def test_a_chart_changed_by_its_reader_still_shows_offline(chart):
    wider = chart.properties(width=500)
    assert "image/png" in wider._repr_mimebundle_()
    assert type(wider) is type(chart)


def test_an_encoder_and_a_measurement_are_told_in_a_few_escaped_lines():
    html = encoder_html("acme/<b>bert", "bert", 6, 12)
    assert "6 blocks of 12 heads" in html
    assert "<b>bert" not in html
    html = measurement_html("acme/bert", 6, 12, "text", 3)
    assert "skipped: 3 texts" in html
    assert html.count("<br>") < 5


def test_a_study_tells_verdicts_and_findings_and_links_to_its_report(study: Path):
    html = study_html(study)
    assert f'href="{(study / "report.html").as_posix()}"' in html
    assert "1 holds" in html
    assert "In the last blocks similar tokens prefer the same sentence." in html
    assert "<b>bold" not in html


def test_a_folder_without_a_study_says_so(tmp_path: Path):
    assert "study.json" in study_html(tmp_path)
