"""Subtitles and transcripts with times, SubRip (.srt) and WebVTT (.vtt), read as one text.

What one speaker says stands in one paragraph, so that no sentence reaches over a change of speaker:
another voice (`<v Name>`), or a line that begins with a dash, with ">>" or with a name and a colon.
Where hardly any cue has a full stop, as in automatic subtitles, every cue is a paragraph.
Markup goes; lines that roll up the screen, and so stand in several cues, are counted once.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import regex

from blocklens.wording import counted

if TYPE_CHECKING:
    from webvtt import Caption

STOPPED = 0.1
"""Share of the cues with the end of a sentence below which every cue is a sentence."""
ROLLED = 4
"""Lines that a cue may repeat of the one before: captions that roll up have two to four."""
PAUSE = 0.1
"""Seconds between two cues above which the second does not follow on directly."""
_TURN = regex.compile(r"(?:[-–—‐]\s?|>>|\p{Lu}[\p{L}\p{M}.' -]{0,30}:\s)")
_STOP = regex.compile(r"\p{Sentence_Terminal}")
_TIMING = re.compile(r"^[^\n]*-->", re.MULTILINE)
_TAG = re.compile(
    r"</?(?:[bcius]|em|strong|ruby|rt)(?:\.[^\s<>]+)?\s*>"
    r"|</?(?:v|lang|font|span)(?:[.\s][^<>]*)?>"
    r"|<(?:\d+:)?\d\d:\d\d\.\d{3}>",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_OVERRIDE = re.compile(r"^[^\S\n]*(?:\{\\[^{}\n]*\})+|\{\\[bius]\d\}", re.MULTILINE)
_ENTITY = re.compile(r"&(?:#\w{1,8}|\w{2,32});", re.ASCII)


class Cue(NamedTuple):
    """Characters [start, end) of the text and the seconds they are shown, [shown, gone)."""

    start: int
    end: int
    shown: float
    gone: float


class Timed(str):
    """A transcript's text with its cues, in order: takes the text's place."""

    cues: list[Cue]


class _Said(NamedTuple):
    """What a cue adds to those before it, and who says it."""

    lines: list[str]
    voice: str | None
    shown: float
    gone: float


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
    return _timed(list(_said(captions)))


def _said(captions: Iterable[Caption]) -> Iterator[_Said]:
    """The cues that add words, without the lines that they repeat of the cue before."""
    before = _Said([], None, 0, 0)
    for caption in captions:
        times = [at.in_milliseconds() / 1000 for at in (caption.start_time, caption.end_time)]
        cue = _Said(_lines(caption.raw_text), caption.voice, *times)
        directly = before.shown <= cue.shown <= before.gone + PAUSE
        again = _repeated(cue.lines, before.lines)
        # The same once more, no line more or less, is said twice, unless one of the two is brief.
        moved = again < max(len(cue.lines), len(before.lines))
        brief = min(cue.gone - cue.shown, before.gone - before.shown) < PAUSE
        rolls = directly and cue.voice == before.voice and (moved or brief)
        added = cue.lines[again:] if rolls else cue.lines
        if added:
            yield cue._replace(lines=added)
        before = cue


def _lines(marked: str) -> list[str]:
    """The lines of a cue that have words, without tags, override blocks and entities."""
    plain = _OVERRIDE.sub("", _TAG.sub("", _BREAK.sub(" ", marked)))
    plain = _ENTITY.sub(lambda entity: html.unescape(entity[0]), plain)
    return [" ".join(line.split()) for line in plain.splitlines() if line.strip()]


def _repeated(lines: list[str], before: list[str]) -> int:
    """How many of the first lines are the last ones of the cue before."""
    most = min(len(lines), len(before), ROLLED)
    return next((n for n in range(most, 0, -1) if lines[:n] == before[-n:]), 0)


def _timed(said: list[_Said]) -> Timed:
    """One text of what is said, a paragraph for each turn, with the times of its lines."""
    stopped = sum(any(map(_STOP.search, cue.lines)) for cue in said)
    each = stopped < STOPPED * len(said)
    parts, cues, length, voice = [], [], 0, None
    for cue in said:
        for number, words in enumerate(cue.lines):  # one cue's lines break at the screen's width
            begins = each and number == 0
            turn = begins or cue.voice != voice or _TURN.match(words)
            gap = "" if not parts else "\n\n" if turn else " "
            voice = cue.voice
            parts.append(gap + words)
            length += len(parts[-1])
            cues.append(Cue(length - len(words), length, cue.shown, cue.gone))
    timed = Timed("".join(parts))
    timed.cues = cues
    return timed
