"""The report in a real browser: loads nothing, runs nothing hostile, answers to clicks and keys."""

from pathlib import Path

import pytest
from synthetic import HOSTILE

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
        page.wait_for_function(
            "[...document.querySelectorAll('.chart[data-chart]')].every((c) => c.dataset.drawn)",
            timeout=30_000,
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
    assert page.url.endswith("#head=3.1")
    assert page.locator("#matrix-attention h4").inner_text() == "Attention map, block 3, head 1"


def test_a_deep_link_opens_its_head(open_page):
    assert head(open_page(fragment="#head=2.3")) == "Block 2, head 3"


def test_a_deep_link_to_no_head_opens_the_page_all_the_same(open_page):
    assert head(open_page(fragment="#head=99.3")).startswith("Block ")


def test_the_grid_is_walked_by_keys(open_page):
    page = open_page(fragment="#head=1.0")
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
    assert page.locator("#heads-table td.whole").first.inner_text() != ""


def test_a_hostile_token_is_text_and_does_not_run(open_page):
    page = open_page(fragment="#head=1.0")
    assert HOSTILE in page.locator("#head-anchors").inner_text()
    image = page.locator("#matrix-attention image")
    box = image.bounding_box()
    pitch = box["width"] / 48
    image.hover(position={"x": 3.5 * pitch, "y": 3.5 * pitch})
    readout = page.locator("#matrix-attention .readout").inner_text()
    assert readout.startswith(f"{HOSTILE} (3) attends to {HOSTILE} (3)")
    assert page.locator("img").count() == 0


def test_the_matrix_shows_the_values_of_the_study(open_page, study: Path):
    import re

    import numpy as np

    page = open_page(fragment="#head=2.3")
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
    page.wait_for_function(
        "document.querySelector('#matrix-attention figcaption').textContent.includes('xz:2')"
    )


@pytest.mark.parametrize("width", [420, 768, 1400])
def test_the_page_never_scrolls_sideways(open_page, width: int):
    page = open_page(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_has_a_name(open_page):
    page = open_page()
    nameless = page.evaluate(
        """[...document.querySelectorAll('button, select, input')].filter(
            (e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).length"""
    )
    assert nameless == 0


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
