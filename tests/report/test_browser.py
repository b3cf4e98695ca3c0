"""The report in a real browser: loads nothing, runs nothing hostile, answers to clicks and keys."""

import re
from pathlib import Path

import pytest
from synthetic import HOSTILE

from helpers import until

pytestmark = pytest.mark.browser


@pytest.fixture
def open_page(chromium, study: Path):
    """Opens the report at a width; fails on any script error and any request but the file."""
    opened = []

    def go(width: int = 1400, fragment: str = ""):
        page = chromium.new_page(viewport={"width": width, "height": 900})
        requests, errors = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.goto((study / "report.html").as_uri() + fragment)
        page.wait_for_selector("#head-panel[data-head]", timeout=30_000)
        until(
            page,
            "[...document.querySelectorAll('.chart[data-chart]')]"
            ".every((c) => c.dataset.drawn || !c.clientWidth)",
        )
        opened.append((page, requests, errors))
        return page

    yield go
    for page, requests, errors in opened:
        assert errors == []
        assert [r for r in requests if not r.startswith(("file:", "data:", "blob:"))] == []
        assert page.evaluate("window.hacked") is None
        page.close()


def head(page) -> str:
    return page.locator("#head-title").inner_text()


def test_a_click_on_a_cell_shows_its_head(open_page):
    page = open_page()
    page.locator("#heads-table button").nth(4 * 2 + 1).click()
    page.wait_for_selector("#head-panel[data-head='3.1']")
    assert head(page) == "Block 3, head 1"
    assert page.url.endswith("#block=3&head=1")
    assert page.locator("#matrix-attention h4").inner_text() == "Attention map, block 3, head 1"


def test_a_deep_link_opens_its_head(open_page):
    assert head(open_page(fragment="#block=2&head=3")) == "Block 2, head 3"


def test_a_deep_link_to_no_head_opens_the_page_all_the_same(open_page):
    assert head(open_page(fragment="#block=99&head=3")).startswith("Block ")


def test_the_grid_is_walked_by_keys(open_page):
    page = open_page(fragment="#block=1&head=0")
    page.locator("#heads-table button").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#head-panel[data-head='2.1']")
    assert page.locator("#heads-table button[tabindex='0']").count() == 1


def test_the_grid_shows_the_chosen_statistic_and_run(open_page):
    page = open_page()
    cell = page.locator("#heads-table button").first
    page.select_option("#heads-statistic", "specialisation/repetition")
    encoder = cell.get_attribute("aria-label")
    assert encoder is not None
    assert encoder.startswith("Block 1, head 0, repetition: ")
    page.select_option("#heads-run", "shuffled tokens")
    assert cell.get_attribute("aria-label") != encoder
    assert "of the shuffled tokens" in page.locator("#head-choice").inner_text()
    assert page.locator("#head-encoder-only").is_visible()
    assert page.locator("#heads-table td.whole").first.inner_text() != ""


def test_a_hostile_token_is_text_and_does_not_run(open_page):
    page = open_page(fragment="#block=1&head=0")
    assert HOSTILE in page.locator("#head-anchors").inner_text()
    image = page.locator("#matrix-attention image")
    box = image.bounding_box()
    pitch = box["width"] / 48
    image.hover(position={"x": 3.5 * pitch, "y": 3.5 * pitch})
    readout = page.locator("#matrix-attention .readout").inner_text()
    assert readout.startswith(f"{HOSTILE} (3) attends to {HOSTILE} (3)")
    assert page.locator("img").count() == 0


def test_the_matrix_shows_the_values_of_the_study(open_page, study: Path):
    import numpy as np

    page = open_page(fragment="#block=2&head=3")
    with np.load(study / "examples" / "0.npz") as arrays:
        attention = arrays["attention"][1, 3].astype(np.float64)
        similarity = arrays["similarity"][1, 3].astype(np.float64)
    for name, matrix, tolerance in (("attention", attention, 0.01), ("similarity", similarity, 1)):
        image = page.locator(f"#matrix-{name} image")
        pitch = image.bounding_box()["width"] / 48
        image.hover(position={"x": 7.5 * pitch, "y": 30.5 * pitch})
        readout = page.locator(f"#matrix-{name} .readout").inner_text()
        shown = float(re.search(r"\): ([-\d.]+)", readout)[1])
        bound = tolerance * max(np.abs(matrix).max() / 50, 0.5)
        assert abs(shown - matrix[30, 7]) < bound


