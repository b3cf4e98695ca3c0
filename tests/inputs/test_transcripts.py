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
ROLLING = """WEBVTT
Kind: captions

00:00:00.000 --> 00:00:02.310 align:start position:0%
~
hello<00:00:00.500><c> everyone</c>

00:00:02.310 --> 00:00:02.320 align:start position:0%
hello everyone
~

00:00:02.320 --> 00:00:05.000 align:start position:0%
hello everyone
no<00:00:02.500><c.colorE5E5E5> no</c>

00:00:05.000 --> 00:00:05.010 align:start position:0%
no no
~

00:00:05.010 --> 00:00:07.000 align:start position:0%
no no
no<00:00:06.000><c> no</c>

00:00:07.000 --> 00:00:07.010 align:start position:0%
no no
~

00:00:07.010 --> 00:00:09.000 align:start position:0%
no no
hello<00:00:08.000><c> everyone</c>

00:00:12.000 --> 00:00:13.000 align:start position:0%
hello everyone
""".replace("~", " ")


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


def test_the_lines_of_a_cue_are_one_sentence_where_there_are_no_full_stops(tmp_path):
    shown = [
        "so today we are going to\ntalk about cells",
        "- why is that\n- it is late",
        "and so on",
    ]
    cues = [f"00:0{n}.000 --> 00:0{n + 1}.000\n{words}\n" for n, words in enumerate(shown)]
    text = read(tmp_path, "auto.vtt", "\n".join(["WEBVTT\n", *cues]))
    assert text.text.split("\n\n") == [
        "so today we are going to talk about cells", "- why is that", "- it is late", "and so on",
    ]  # fmt: skip
    assert [cue.shown for cue in text.cues] == [0, 0, 1, 1, 2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("1\n00:00:01,000 --> 00:00:02,500\n<i></i>\n", "empty"),
        ("just words\n", "is no transcript"),
        (SRT.replace("2\n00:00:02,500", "00:00:02,500"), "has 3 lines of times, of which 2 can"),
        ("WEBVTT\n\n", "has 0 lines of times"),
    ],
)
def test_a_transcript_that_loses_words_is_refused(tmp_path, words, said):
    with pytest.raises(UserError, match=said):
        read(tmp_path, "broken.srt", words)


@pytest.mark.parametrize("kind", ["vtt", "srt"])
@pytest.mark.parametrize(
    ("marked", "words"),
    [
        ("If x < 5 and y > 3, go.", "If x < 5 and y > 3, go."),
        ("a<b and c>d, x<5>4, 1 <- 2.", "a<b and c>d, x<5>4, 1 <- 2."),
        ("<b>bold</b> <I>it</I> <u>un</u> <s>st</s>.", "bold it un st."),
        ("<c.yellow.bg_blue>Now</c> <lang en-GB>lorry</lang>.", "Now lorry."),
        ("<ruby>kan<rt>ji</rt></ruby>.", "kanji."),
        ('<font color="#fff">White</font>.', "White."),
        ("Go<00:00:01.000><c> on</c><00:01.500> there.", "Go on there."),
        ("One<br>two<br/>three.", "One two three."),
        (r"{\an8}At the top.", "At the top."),
        (r"<i>{\an8}{\pos(1,2)} At the top.</i>", "At the top."),
        (r"So {\i1}much{\i0} for {this}, {\alpha}.", r"So much for {this}, {\alpha}."),
        ("Q&amp;A, 1 &lt; 2 &gt; 0.", "Q&A, 1 < 2 > 0."),
        ("a&nbsp;b &quot;c&#39;s&quot;.", 'a b "c\'s".'),
        ("&lrm;left&rlm; right.", "\u200eleft\u200f right."),
        ("&lt;i&gt; is &amp;lt;, AT&T; R&D &unknown;.", "<i> is &lt;, AT&T; R&D &unknown;."),
    ],
)
def test_markup_goes_and_other_signs_stay(tmp_path, kind, marked, words):
    begin = "WEBVTT\n\n" if kind == "vtt" else "1\n"
    cue = f"{begin}00:00:01.000 --> 00:00:02.000\n{marked}\n"
    assert read(tmp_path, f"a.{kind}", cue).text == words


def test_lines_that_roll_up_the_screen_are_counted_once(tmp_path):
    text = read(tmp_path, "auto.vtt", ROLLING)
    assert text.text.split("\n\n") == [
        "hello everyone", "no no", "no no", "hello everyone", "hello everyone",
    ]  # fmt: skip
    assert [cue.shown for cue in text.cues] == [0.0, 2.32, 5.01, 7.01, 12.0]
    assert text.text[text.cues[-1].start : text.cues[-1].end] == "hello everyone"


def test_lines_that_roll_up_in_subrip_are_counted_once(tmp_path):
    shown = ["A.", "A.\nB.", "A.\nB.\nC.", "B.\nC.\nA.", "A."]
    cues = (
        f"{n}\n00:00:{n:02},000 --> 00:00:{n + 1:02},000\n{words}\n"
        for n, words in enumerate(shown, start=1)
    )
    assert read(tmp_path, "auto.srt", "\n".join(cues)).text == "A. B. C. A."


def test_what_two_voices_say_alike_stays(tmp_path):
    first = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ada>Yes.\n"
    second = "\n00:02.000 --> 00:03.000\n<v Grace>Yes.\n"
    assert read(tmp_path, "talk.vtt", first + second).text == "Yes.\n\nYes."


def test_what_is_said_twice_in_cues_of_their_own_is_said_twice(tmp_path):
    cues = "".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n + 1},000\nYeah.\n\n" for n in (1, 2, 3))
    assert read(tmp_path, "song.srt", cues).text == "Yeah. Yeah. Yeah."
