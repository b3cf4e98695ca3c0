"""Transcripts: their words as one text, with the times of its characters."""

import pytest

from blocklens.errors import UserError
from blocklens.inputs.sentences import sentence_spans
from blocklens.inputs.texts import TextSource

SRT = """1
00:00:01,000 --> 00:00:02,500
The cat sleeps on

2
00:00:02,500 --> 00:00:04,000
<i>the mat.</i> It purrs.

3
00:01:00,000 --> 00:01:02,000
- Where is it?
- Outside.
"""
VTT = """WEBVTT

00:01.000 --> 00:02.000
<v Ada>We begin

00:02.000 --> 00:03.000 align:start
<v Ada>with the cat.

00:03.000 --> 01:00:04.000
<v Grace>and the dog
"""


def read(tmp_path, name, words):
    path = tmp_path / name
    path.write_bytes(words.encode())
    (text,) = TextSource(path)
    return text


@pytest.mark.parametrize("begin", ["", "\ufeff"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_subtitles_are_one_text_whose_characters_have_times(tmp_path, begin, line_end):
    text = read(tmp_path, "film.srt", begin + SRT.replace("\n", line_end))
    assert text.text == ("The cat sleeps on the mat. It purrs.\n\n- Where is it?\n\n- Outside.")
    parts = [(text.text[cue.start : cue.end], cue.shown, cue.gone) for cue in text.cues]
    assert parts == [
        ("The cat sleeps on", 1.0, 2.5),
        ("the mat. It purrs.", 2.5, 4.0),
        ("- Where is it?", 60.0, 62.0),
        ("- Outside.", 60.0, 62.0),
    ]


def test_no_sentence_reaches_over_a_change_of_speaker(tmp_path):
    text = read(tmp_path, "talk.vtt", VTT).text
    assert [text[a:b] for a, b in sentence_spans(text)] == ["We begin with the cat.", "and the dog"]


def test_every_cue_is_a_sentence_where_there_are_no_full_stops(tmp_path):
    cues = [f"00:{n:02}.000 --> 00:{n + 1:02}.000\nwords of cue {n}\n" for n in range(20)]
    text = read(tmp_path, "auto.vtt", "\n".join(["WEBVTT\n", *cues])).text
    assert len(sentence_spans(text)) == 20


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("just words\n", "is no transcript"),
        (SRT.replace("2\n00:00:02,500", "00:00:02,500"), "has 3 lines of times, of which 2 can"),
        ("WEBVTT\n\n", "has 0 lines of times"),
    ],
)
def test_a_transcript_that_loses_words_is_refused(tmp_path, words, said):
    with pytest.raises(UserError, match=said):
        read(tmp_path, "broken.srt", words)
