"""The sections as data: which tables they need, what they put on the page."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import vl_convert
from synthetic import Shape, claim_rows, distance_rows, head_rows
from synthetic_learned import learned_tables
from synthetic_texts import text_tables

from blocklens.claims import REGISTRY, evaluate
from blocklens.errors import UserError
from blocklens.labels.tables import MEAN
from blocklens.labels.tasks import TOKENS
from blocklens.report import Figure, Section, StudyFolder
from blocklens.report.blocks_section import blocks_section
from blocklens.report.claim_figures import along_caption, claim_figure
from blocklens.report.claims_section import claims_section, sink_caveat
from blocklens.report.example_maps import pack
from blocklens.report.formatting import number
from blocklens.report.heads_section import grid_statistics, grid_values, heads_section
from blocklens.report.interval_plot import interval_rows
from blocklens.report.label_browser import browser_data
from blocklens.report.labels_section import key_figures, labels_section, labels_sections
from blocklens.report.methods_section import flat_options
from blocklens.report.training_section import training_section
from helpers import marks_in

SHAPE = Shape(blocks=2, heads=3, tokens=40)
STUDY = {"encoder": "tiny", "blocks": 2, "heads": 3}


@pytest.fixture(scope="module")
def folder() -> StudyFolder:
    rng = np.random.default_rng(0)
    tables = {"heads": head_rows(SHAPE, rng), "distances": distance_rows(SHAPE, rng)}
    return StudyFolder(Path(), STUDY, {**tables, **learned_tables(), "claims": claim_rows()})


def test_a_part_without_its_tables_has_no_section():
    empty = StudyFolder(Path(), STUDY, {})
    for build in (
        claims_section,
        blocks_section,
        heads_section,
        labels_sections[0],
        training_section,
    ):
        assert build(empty) is None


def test_every_figure_is_drawn_and_has_one_sentence(folder: StudyFolder):
    for build in (claims_section, blocks_section, labels_sections[0], training_section):
        section = build(folder)
        assert section is not None
        for figure in section.figures:
            assert marks_in(figure.chart)
            assert figure.caption.endswith(".")


def test_names_that_are_no_file_names_are_refused():
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        Section(id="a/b", title="")
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        Section(id="a", title="", figures=(Figure("../x", None, ""),))


@pytest.mark.parametrize(
    "wish",
    [
        {"table": "heads", "measure": "distance", "statistic": "mean distance", "cut": 0.02},
        {"table": "heads", "statistic": ["attention to comma", "attention to full stop"]},
        {"table": "learning", "statistic": MEAN, "task": "tokens"},
        {"table": "frequency", "statistic": "frequency slope", "task": "tokens"},
        {"table": "cluster_sweep", "statistic": "clusters", "task": "tokens"},
        {"table": "training_sizes", "statistic": "apt"},
    ],
)
def test_a_claim_gets_the_figure_it_asks_for(folder: StudyFolder, wish: dict):
    figure = claim_figure({"id": "p1 / x", "figure": wish}, folder)
    assert figure is not None
    assert figure.name == "claim-p1-x"
    assert marks_in(figure.chart)


def test_a_claim_whose_table_is_missing_has_no_figure(folder: StudyFolder):
    for wish in (None, "", {}, {"table": "nothing", "statistic": "x"}):
        assert claim_figure({"id": "x", "figure": wish, "effect": 1.0}, folder) is None


def test_a_chart_does_not_vanish_where_its_claim_has_an_effect(folder: StudyFolder):
    claim = {"id": "x", "figure": {"statistic": "nothing"}, "effect": 1.0}
    with pytest.raises(UserError, match="the figure of the claim x: 'nothing' is not"):
        claim_figure(claim, folder)
    assert claim_figure({**claim, "effect": float("nan")}, folder) is None


GOLDEN = Path(__file__).parents[1] / "golden"


def test_every_registered_claim_has_its_figure_in_some_study():
    studies = [
        {file.stem: pd.read_parquet(file) for file in place.glob("*.parquet")}
        for place in GOLDEN.iterdir()
    ]
    drawn: set[str] = set()
    for tables in (*studies, text_tables()):  # no golden study replaces tokens by partners
        study = StudyFolder(Path(), STUDY, tables)
        for row in evaluate(tables).to_dict("records"):
            figure = claim_figure(row, study)
            if figure is not None:
                svg = vl_convert.vegalite_to_svg(figure.chart.to_dict())
                assert "<path" in svg, row["id"]
                drawn.add(row["id"])
    wanted = {claim.id for claim in REGISTRY.values() if claim.figure}
    assert drawn == wanted


def test_a_chart_that_two_claims_ask_for_is_shown_once(folder: StudyFolder):
    claims = claim_rows()
    twice = pd.concat([claims, claims.iloc[:1].assign(id="again")], ignore_index=True)
    section = claims_section(StudyFolder(Path(), STUDY, {**folder.tables, "claims": twice}))
    assert section is not None
    names = [figure.name for figure in section.figures]
    assert "claim-distance" in names
    assert "claim-again" not in names
    assert section.html.count('href="#claim-distance"') == 1


def test_the_separator_claim_says_what_else_is_a_sink(folder: StudyFolder):
    heads = folder.tables["heads"]
    last = heads[heads["head"].isna() & (heads["block"] == 2)]
    effects = last.set_index(["run", "statistic"])["effect"].to_dict()
    caveat = sink_caveat(folder)
    for run_and_statistic in (
        ("encoder", "attention to separator"),
        ("encoder", "attention to start token"),
        ("shuffled", "attention to separator"),
    ):
        assert number(effects[run_and_statistic]) in caveat
    assert sink_caveat(StudyFolder(Path(), STUDY, {})) == ""


def test_a_caption_names_the_controls_that_were_run(folder: StudyFolder):
    heads = folder.tables["heads"]
    caption = along_caption(heads, "noise", 0.02)
    for named in ("Noise", "2 untrained twins", "shuffled", "2 %", "single heads"):
        assert named in caption
    alone = heads[heads["run"] == "encoder"]
    caption = along_caption(alone, "uniqueness", None)
    for named in ("twin", "shuffled", "the pairs"):
        assert named not in caption


def test_the_grid_holds_the_table_at_the_default_cut(folder: StudyFolder):
    heads = folder.tables["heads"]
    statistics = grid_statistics(heads)
    values = grid_values(heads, statistics, (2, 3))
    assert set(values) == {"encoder", "untrained twins", "shuffled tokens"}
    entry = values["encoder"]["specialisation/anchor"]
    row = heads.query(
        "run == 'encoder' and statistic == 'anchor' and block == 2 and head == 1 and cut == 0.01"
    )
    assert entry["effect"][1 * 3 + 1] == pytest.approx(float(row["effect"].iloc[0]), rel=1e-3)
    assert len(entry["low_block"]) == 2
    twins = heads[heads["run"].str.startswith("untrained")].query(
        "statistic == 'anchor' and block == 1 and head == 0 and cut == 0.01"
    )
    mean = values["untrained twins"]["specialisation/anchor"]["effect"][0]
    assert mean == pytest.approx(twins["effect"].mean(), rel=1e-3)


def test_a_statistic_that_two_measures_share_is_offered_once():
    heads = head_rows(SHAPE, np.random.default_rng(0))
    same = heads[(heads["measure"] == "sentences") & (heads["statistic"] == "same sentence")]
    rest = heads[(heads["measure"] != "specialisation") | (heads["statistic"] != "same sentence")]
    doubled = pd.concat([rest, same.assign(measure="specialisation")], ignore_index=True)
    names = [s["name"] for s in grid_statistics(doubled)]
    assert names.count("same sentence") == 1
    assert len([s for s in grid_statistics(heads) if s["name"] == "same sentence"]) == 2


def test_packed_matrices_unpack_to_the_study_s():
    import base64
    import zlib

    from blocklens.heads.example import Example

    rng = np.random.default_rng(0)
    attention = rng.dirichlet(np.ones(7), (1, 2, 7)).astype(np.float16)
    vectors = rng.normal(size=(1, 2, 7, 4))
    similarity = (vectors @ vectors.swapaxes(-1, -2)).astype(np.float16)
    example = Example("x", list("abcdefg"), [0] * 7, [False] * 7, attention, similarity)
    packed = pack(example)
    levels = np.frombuffer(zlib.decompress(base64.b64decode(packed["attention"][1])), np.uint8)
    assert np.abs((levels / 255) ** 2 - attention[0, 1].ravel()).max() < 0.005
    entry = packed["similarity"][1]
    share = np.frombuffer(zlib.decompress(base64.b64decode(entry["data"])), np.uint8) / 127.0 - 1
    wanted = similarity[0, 1][np.tril_indices(7)].astype(float)
    assert np.abs(np.sign(share) * share**2 * entry["max"] - wanted).max() < 0.01 * entry["max"]


def test_interval_strips_put_the_larger_effect_further_right():
    effect, control = interval_rows((2.0, 1.5, 2.5), (1.0, 0.9, 1.1), 1.0)
    assert "encoder" in effect
    assert "control" in control
    assert _centre(effect) > _centre(control)
    blank = interval_rows((float("nan"),) * 3, (float("nan"),) * 3, float("nan"))
    assert blank == ("", "")


def _centre(strip: str) -> float:
    return float(strip.split('cx="')[1].split('"')[0])


def test_what_was_learned_is_told_with_intervals_and_number_of_tokens(folder: StudyFolder):
    found = key_figures(folder, TOKENS)
    rows = found["rows"]
    assert [row["name"] for row in rows][:2] == ["<APT>", "masked-LM accuracy"]
    assert found["columns"] == [
        "block 0",
        "block 3",
        "block 3, untrained twin",
        "block 3, own head (lens)",
    ]
    assert [cell["block"] for cell in rows[0]["cells"]] == [0, 3, 3, 3]
    assert [cell["run"] for cell in rows[0]["cells"]] == ["encoder"] * 2 + ["untrained 0", "lens"]
    assert rows[0]["cells"][1]["n_types"] == 400
    section = labels_section(folder, (TOKENS,))
    assert section is not None
    assert "trained on the frozen output" in section.intro
    assert "&lt;APT&gt;" in section.html


def test_the_browser_holds_the_predictions_of_the_last_block(folder: StudyFolder):
    data = browser_data(folder, TOKENS, block=3)
    tokens = {name: (total, predictions) for name, total, predictions in data["tokens"]}
    assert tokens["word7"] == (10, [["word7", 6], ["word8", 4]])
    assert data["clusters"][1] == ["word3", "word4"]
    assert (data["theta"], data["cluster_count"]) == (0.3, 2)


@pytest.mark.parametrize("elsewhere", [{"run": "untrained 0"}, {"block": 1}])
def test_clusters_of_another_run_or_block_are_not_shown_as_the_last_blocks(
    folder: StudyFolder, elsewhere: dict[str, Any]
):
    tables = {**folder.tables, "clusters": folder.tables["clusters"].assign(**elsewhere)}
    section = labels_section(replace(folder, tables=tables), (TOKENS,))
    assert section is not None
    assert section.data["clusters"] == []
    assert section.data["cluster_count"] == 0


def test_nested_options_are_told_by_dotted_names():
    options = {"heads": {"cut": 0.01}, "window": None, "long": "cut"}
    assert list(flat_options(options)) == [
        ("heads.cut", "0.01"),
        ("window", "not set"),
        ("long", "cut"),
    ]
