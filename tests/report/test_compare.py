"""The comparison's page and folder, from study folders alone."""

import html
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import HOSTILE
from typer.testing import CliRunner

from blocklens.claims import evaluate
from blocklens.claims.comparison import Compared, inputs_of, other_options
from blocklens.claims.registry import REGISTRY
from blocklens.cli import app
from blocklens.errors import UserError
from blocklens.report.compare import (
    compare,
    from_step_to_step,
    inputs_words,
    write_comparison_figures,
)
from helpers import drawn, write_record

GROUPS, BLOCKS, HEADS = 32, 6, 3


def sums(strength: float, seed: int) -> pd.DataFrame:
    """One statistic's sums of an encoder and three untrained twins."""
    group, block, head = (a.ravel() for a in np.indices((GROUPS, BLOCKS, HEADS)))
    frames = []
    for number, run in enumerate(("encoder", "untrained 0", "untrained 1", "untrained 2")):
        noise = np.random.default_rng([seed, number]).normal(0, 0.03, len(group))
        effect = np.exp(noise + (strength if run == "encoder" else 0))
        frames.append(
            pd.DataFrame(
                {
                    "run": run, "measure": "separators", "statistic": "attention to full stop",
                    "group": group, "block": block + 1, "head": head,
                    "observed": 50 * effect, "expected": 50.0,
                }
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True).astype({"head": "Int64"})


def build(folder: Path, encoder: str, strength: float, texts: str = "abc") -> Path:
    (folder / "tables").mkdir(parents=True)
    tables = {"sums": sums(strength, len(encoder))}
    tables["claims"] = evaluate(tables)
    for name, table in tables.items():
        table.to_parquet(folder / "tables" / f"{name}.parquet")
    hashes = {"texts": texts, "encoder": encoder}
    return write_record(folder, encoder=encoder, blocks=BLOCKS, heads=HEADS, hashes=hashes)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("studies")
    return [
        build(place / "one", f"acme/{HOSTILE.replace('/', '')}", 0.9),
        build(place / "two", "acme/second", 0.1),
    ]


def test_the_command_writes_a_page_and_both_tables(studies: list[Path], tmp_path: Path):
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["compare", *map(str, studies), "--out", str(out)])
    assert result.exit_code == 0, result.output
    page = (out / "report.html").read_text("utf-8")
    effects = pd.read_parquet(out / "tables" / "effects.parquet")
    assert set(effects["verdict"]) >= {"holds", "does not hold"}
    for row in effects.to_dict("records"):
        assert row["statement"] in html.unescape(page)
        assert row["verdict"] in page
    assert "default-src &#39;none&#39;" in page
    assert HOSTILE.replace("/", "") not in page
    differences = pd.read_parquet(out / "tables" / "differences.parquet")
    assert differences["how"].tolist() == ["paired"] * len(differences)


