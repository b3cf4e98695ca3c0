"""The Python API is as short as the README says, and its charts draw from its tables."""

import subprocess
import sys

import blocklens
from helpers import random_texts, small_encoder


def test_from_an_encoder_and_strings_to_tables_and_charts(tmp_path):
    encoder = small_encoder()
    found = blocklens.measure(encoder, random_texts(25))
    assert {"block", "head", "statistic", "value", "null", "effect", "low", "high", "n"} <= set(
        found.table.columns
    )
    assert found.table["block"].min() == 1
    assert found.table["block"].max() == encoder.blocks
    text = blocklens.look(encoder, "a b c d .\ne f g .")
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
        assert (tmp_path / f"{number}.svg").read_text().startswith("<svg")


def test_every_public_name_is_there():
    for _ in range(2):  # once imported, no module may stand where a function was
        for name in set(blocklens.__all__) - {"charts"}:
            assert callable(getattr(blocklens, name))


def test_the_package_is_imported_without_pytorch():
    code = "import sys, blocklens, blocklens.cli; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
