"""The report as a file: complete, self-contained, escaped."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from synthetic import HOSTILE, Shape, build_study

from blocklens.errors import UserError
from blocklens.report import write_report
from blocklens.report.formatting import number, script_json
from blocklens.report.page import shown_source

VOID = {"meta", "link", "img", "input", "br"}


class Outline(HTMLParser):
    """Tags in order of nesting, and what stands outside scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    return parser


def test_every_element_is_closed(outline: Outline):
    assert outline.open == []


def test_no_attribute_points_outside_the_page(outline: Outline):
    links = [
        value or ""
        for _, attributes in outline.tags
        for name, value in attributes.items()
        if name in {"src", "href", "action", "srcset", "data"}
    ]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)


def test_the_style_loads_nothing(page: str):
    style = re.search(r"<style>(.*?)</style>", page, re.S)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_vega_is_embedded_once(page: str):
    assert page.count("window.vegaEmbed=") == 1


def test_every_claim_is_shown_with_verdict_and_numbers(outline: Outline, study: Path):
    words = re.sub(r"\s+", " ", " ".join(outline.words))
    for claim in pd.read_parquet(study / "tables" / "claims.parquet").to_dict("records"):
        assert claim["statement"] in words
        assert claim["verdict"] in words
        assert claim["choices"] in words
        assert f"{number(claim['effect'])} [{number(claim['low'])}, " in words


def test_the_title_says_what_was_measured_and_what_was_skipped(outline: Outline):
    words = re.sub(r"\s+", " ", " ".join(outline.words))
    assert "acme/bert-of-12-blocks <b>bold</b>" in words
    assert "1,000 texts, 118,402 tokens" in words
    assert "in 1,024 windows" in words
    assert "from resampling 20 groups of texts" in words
    assert "seeds 0 to 1" in words
    assert "2 texts were skipped" in words
    assert "a text of one token" in words


def test_a_file_is_shown_by_its_name_and_a_hub_id_as_it_is():
    assert shown_source("/home/someone/models/e5/") == "e5"
    assert shown_source("google-bert/bert-base-uncased") == "google-bert/bert-base-uncased"


def test_hostile_strings_are_escaped_everywhere(page: str, outline: Outline):
    assert HOSTILE not in page
    assert "img" not in {tag for tag, _ in outline.tags}
    assert "<b>bold" not in page


def test_the_data_in_the_page_is_json_and_keeps_the_hostile_token(page: str):
    data = re.search(
        r'<script type="application/json" id="blocklens-data-heads">(.*?)</script>', page, re.S
    )
    assert data
    heads = json.loads(data[1])
    assert heads["anchors"][0][0][0] == HOSTILE
    assert len(heads["examples"]) == 2


def test_script_json_has_no_markup_and_no_special_numbers():
    text = script_json({"a": "</script>&\u2028", "b": float("nan"), "c": pd.NA})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script>&\u2028", "b": None, "c": None}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.61, "0.610"),
        (12.345, "12.3"),
        (1234.5, "1,234"),
        (0.0, "0"),
        (2e-6, "2.0e-6"),
        (float("nan"), "–"),
        (None, "–"),
        (0.00012, "0.00012"),
    ],
)
def test_numbers_have_three_significant_digits(value: float | None, text: str):
    assert number(value) == text


def test_a_study_of_claims_alone_has_a_page(tmp_path: Path, study: Path):
    (tmp_path / "tables").mkdir()
    for name in ("study.json", "tables/claims.parquet"):
        (tmp_path / name).write_bytes((study / name).read_bytes())
    text = write_report(tmp_path, figures=False).read_text("utf-8")
    assert 'id="claims"' in text
    assert 'id="heads"' not in text


def test_a_folder_without_a_study_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"no readable study\.json"):
        write_report(tmp_path)


def test_a_damaged_table_is_named(tmp_path: Path, study: Path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "study.json").write_bytes((study / "study.json").read_bytes())
    (tmp_path / "tables" / "heads.parquet").write_bytes(b"not parquet")
    with pytest.raises(UserError, match=r"heads\.parquet"):
        write_report(tmp_path)


def test_the_same_study_gives_the_same_bytes(study: Path, page: str):
    assert write_report(study, figures=False).read_text("utf-8") == page


@pytest.mark.slow
def test_the_page_of_twelve_by_twelve_heads_is_below_15_mb(tmp_path: Path):
    build_study(tmp_path, Shape(examples=5))
    assert write_report(tmp_path, figures=False).stat().st_size < 15e6
