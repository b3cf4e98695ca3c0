"""The report as a file: complete, self-contained, escaped."""

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from synthetic import HOSTILE, Shape, build_study
from synthetic_learned import add_learned

from blocklens.errors import UserError
from blocklens.report import write_figures, write_report
from blocklens.report.first_screen import model_name
from blocklens.report.formatting import number, script_json
from blocklens.report.page import policy, theme_css
from blocklens.safe_text import public_name
from blocklens.studies.study_record import StudyRecord
from helpers import write_record

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


def test_the_page_says_what_was_measured_and_what_was_skipped(outline: Outline):
    words = re.sub(r"\s+", " ", " ".join(outline.words))
    for said in (
        "3 blocks of 4 heads",
        "1,000 texts (118,402 tokens)",
        "1,024 windows",
        "from resampling 20 groups of texts",
        "a text of one token",
    ):
        assert said in words, said


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/home/someone/models/e5/", "e5"),
        ("google-bert/bert-base-uncased", "bert-base-uncased"),
        ("runs/tiny/checkpoint-500", "tiny, checkpoint-500"),
        ("./my-bert", "my-bert"),
    ],
)
def test_the_title_is_the_models_own_name(source: str, name: str):
    assert model_name(source) == name


def test_a_file_is_named_without_its_folders_and_a_hub_id_with_its_owner():
    assert public_name("/home/someone/texts.jsonl") == "texts.jsonl"
    assert public_name("wikimedia/wikipedia") == "wikimedia/wikipedia"


def test_the_first_screen_tells_of_decided_claims_and_links_to_them(page: str, study: Path):
    top = page[page.index("<header") : page.index("</header>")]
    table = pd.read_parquet(study / "tables" / "claims.parquet")
    for claim in table.to_dict("records"):
        decided = claim["verdict"] in ("holds", "does not hold")
        assert (claim["statement"] in top) == decided
    for anchor in re.findall(r'href="#([^"]+)"', top):
        assert f'id="{anchor}"' in page


def test_only_the_scripts_and_the_style_of_the_page_are_allowed(page: str):
    (told,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    scripts = re.findall(r'<script type="module">(.*?)</script>', page, re.S)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.S)
    assert html.unescape(told) == policy(scripts, style)
    assert told.startswith("default-src &#39;none&#39;;")
    assert not re.search(r"unsafe|https?:|\*", told)
    assert "style=" not in re.sub(r"<script.*?</script>", "", page, flags=re.S)


def test_dark_colours_are_for_screens_that_ask_for_them_and_can_be_read():
    light, dark = re.findall(r"--page: (\S+);.*--ink: (\S+);.*--muted: (\S+);", theme_css())
    for page_colour, *inks in (light, dark):
        for ink in inks:
            assert contrast(page_colour, ink) >= 4.5
    assert "@media screen and (prefers-color-scheme: dark)" in theme_css()


def contrast(one: str, other: str) -> float:
    """The contrast of two colours by WCAG 2."""
    levels = []
    for colour in (one, other):
        rgb = bytes.fromhex(colour.removeprefix("#")) if colour != "white" else b"\xff" * 3
        parts = [c / 255 for c in rgb]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        levels.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(levels) + 0.05) / (min(levels) + 0.05)


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
    claims = (study / "tables" / "claims.parquet").read_bytes()
    (tmp_path / "tables" / "claims.parquet").write_bytes(claims)
    write_record(tmp_path, encoder="BERT", blocks=3, heads=4, versions={"blocklens": "0.1.0"})
    text = write_report(tmp_path).read_text("utf-8")
    assert 'id="claims"' in text
    assert 'id="heads"' not in text