@pytest.mark.parametrize(("second", "title"), [("a", "2 studies"), ("b", "2 encoders")])
def test_studies_of_one_encoder_are_not_called_encoders(tmp_path: Path, second: str, title: str):
    both = [build(tmp_path / "one", "a", 0.9), build(tmp_path / "two", second, 0.1)]
    compare(*both, out=tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert f"<h1>{title} side by side</h1>" in page


def test_other_texts_are_marked(studies: list[Path], tmp_path: Path):
    other = build(tmp_path / "three", "acme/third", 0.5, texts="other")
    comparison = compare(*studies, other, out=tmp_path / "out")
    rows = comparison.differences
    of_third = (rows["first"] == "third") | (rows["second"] == "third")
    assert set(rows.loc[of_third, "how"]) == {"other texts"}
    assert set(rows.loc[~of_third, "how"]) == {"paired"}
    assert '<span class="tag">other texts</span>' in (tmp_path / "out/report.html").read_text()


def test_other_options_are_named_and_such_pairs_are_marked(tmp_path: Path):
    folders = [build(tmp_path / name, "acme/one", 0.5) for name in ("a", "b", "c")]
    for folder, window in zip(folders, (None, 64, 64), strict=True):
        record = json.loads((folder / "study.json").read_text())
        record["options"] = {
            "window": window, "untrained": window or 3, "learned": {"tokens": 128}, "classes": None,
        }  # fmt: skip
        (folder / "study.json").write_text(json.dumps(record))
    rows = compare(*folders, out=tmp_path / "out").differences
    alike = ~(rows["first"].str.contains("(a)", regex=False))
    assert set(rows.loc[alike, "how"]) == {"paired"}
    assert set(rows.loc[~alike, "how"]) == {"measured otherwise"}
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "window: the default and 64" in page
    assert "untrained: " not in page  # how many twins there are changes no figure


def test_only_options_that_a_claim_depends_on_make_it_measured_otherwise():
    heads, tokens, texts, confidence = (
        REGISTRY[name]
        for name in ("p1-same-sentence", "p2-apt-rises", "p2-class-accuracy", "p2-confidence")
    )  # fmt: skip
    plain = {"window": 64, "learned": {"tokens": 128}, "classes": None}
    one = Compared("a", "a", {"texts": "x"}, {}, plain)
    other = Compared("b", "b", {"texts": "x"}, {}, {**plain, "learned": {"tokens": 64}})
    said = ["learned.tokens: 128 and 64"]
    assert [other_options(one, other, claim) for claim in (heads, tokens, texts)] == [[], said, []]
    with_classes = Compared("c", "c", {"texts": "x"}, {}, {**plain, "classes": {"variant": "both"}})
    assert other_options(one, with_classes) == []  # what one has not measured is no difference
    read_out = Compared("d", "d", {"texts": "x"}, {}, {**plain, "classes": {"variant": "read-out"}})
    assert other_options(read_out, with_classes, texts) == []
    assert other_options(read_out, with_classes, confidence) == [
        "classes.variant: read-out and both"
    ]


def test_claims_on_text_classes_compare_the_labelled_texts_and_others_the_texts():
    one, other, without = (
        Compared(name, name, {"texts": "x", **labelled}, {})
        for name, labelled in (
            ("a", {"labelled texts": "y"}), ("b", {"labelled texts": "z"}), ("c", {}),
        )
    )  # fmt: skip
    for name, same in (("p1-same-sentence", True), ("p2-apt-rises", True),
                       ("p2-class-accuracy", False), ("p2-confidence", False)):  # fmt: skip
        claim = REGISTRY[name]
        assert (inputs_of(one, claim) == inputs_of(other, claim)) is same
    assert inputs_words([one, other]).endswith(
        "Their text classes are of different labelled texts."
    )
    assert inputs_words([one, without]) == "All were measured on the same texts."
    earlier = Compared("e", "e", {"texts": "x"}, {}, {"classes": {"variant": "both"}})
    assert inputs_of(earlier, REGISTRY["p2-class-accuracy"]) == {}
    assert inputs_of(earlier, REGISTRY["p2-apt-rises"]) == {"texts": "x"}
    images = Compared("d", "d", {"images": "w"}, {})
    assert inputs_of(images, REGISTRY["p2-image-accuracy"]) == {"images": "w"}


def test_checkpoints_are_shown_along_their_steps(tmp_path: Path):
    strengths = {10: 0.0, 20: 0.9, 30: 1.0}
    folders = [
        build(tmp_path / str(step), f"bert/checkpoint-{step}", strength)
        for step, strength in strengths.items()
    ]
    series = compare(*folders, out=tmp_path / "out").series
    assert series is not None
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert 'id="training"' in page
    assert "after step 10, by step 20" in page
    assert "2 of 3 checkpoints" in page


def test_of_checkpoints_the_page_shows_the_differences_from_each_to_the_next(tmp_path: Path):
    # In the order of a shell: by name, not by step.
    folders = [
        build(tmp_path / f"s{step}", f"bert/checkpoint-{step}", step / 100)
        for step in (1000, 200, 30, 5)
    ]
    comparison = compare(*folders, out=tmp_path / "out")
    shown = from_step_to_step(comparison).differences
    pairs = {frozenset(int(name.split("-")[1]) for name in pair)
             for pair in zip(shown["first"], shown["second"], strict=True)}  # fmt: skip
    assert pairs == {frozenset(p) for p in ((5, 30), (30, 200), (200, 1000), (5, 1000))}
    assert len(comparison.differences) == len(shown) / 4 * 6


def test_figures_of_a_comparison_are_written_beside_its_page(studies: list[Path], tmp_path: Path):
    compare(*studies, out=tmp_path / "out")
    result = CliRunner().invoke(app, ["figures", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    files = {file.name for file in (tmp_path / "out" / "figures").iterdir()}
    assert {"effects-p1-full-stop.svg", "effects-p1-full-stop.png"} <= files


def test_figures_are_written_from_any_folder_and_also_where_all_was_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "before").mkdir()
    monkeypatch.chdir(tmp_path / "before")
    both = [build(Path(name), f"acme/{name}", 0.5) for name in ("one", "two")]
    compare(*both, out="out")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "before").rename(tmp_path / "after")
    assert len(write_comparison_figures(Path("after/out"))) > 0
    (tmp_path / "after" / "out" / "comparison.json").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        write_comparison_figures(Path("after/out"))


def test_one_study_the_same_twice_or_none_is_refused(studies: list[Path], tmp_path: Path):
    with pytest.raises(UserError, match="two or more"):
        compare(studies[0])
    with pytest.raises(UserError, match="the same study twice"):
        compare(studies[0], studies[0])
    with pytest.raises(UserError, match=r"no readable study\.json"):
        compare(studies[0], tmp_path)


def test_a_foreign_folder_is_left_alone(studies: list[Path], tmp_path: Path):
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(UserError, match="holds other files"):
        compare(*studies, out=tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_report_and_comparison_load_neither_pytorch_nor_transformers():
    code = (
        "import sys, blocklens.report, blocklens.report.compare; "
        "print(*sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.browser
@pytest.mark.parametrize("width", [420, 1400])
def test_the_page_is_drawn_without_an_error_or_a_request(chromium, studies, tmp_path, width):
    compare(*studies, out=tmp_path / "out")
    page = chromium.new_page(viewport={"width": width, "height": 900})
    requests, errors = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.goto((tmp_path / "out" / "report.html").as_uri())
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.hacked") is None
    assert errors == []
    assert [r for r in requests if not r.startswith(("file:", "data:", "blob:"))] == []
    page.close()
