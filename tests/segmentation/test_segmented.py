"""The forms of a text in segments: levels, titles, offsets, times."""

import numpy as np
import pytest

import helpers
from blocklens.errors import UserError
from blocklens.inputs.texts import TextSource
from blocklens.segmentation.segment import segment
from blocklens.segmentation.segmented import Segmentation

WORDS = [*["cat <b> purrs"] * 2, *["dog barks"] * 2, *["boat sails far"] * 3]
TEXT = "\n".join(f"{words} {n}." for n, words in enumerate(WORDS))


@pytest.fixture
def found():
    """Two segments, the first of them in two again."""
    edges = [at for at, letter in enumerate(TEXT) if letter == "\n"]
    starts, ends = [0, *(at + 1 for at in edges)], [*edges, len(TEXT)]
    spans = list(zip(starts, ends, strict=True))
    starts, levels = np.array([2, 4]), np.array([2, 1])
    return Segmentation("pets.txt", TEXT, spans, starts, levels, np.arange(6.0), "joint")


def test_segments_of_all_levels_have_offsets_and_titles(found):
    pets, boats = found.as_record()["segments"]
    assert [one["title"].split(", ")[0] for one in pets["segments"]] == ["cat", "dog"]
    assert boats["title"].startswith("boat")
    assert "text" not in pets
    assert (pets["sentences"], boats["sentences"], boats["strength"]) == (4, 3, 3.0)
    cats, dogs = pets["segments"]
    for one in (cats, dogs, boats):
        assert TEXT[one["start"] : one["end"]] == one["text"]
    assert (pets["start"], pets["end"]) == (cats["start"], dogs["end"])
    assert found.sentences()["level"].tolist() == [0, 2, 0, 1, 0, 0, 0]


def test_markdown_has_titles_as_headings_and_no_html(found):
    lines = found.as_markdown().splitlines()
    heads = [line.split(" ")[0] for line in lines if line.startswith("#")]
    assert heads == ["#", "##", "###", "###", "##"]
    assert lines[0] == "# pets.txt"
    assert "cat &lt;b> purrs 0." in lines


def test_a_transcript_s_segments_have_times(tmp_path):
    cue = "{n}\n00:0{n}:00,000 --> 00:0{n}:05,500\n{words}.\n"
    said = ["abc cba", "bca abc", "xyz zyx", "zyx xyz"]
    cues = [cue.format(n=n, words=words.capitalize()) for n, words in enumerate(said, start=1)]
    path = tmp_path / "talk.srt"
    path.write_text("\n".join(cues), encoding="utf-8")
    (text,) = TextSource(path)
    cut = segment(text.text, helpers.small_encoder(), segments=2, cues=text.cues)
    first, second = cut.as_record()["segments"]
    assert first["from"] == 60.0
    assert second["to"] == 245.5
    assert first["to"] < second["from"]
    assert f"({second['from'] // 3600:.0f}:0{second['from'] // 60:.0f}:00)" in cut.as_markdown()


def test_every_segment_is_divided_again_at_the_next_level():
    encoder = helpers.small_encoder()
    text = "\n".join(f"{'a b c' if n % 20 < 10 else 'x y z'} ." for n in range(40))
    one, two = (segment(text, encoder, segments=2, levels=n) for n in (1, 2))
    assert set(one.starts) <= set(two.starts)
    assert (two.levels[np.isin(two.starts, one.starts)] == 1).all()
    assert (two.levels[~np.isin(two.starts, one.starts)] == 2).all()


@pytest.mark.parametrize("option", [{"shortest": 2}, {"levels": 2}])
def test_methods_of_borders_know_no_segments(option):
    with pytest.raises(UserError, match="knows borders and no segments"):
        segment("a b\nb c\nx y", helpers.small_encoder(), method="attention", **option)
