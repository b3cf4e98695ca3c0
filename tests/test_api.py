"""The Python API is as short as the README says, and its charts draw from its tables."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import blocklens
from helpers import marks_of, random_texts, small_encoder


def test_from_an_encoder_and_strings_to_tables_and_charts(tmp_path):
    encoder = small_encoder()
    found = blocklens.measure(random_texts(25), encoder)
    assert {"block", "head", "statistic", "value", "null", "effect", "low", "high", "n"} <= set(
        found.table.columns
    )
    assert found.table["block"].min() == 1
    assert found.table["block"].max() == encoder.blocks
    text = blocklens.look("a b c d .\ne f g .", encoder)
    assert text.tokens == ["[CLS]", *"abcd", ".", *"efg", ".", "[SEP]"]
    drawn = [
        blocklens.charts.grid(found.table, "repetition"),
        blocklens.charts.along_blocks(found.table, "mean distance"),
        blocklens.charts.distances(found.distances, 2, 1),
        blocklens.charts.attention_map(text.attention[2, 0], text.tokens, text.sentences),
        blocklens.charts.similarity(text.similarity[2, 0], text.tokens, text.sentences),
    ]
    for number, chart in enumerate(drawn):
        chart.save(tmp_path / f"{number}.svg")
        assert marks_of((tmp_path / f"{number}.svg").read_text())


def test_every_public_name_is_there():
    for _ in range(2):  # once imported, no module may stand where a function was
        for name in set(blocklens.__all__) - {"charts"}:
            assert callable(getattr(blocklens, name))


def test_what_the_command_line_does_a_notebook_can_do_too():
    names = {"study", "segment", "evaluate", "pretrain", "finetune", "predict", "images"}
    assert names <= set(blocklens.__all__)


def test_a_reader_who_presses_tab_sees_the_public_names_alone():
    assert set(dir(blocklens)) == {*blocklens.__all__, "__version__"}
    assert blocklens.__version__ == version("blocklens")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        blocklens.no_such_name  # noqa: B018


def test_the_command_says_its_version(capfd):
    subprocess.run([sys.executable, "-m", "blocklens", "--version"], check=True)
    assert capfd.readouterr().out == f"blocklens {blocklens.__version__}\n"
