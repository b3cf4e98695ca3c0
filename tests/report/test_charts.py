"""The chart functions: valid Vega-Lite, and the numbers of the table in it."""

import numpy as np
import pandas as pd
import pytest
from synthetic import Shape, anchor_rows, claim_rows, distance_rows, head_rows

from blocklens.errors import UserError
from blocklens.report import charts
from blocklens.report.charts.along_blocks import by_control, rows_of
from blocklens.report.charts.matrices import sentence_borders
from blocklens.report.charts.one_head import distance_edges
from blocklens.report.charts.one_head import distance_rows as binned
from helpers import marks_in

SHAPE = Shape(blocks=2, heads=3, tokens=40)


@pytest.fixture(scope="module")
def heads() -> pd.DataFrame:
    return head_rows(SHAPE, np.random.default_rng(0))


def data_of(chart) -> dict[str, list[dict]]:
    return chart.to_dict()["datasets"]


def test_charts_of_tables_are_drawn(heads: pd.DataFrame):
    rng = np.random.default_rng(1)
    distances = distance_rows(SHAPE, rng)
    default = heads[heads["cut"].isna() | (heads["cut"] == 0.01)]
    for chart in (
        charts.along_blocks(heads, "repetition"),
        charts.grid(heads, "repetition", cut=0.05),
        charts.sweep(heads),
        charts.compare_along_blocks(heads, ["attention to comma", "attention to full stop"]),
        charts.claims(claim_rows()),
        charts.distances(distances, 1, 2),
        charts.distances(distances, 1),
        charts.distance_map(distances),
        charts.profile(default, 2, 1),
        charts.anchors(anchor_rows(SHAPE, rng), 1, 0),
    ):
        assert marks_in(chart)


def test_matrices_are_images_with_named_tokens():
    tokens = ["[CLS]", "a", "b", ".", "c", "[SEP]"]
    matrix = np.random.default_rng(0).dirichlet(np.ones(6), 6)
    chart = charts.attention_map(matrix, tokens, [-1, 0, 0, 0, 1, -1])
    assert marks_in(chart)
    assert marks_in(charts.similarity(matrix - 0.2, tokens))
    named = [row["token"] for rows in data_of(chart).values() for row in rows if "token" in row]
    assert set(tokens) <= set(named)
    with pytest.raises(UserError, match="expected 6 x 6"):
        charts.attention_map(matrix[:5, :5], tokens)


def test_a_contact_sheet_shows_every_head():
    maps = np.random.default_rng(0).dirichlet(np.ones(5), (2, 3, 5))
    assert marks_in(charts.contact_sheet(maps))


def test_grid_holds_every_head_of_the_table_once(heads: pd.DataFrame):
    rows = rows_of(heads, "anchor")
    rows = rows[(rows["run"] == "encoder") & rows["head"].notna()]
    data = next(iter(data_of(charts.grid(heads, "anchor")).values()))
    assert {(r["block"], r["head"]): r["effect"] for r in data} == {
        (b, h): e for b, h, e in zip(rows["block"], rows["head"], rows["effect"], strict=True)
    }


def test_untrained_twins_are_one_curve_whose_band_covers_them(heads: pd.DataFrame):
    rows = rows_of(heads, "local")
    twins = rows[rows["run"].str.startswith("untrained") & rows["head"].isna() & (rows.block == 1)]
    curve = by_control(rows)
    got = curve[(curve["series"] == "untrained twins") & (curve["block"] == 1)].iloc[0]
    assert len(twins) == 2
    assert got["value"] == pytest.approx(twins["effect"].mean())
    assert (got["low"], got["high"]) == (twins["low"].min(), twins["high"].max())


def test_the_default_cut_is_one_per_cent(heads: pd.DataFrame):
    assert set(rows_of(heads, "noise")["cut"]) == {0.01}
    assert set(rows_of(heads, "noise", cut=0.05)["cut"]) == {0.05}


def test_an_unknown_statistic_cut_or_head_is_named(heads: pd.DataFrame):
    with pytest.raises(UserError, match="'nothing' is not in the table"):
        charts.grid(heads, "nothing")
    with pytest.raises(UserError, match=r"not measured at the cut 0\.3"):
        charts.grid(heads, "noise", cut=0.3)
    with pytest.raises(UserError, match="block 9, head 1"):
        charts.profile(heads, 9, 1)


def test_binned_distances_are_shares_of_all_pairs():
    pairs = np.random.default_rng(0).integers(0, 9, 511).astype(float)
    rows = binned(pairs, np.ones(511))
    width = rows["end"] - rows["start"]
    assert (rows["share"] * width).sum() == pytest.approx(1)
    assert (rows["null"] * width).sum() == pytest.approx(1)
    assert len(rows) <= 128


@pytest.mark.parametrize("longest", [1, 2, 3, 5, 127, 511])
def test_distance_edges_cover_every_distance_once(longest: int):
    edges = distance_edges(longest)
    assert edges[0] == 1
    assert edges[-1] == longest + 1
    assert (np.diff(edges) > 0).all()


def test_sentence_borders_skip_special_tokens():
    assert sentence_borders([-1, 0, 0, -1, 0, 1, 1, -1, 2, -1]) == [5, 8]