def test_another_text_can_be_chosen(open_page):
    page = open_page()
    page.select_option("#heads-example", "1")
    caption = "document.querySelector('#matrix-attention figcaption')"
    until(page, f"{caption}.textContent.includes('xz:2')")


@pytest.mark.parametrize("width", [420, 768, 1400])
def test_the_page_never_scrolls_sideways(open_page, width: int):
    page = open_page(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_and_picture_has_a_name(open_page):
    page = open_page()
    page.wait_for_selector("#heads-sheet canvas")
    nameless = page.evaluate(
        """[...document.querySelectorAll('button, select, input, canvas, svg:not(svg svg)')]
            .filter((e) => !(e.getAttribute('aria-label') || e.labels?.length
                || e.textContent.trim() && e.tagName !== 'svg')).length"""
    )
    assert nameless == 0


def test_no_words_are_smaller_than_eleven_pixels(open_page):
    page = open_page()
    small = page.evaluate(
        """[...document.querySelectorAll('body *')].filter((e) => e.checkVisibility()
            && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())
            && !['SCRIPT', 'STYLE'].includes(e.tagName)
            && parseFloat(getComputedStyle(e).fontSize) < 11)
            .map((e) => e.outerHTML.slice(0, 90))"""
    )
    assert small == []


def test_claims_without_a_verdict_open_with_their_charts(open_page):
    page = open_page()
    chart = page.locator("details.more .chart[data-chart]").first
    assert not chart.is_visible()
    page.locator("details.more > summary").click()
    page.wait_for_selector("details.more .chart[data-drawn]")
    assert chart.bounding_box()["width"] > 200


def test_the_first_menu_of_a_section_is_a_few_stops_away(open_page):
    page = open_page()
    reached = []
    while "heads-statistic" not in reached and len(reached) < 25:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert "heads-statistic" in reached


def test_a_chart_is_saved_as_svg_with_plain_colours(open_page):
    page = open_page()
    figure = page.locator("#claims figure").first
    figure.locator("summary").click()
    with page.expect_download() as waiting:
        figure.locator("button", has_text="SVG").click()
    saved = Path(waiting.value.path()).read_text("utf-8")
    assert "#0f5c9c" in saved
    assert "var(--" not in saved


def test_dark_mode_changes_page_and_charts(chromium, study: Path):
    page = chromium.new_page(viewport={"width": 900, "height": 700}, color_scheme="dark")
    page.goto((study / "report.html").as_uri())
    page.wait_for_selector("#claims .chart[data-drawn] svg")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    words = page.evaluate(
        "getComputedStyle(document.querySelector('#claims svg .role-axis-title text')).fill"
    )
    assert max(map(int, re.findall(r"\d+", ground))) < 60
    assert min(map(int, re.findall(r"\d+", words))) > 150
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.close()


def test_a_head_is_picked_from_the_sheet_of_all_heads(open_page):
    page = open_page()
    page.wait_for_selector("#heads-sheet button")
    page.locator("#heads-sheet button").nth(4 + 2).click()
    page.wait_for_selector("#head-panel[data-head='2.2']")
    assert page.locator("#heads-sheet button[aria-pressed='true']").count() == 1


def test_a_tokens_confusions_and_clusters_are_found(open_page):
    page = open_page()
    page.fill("#learned-search", "word3")
    assert page.locator("#learned-token").inner_text() == "word3: 10 occurrences"
    rows = page.locator("#learned-confusions tr").all_inner_texts()
    assert [row.split() for row in rows] == [["word3", "60.0", "%"], ["word4", "40.0", "%"]]
    assert page.locator("#learned-clusters li").all_inner_texts() == ["word3\nword4"]
    page.locator("#learned-confusions button", has_text="word4").click()
    assert page.locator("#learned-token").inner_text() == "word4: 10 occurrences"


def test_a_hostile_token_under_the_pointer_is_text(open_page):
    page = open_page()
    point = page.locator("#figure-apt-against-frequency .mark-symbol path[aria-label*='onerror']")
    point.first.hover(force=True)
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert HOSTILE in page.locator("#vg-tooltip-element").inner_text()
    assert page.locator("#vg-tooltip-element img").count() == 0