def test_a_chart_beside_a_claim_is_not_drawn_again(tmp_path: Path):
    build_study(tmp_path, Shape(blocks=2, heads=2, tokens=24, examples=0))
    add_learned(tmp_path)
    accuracy = pd.read_parquet(tmp_path / "tables" / "accuracy.parquet")
    accuracy.loc[accuracy["label_id"] % 2 == 1, "n"] = 9
    accuracy.to_parquet(tmp_path / "tables" / "accuracy.parquet")
    claims = pd.read_parquet(tmp_path / "tables" / "claims.parquet")
    wishes = (
        {"table": "learning", "statistic": "mean accuracy per label", "task": "tokens"},
        {"table": "frequency", "statistic": "frequency slope", "task": "tokens"},
    )
    claims.loc[[0, 1], "figure"] = [json.dumps(wish) for wish in wishes]
    claims.to_parquet(tmp_path / "tables" / "claims.parquet")
    write_record(tmp_path, **StudyRecord.read(tmp_path).model_dump(exclude={"kind", "files"}))
    page = write_report(tmp_path).read_text("utf-8")
    found = re.search(r'id="blocklens-specs">(.*?)</script>', page)
    assert found is not None
    specs = json.loads(found[1])
    drawn = [json.dumps(spec, sort_keys=True) for spec in specs.values()]
    assert len(set(drawn)) == len(drawn)
    assert "tokens-mean-accuracy-per-label" not in specs
    assert page.count(f'<a href="#figure-claim-{claims["id"][0]}">') == 1
    assert f'id="figure-claim-{claims["id"][0]}"' in page
    # The claim on frequency shows the tokens that its correlation counts, and no other.
    (points,) = specs[f"claim-{claims['id'][1]}"]["datasets"].values()
    last = accuracy.loc[accuracy["run"].eq("encoder") & accuracy["block"].eq(2)]
    last = last.loc[last["frequency"] > 0]
    assert len(points) == last["n"].ge(10).sum() < len(last)


def test_figures_are_written_where_they_are_wanted(tmp_path: Path, study: Path):
    (tmp_path / "tables").mkdir()
    claims = (study / "tables" / "claims.parquet").read_bytes()
    (tmp_path / "tables" / "claims.parquet").write_bytes(claims)
    write_record(tmp_path, encoder="BERT", blocks=3, heads=4)
    write_report(tmp_path)
    assert not (tmp_path / "figures").exists()
    paths = write_figures(tmp_path)
    assert {path.name for path in paths} == {"claims.svg", "claims.png"}
    assert "does not hold" in (tmp_path / "figures" / "claims.svg").read_text("utf-8")
    assert (tmp_path / "figures" / "claims.png").read_bytes()[1:4] == b"PNG"
    (tmp_path / "figures" / "claims.svg").write_text("old")
    write_report(tmp_path)  # what was asked for once is kept up to date
    assert "does not hold" in (tmp_path / "figures" / "claims.svg").read_text("utf-8")


def test_a_folder_without_a_study_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"no readable study\.json"):
        write_report(tmp_path)


def test_a_table_that_has_changed_is_named(tmp_path: Path, study: Path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "heads.parquet").write_bytes((study / "study.json").read_bytes())
    write_record(tmp_path)
    (tmp_path / "tables" / "heads.parquet").write_bytes(b"not what was written")
    with pytest.raises(UserError, match=r"heads\.parquet"):
        write_report(tmp_path)


def test_a_damaged_example_is_one_line(tmp_path: Path):
    folder = tmp_path / "study"
    build_study(folder, Shape(blocks=2, heads=2, tokens=24, examples=1))
    (folder / "examples" / "0.npz").write_bytes(b"PK\x03\x04 no more")
    write_record(folder, encoder="tiny", blocks=2, heads=2)  # vouches for what lies there
    with pytest.raises(UserError, match="cannot be shown"):
        write_report(folder)


def test_the_same_study_gives_the_same_bytes(study: Path, page: str):
    assert write_report(study).read_text("utf-8") == page


@pytest.mark.slow
def test_the_page_of_twelve_by_twelve_heads_is_below_15_mb(tmp_path: Path):
    build_study(tmp_path, Shape(examples=5))
    assert write_report(tmp_path).stat().st_size < 15e6
