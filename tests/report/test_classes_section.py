"""The report of text classes: its figures are its tables', whatever a class is called."""

import re
from pathlib import Path

import pytest
from synthetic import HOSTILE
from synthetic_images import BLOCKS
from synthetic_texts import build_text_study, text_tables

from blocklens.confidence.replacement import SHARES
from blocklens.errors import UserError
from blocklens.labels.tasks import FINE_TUNED, TEXT
from blocklens.report import StudyFolder, charts, write_report
from blocklens.report.labels_section import change, hardest, labels_section, part
from blocklens.report.methods_section import terms_of
from helpers import drawn, marks_in

TABLES = text_tables()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = build_text_study(tmp_path_factory.mktemp("texts") / "study")
    write_report(folder)
    return folder


def test_a_study_without_labelled_texts_has_no_section_of_classes():
    assert labels_section(StudyFolder(Path(), {}, {}), (TEXT, FINE_TUNED)) is None


def test_each_variant_s_rows_hold_what_its_tables_hold(folder):
    for task, first in ((TEXT, 0), (FINE_TUNED, 1)):
        rows = part(folder, task, titled=True)["blocks"]
        assert [row["block"] for row in rows] == list(range(first, BLOCKS + 1))
        learning = TABLES["learning"].query("block == 3 and statistic == 'accuracy'")
        learning = learning[learning["task"].eq(task.name)]
        values = learning.set_index("run")["value"]
        assert rows[-1]["accuracy"]["value"] == values["encoder"]
        assert rows[-1]["untrained"] == values["untrained 0"]


def test_the_hardest_classes_come_first_with_what_they_are_taken_for(folder):
    rows = hardest(folder, FINE_TUNED)
    assert [row["value"] for row in rows] == sorted(row["value"] for row in rows)
    taken = {row["label"]: row["taken_for"] for row in rows}
    assert (taken["cat"], taken["dog"]) == ("dog", "cat")


def test_confidence_is_shown_for_all_and_for_right_answers(folder):
    rows = change(folder, (TEXT, FINE_TUNED))["rows"]
    assert [row["name"] for row in rows] == ["all answers", "right answers"]
    table = TABLES["confidence"].set_index(["subset", "statistic"])
    for row, subset in zip(rows, ("all", "correct"), strict=True):
        wanted = table.loc[(subset, "change over the range")]
        assert [row["change"][n] for n in ("value", "low", "high")] == wanted[
            ["value", "low", "high"]
        ].tolist()


def test_charts_draw_every_bin_and_arm(folder):
    chart = charts.confidence_curve(folder.table("confidence_curve"))
    assert marks_in(chart)
    margin, rows = sorted(chart.to_dict()["datasets"].values(), key=len)
    assert len(rows) == len(TABLES["confidence_curve"])
    assert margin[0]["high"] - margin[0]["low"] == pytest.approx(0.02)
    for statistic in ("prediction change", "accuracy"):
        chart = charts.replacement(folder.table("replacement"), statistic)
        assert marks_in(chart)
        (rows,) = chart.to_dict()["datasets"].values()
        assert len(rows) == 3 * len(SHARES)  # the differences are a claim's, not a curve
        assert {row["tokens_replaced"] for row in rows} >= {"strong match partner"}
    with pytest.raises(UserError, match="'nothing' is not in the table: pick one of accuracy"):
        charts.replacement(folder.table("replacement"), "nothing")


def test_terms_are_those_of_labels_and_texts_and_not_of_heads(folder):
    names = [name for name, _, _ in terms_of(folder)]
    assert {"Read-out", "Strong match clusters", "Input APT", "Replacement"} <= set(names)
    assert "Distance" not in names


def test_the_page_speaks_of_text_classes_and_holds_no_markup_of_a_class(study):
    page = re.sub(r"\s+", " ", (study / "report.html").read_text("utf-8"))
    for words in (
        "Text classes", "Read-outs of the frozen encoder", "Fine-tuned up to each block",
        "TF-IDF with logistic regression on the same texts is right on",
        "Block 2 is the earliest within 1 point of the last, 3: 0.695 against 0.700",
        "the model fine-tuned up to the last block", "taken once: 7.",
        "The confidence of a fine-tuned model does not depend on the APT of its input.",
    ):  # fmt: skip
        assert words in page, words
    assert HOSTILE not in page
    assert "&lt;/script&gt;&lt;img src=x onerror" in page


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
    assert HOSTILE in page.locator("#classes").inner_text()
    for name in (
        "claim-p2-class-accuracy",
        "claim-p2-finetuned-accuracy",
        "claim-p2-confidence",
        "claim-p2-partners-replace",
        "text-confusion",
    ):
        box = page.locator(f"#figure-{name}").bounding_box()
        assert box["height"] > 100
        assert box["width"] <= width
    assert errors == []
    assert [r for r in requests if not r.startswith(("file:", "data:", "blob:"))] == []
    page.close()
