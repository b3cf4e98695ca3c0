"""Subtitles and transcripts with times, SubRip (.srt) and WebVTT (.vtt), read as one text.

What one speaker says stands in one paragraph, so that no sentence reaches over a change of speaker:
another voice (`<v Name>`), or a line that begins with a dash, with ">>" or with a name and a colon.
Where hardly any cue has a full stop, as in automatic subtitles, every cue is a paragraph.
"""

from __future__ import annotations

import io
import re
from typing import NamedTuple

import regex

from blocklens.wording import counted

STOPPED = 0.1
"""Share of the cues with the end of a sentence below which every cue is a sentence."""
_TURN = regex.compile(r"(?:[-–—‐]\s?|>>|\p{Lu}[\p{L}\p{M}.' -]{0,30}:\s)")
_STOP = regex.compile(r"\p{Sentence_Terminal}")
_TIMING = re.compile(r"^[^\n]*-->", re.MULTILINE)


class Cue(NamedTuple):
    """Characters [start, end) of the text and the seconds they are shown, [shown, gone)."""

    start: int
    end: int
    shown: float
    gone: float


class Timed(str):
    """A transcript's text with its cues, in order: takes the text's place."""

    cues: list[Cue]


class TranscriptError(Exception):
    """Why a transcript cannot be read, and what to do."""


def transcript(text: str) -> Timed:
    """The text of an .srt or .vtt file, which is told by its first line.

    Raises:
        TranscriptError: no cue in it, or one that cannot be read.

    """
    from webvtt import WebVTT
    from webvtt.errors import MalformedCaptionError, MalformedFileError

    kind = "vtt" if text.startswith("WEBVTT") else "srt"
    try:
        captions = WebVTT.from_buffer(io.StringIO(text), kind).captions
    except (MalformedFileError, MalformedCaptionError, ValueError) as error:
        raise TranscriptError(f"is no transcript ({error}); expected .srt or .vtt cues") from error
    timings = len(_TIMING.findall(text))
    if not captions or len(captions) < timings:
        raise TranscriptError(
            f"has {counted(timings, 'line')} of times, of which {len(captions)} can be read; "
            "expected cues such as 1, 00:00:01,000 --> 00:00:02,000 and words, with an empty line "
            "after each"
        )
    stopped = sum(bool(_STOP.search(caption.text)) for caption in captions)
    each = stopped < STOPPED * len(captions)
    said, cues, length, voice = [], [], 0, None
    for caption in captions:
        times = [at.in_milliseconds() / 1000 for at in (caption.start_time, caption.end_time)]
        for line in caption.text.splitlines():
            words = " ".join(line.split())
            if not words:
                continue
            turn = each or caption.voice != voice or _TURN.match(words)
            gap = "" if not said else "\n\n" if turn else " "
            voice = caption.voice
            said.append(gap + words)
            length += len(said[-1])
            cues.append(Cue(length - len(words), length, *times))
    timed = Timed("".join(said))
    timed.cues = cues
    return timed
