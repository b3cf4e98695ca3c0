"""The report of a study of images: its figures are its tables', whatever a class is called."""

from pathlib import Path

import pytest
from synthetic import HOSTILE
from synthetic_images import BLOCKS, IMAGES, build_image_study, image_tables

from blocklens.labels.tasks import IMAGE
from blocklens.report import StudyFolder, write_report
from blocklens.report.labels_section import block_facts, examples, labels_section
from blocklens.report.methods_section import terms_of
from helpers import drawn, marks_in


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = build_image_study(tmp_path_factory.mktemp("images") / "study")
    write_report(folder)
    return folder


def test_a_study_of_texts_has_no_section_of_images():
    assert labels_section(StudyFolder(Path(), {}, {}), (IMAGE,)) is None


def test_each_block_s_row_holds_what_the_tables_hold(folder):
    rows = block_facts(folder, IMAGE)
    assert [row["block"] for row in rows] == list(range(BLOCKS + 1))
    learning = image_tables()["learning"].query("block == 3")
    accuracy = learning[learning["statistic"].eq("accuracy")].set_index("run")["value"]
    assert rows[3]["accuracy"]["value"] == accuracy["encoder"]
    twins = accuracy[["untrained 0", "untrained 1"]].mean()
    assert rows[3]["untrained"] == pytest.approx(twins)
    assert rows[3]["kept"] == 4
    assert sorted(rows[3]["clusters"][0]) == ["cat", "dog"]


def test_every_figure_is_drawn_and_has_one_sentence(folder):
    section = labels_section(folder, (IMAGE,))
    names = [figure.name for figure in section.figures]
    assert names == [
        "image-accuracy", "image-confusion", "image-clustered", "image-largest", "image-heads-0",
        "image-heads-1",
    ]  # fmt: skip
    for figure in section.figures:
        assert marks_in(figure.chart)
        assert figure.caption.endswith(".")
    assert f"{IMAGES} images" in section.intro


def test_confused_images_are_shown_as_what_they_are(folder):
    pairs = examples(folder, IMAGE)
    assert [(pair["true"], pair["predicted"], pair["images"]) for pair in pairs] == [
        ("cat", "dog", 3),
        (HOSTILE, "cat", 1),
    ]
    assert pairs[0]["shown"][0]["url"].startswith("data:image/png;base64,")


def test_terms_are_those_of_labels_and_of_images_not_of_sentences(folder):
    names = [name for name, _, _ in terms_of(folder)]
    assert {"Read-out", "Strong match clusters", "Noise", "Touching patches"} <= set(names)
    assert "Same sentence" not in names
    assert len(names) == len(set(names))


def test_the_page_speaks_of_images_and_holds_no_markup_of_a_class(study):
    page = (study / "report.html").read_text("utf-8")
    assert "120 images" in page
    assert "1 image was skipped" in page
    assert "these images" in page
    assert HOSTILE not in page
    assert "&lt;/script&gt;&lt;img src=x onerror" in page
    advice = page.partition("Block 2 is the earliest")[2][:200]
    assert "0.695" in advice
    assert "0.700" in advice
    assert "71.0 %" in page


@pytest.mark.browser
@pytest.mark.parametrize("width", [420, 1400])
def test_the_page_is_drawn_without_an_error_a_request_or_scrolling_sideways(chromium, study, width):
    page = chromium.new_page(viewport={"width": width, "height": 900})
    requests, errors = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.goto((study / "report.html").as_uri())
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.hacked") is None
    assert HOSTILE in page.locator(".confused").inner_text()
    # every image is one of the study's own, small, and shown
    images = page.locator(".confused-images img")
    assert images.count() == 2
    assert images.evaluate_all("all => all.every((i) => i.naturalWidth === 8 && i.height <= 96)")
    # a cell lies where the names of its column and row lie
    chart = "#figure-image-confusion"
    cell = page.locator(f"{chart} path[aria-label^='predicted class: dog; true class: cat;']")
    across, down = page.locator(f"{chart} .role-axis-label").all()
    dog = across.locator("text", has_text="dog").bounding_box()
    cat = down.locator("text", has_text="cat").bounding_box()
    box = cell.bounding_box()
    assert abs(dog["x"] + dog["width"] / 2 - box["x"] - box["width"] / 2) < 3
    assert abs(cat["y"] + cat["height"] / 2 - box["y"] - box["height"] / 2) < 3
    heading = page.get_by_role("columnheader", name="untrained", exact=True).first.bounding_box()
    assert heading["height"] < 40  # not broken letter by letter
    assert errors == []
    assert [r for r in requests if not r.startswith(("file:", "data:", "blob:"))] == []
    page.close()
