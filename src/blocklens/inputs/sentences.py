"""Sentences of a text as character spans, and the sentence of every token.

The splitter is sentencex (Wikimedia; rules and abbreviations of some 300 languages). Three things
it leaves to its caller are done here:

- Borders between lines. A line break ends a sentence (paragraphs, headings, list items), unless the
  text is hard-wrapped: then a line that was full when its next word came goes on in the next one.
- Long lines. sentencex looks back over all it has read wherever it meets text without spaces or an
  open curly quotation mark, so its time grows with the square of the length (measured: 100,000
  characters of short Chinese sentences 4 s, 400,000 66 s). Lines longer than `WINDOW` therefore go
  through in windows that restart at a sentence border. A quotation of more than about 1,000
  characters inside such a line may be split where the whole line would have kept it together.
- White space beyond ASCII. A letter, a no-break space and a full stop in a row make sentencex
  1.0.32 panic, so it is shown plain spaces, one for one.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import sentencex
from jaxtyping import Int32
from numpy.typing import ArrayLike

from blocklens.errors import UserError

WINDOW = 2048  # characters that sentencex sees at a time
LONGEST_WINDOW = 16 * WINDOW  # for a "sentence" that does not end within one window
WRAP_WIDTHS = range(40, 121)  # a text whose longest line is in here may be hard-wrapped

_LINE_BREAK = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SPACE = re.compile(r"\s")
_WIDE_STOP = re.compile("[。．！？｡！？]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"  # scripts wrapped at any character
_NEXT_WORD = re.compile(rf"[ \t]*(?!(?:[-*+•]|\d+[.)])\s)([{_WIDE}]|[^\s{_WIDE}]+)")  # no list item
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


def sentence_spans(text: str, language: str = "en") -> list[tuple[int, int]]:
    """Find the sentences of a text.

    Returns half-open character spans `[start, end)` in order, not overlapping, without white space
    at either end; together they cover every character of `text` that is not white space. A text of
    white space has none. `language` is an ISO 639 code ("en", "zh", "pt-BR"); the splitter treats
    one that it does not know like English.

    Raises `UserError` when `language` is not such a code.
    """
    if not _LANGUAGE.fullmatch(language):
        raise UserError(
            f"language {language!r}: expected an ISO 639 code such as 'en', 'de' or 'zh'"
        )
    if not is_prose(text):
        return [(0, len(text))] if text else []
    spans = []
    for start, end in _blocks(text):
        plain = _SURROGATE.sub("\ufffd", _SPACE.sub(" ", text[start:end]))
        cuts = [0, *_borders(plain, language), len(plain)]
        for left, right in pairwise(cuts):
            sentence = plain[left:right]
            stripped = sentence.strip()
            if stripped:
                first = start + left + sentence.index(stripped[0])
                spans.append((first, first + len(stripped)))
    return spans


def is_prose(text: str) -> bool:
    """Whether a text can have sentences: it has white space, or the full stop of a script without.

    In a molecule ("CCO.CCN") or another formula without a space "." ends no sentence.
    """
    return _SPACE.search(text) is not None or _WIDE_STOP.search(text) is not None


def sentence_of_tokens(
    spans: Sequence[tuple[int, int]], offsets: Sequence[tuple[int, int]] | ArrayLike
) -> Int32[np.ndarray, " tokens"]:
    """Give the index of the sentence that holds each token's first non-space character.

    `spans` [sentences, 2] is what `sentence_spans` returns, `offsets` [tokens, 2] the character
    spans that a fast tokenizer reports, with or without the space before a word. A token without
    characters (special tokens, padding) gets -1, one of white space alone the sentence that
    follows it (at the end of the text: the last).
    """
    tokens = np.asarray(offsets, dtype=np.int64).reshape(-1, 2)
    if len(spans) == 0:
        return np.full(len(tokens), -1, dtype=np.int32)
    # Spans begin and end with a visible character and leave none out, so the first visible
    # character at or after a token's start lies in the first span that ends beyond that start.
    ends = np.asarray(spans, dtype=np.int64)[:, 1]
    sentence = np.searchsorted(ends, tokens[:, 0], side="right").clip(max=len(ends) - 1)
    sentence[tokens[:, 1] <= tokens[:, 0]] = -1
    return sentence.astype(np.int32)


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans between line breaks, with wrapped lines joined."""
    breaks = list(_LINE_BREAK.finditer(text))
    starts = [0, *(match.end() for match in breaks)]
    ends = [*(match.start() for match in breaks), len(text)]
    width = max(end - start for start, end in zip(starts, ends, strict=True))
    begin = 0
    if width in WRAP_WIDTHS:
        for (start, end), following in zip(
            zip(starts, ends, strict=True), starts[1:], strict=False
        ):
            if not _is_wrapped(text, start, end, following, width):
                yield begin, end
                begin = following
        yield begin, len(text)
    else:
        yield from zip(starts, ends, strict=True)


def _is_wrapped(text: str, start: int, end: int, following: int, width: int) -> bool:
    """Tell whether the next line's first word would have made this line about full.

    Ragged margins and single longer lines are common, so "full" is 85 % of the longest line.
    """
    word = _NEXT_WORD.match(text, following)
    return end > start and word is not None and end - start + 1 + len(word[1]) > 0.85 * width


def _borders(line: str, language: str) -> list[int]:
    """Find where sentences begin within a line, the first left out."""
    if len(line) <= WINDOW:
        return _begins(line, language)
    borders: list[int] = []
    position, size = 0, WINDOW
    while len(line) - position > size:
        begins = _begins(line[position : position + size], language)
        # What follows a border decides whether it is one, so those near the window's end wait for
        # the next window; a single long sentence asks for a wider one.
        sure = [begin for begin in begins if begin <= size // 2] or begins[:1]
        if sure:
            borders += (position + begin for begin in sure)
            position += sure[-1]
            size = WINDOW
        elif size < LONGEST_WINDOW:
            size *= 2
        else:  # goes on without a border, from the last space
            space = line.rfind(" ", position + 1, position + size)
            position = space + 1 if space > position + size // 2 else position + size
            size = WINDOW
    borders += (position + begin for begin in _begins(line[position:], language))
    return borders


def _begins(line: str, language: str) -> list[int]:
    lengths = [len(piece) for piece in sentencex.segment(language, line)]  # pyright: ignore[reportAttributeAccessIssue]
    return np.cumsum(lengths[:-1], dtype=np.int64).tolist()
