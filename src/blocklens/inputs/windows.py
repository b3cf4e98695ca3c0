"""One window of one text as the encoder sees it: ids, and all that measures ask of them.

A long text goes through in overlapping windows, all of them or the first few, or is cut to its
first one. A window carries a key, a hash of the text (or of the text and the window's number), and
everything drawn at random for it is seeded by that key: so the figures do not depend on the order,
the batch or the process it came in.
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import regex
from jaxtyping import Bool, Int8, Int32, Int64

from blocklens.errors import UserError
from blocklens.inputs.sentence_choice import Sentences, spans_of
from blocklens.inputs.sentences import is_prose, sentence_of_tokens
from blocklens.inputs.tokenising import ids_and_spans, template
from blocklens.options import LongTexts
from blocklens.statistics.groups import GROUPS, group_of, text_hash
from blocklens.wording import counted

if TYPE_CHECKING:
    from blocklens.inputs.texts import Text

KINDS = (
    "separator",
    "full stop",
    "comma",
    "other punctuation",
    "start token",
    "other tokens",
)
"""The token classes of the separator measure, in the order of `Tokens.kinds`."""

SEPARATOR, FULL_STOP, COMMA, PUNCTUATION, START, OTHER = range(len(KINDS))

_SENTENCE_END = regex.compile(r"\p{Sentence_Terminal}")  # in every script: । ۔ ። 。 ｡
_OTHER_ENDS = regex.compile("QUESTION|EXCLAMATION|INTERROBANG")

TOKENISE_AT_ONCE = 100_000  # characters: a tokenizer's working memory is many times its input


@dataclass(frozen=True, eq=False)
class Tokens:
    """One window of one text, special tokens included."""

    name: str
    ids: Int64[np.ndarray, " tokens"]
    """The tokenizer's ids."""
    special: Bool[np.ndarray, " tokens"]
    """Tokens the tokenizer added, such as [CLS] and [SEP]."""
    sentences: Int32[np.ndarray, " tokens"]
    """Number of the token's sentence within the text; -1 for special tokens."""
    kinds: Int8[np.ndarray, " tokens"]
    """Index into KINDS."""
    spans: Int64[np.ndarray, "tokens 2"]
    """Character span in the text; [0, 0] for special tokens."""
    key: int
    """64-bit hash of the sampling unit (the text, or one window of it): its group and its seed."""
    window: int = 0
    cache: dict[str, Any] = field(default_factory=dict, repr=False)
    """What measures derive once from the tokens alone and use for every block."""

    def __len__(self) -> int:
        return len(self.ids)

    def group(self, groups: int = GROUPS) -> int:
        """The unit's group in every interval; a text's is the same wherever it is counted."""
        return group_of(self.key >> 1, groups)  # `text_key` has 63 of the 64 bits

    @cached_property
    def content(self) -> Int64[np.ndarray, " content"]:
        """Positions of the tokens that are not special."""
        return np.flatnonzero(~self.special)

    def rng(self, purpose: int) -> np.random.Generator:
        """A generator that depends on this window and on `purpose` alone."""
        return np.random.default_rng([self.key & 0xFFFFFFFF, self.key >> 32, self.window, purpose])

    def shuffled(self, seed: int) -> Tokens:
        """The same window with its content tokens in random order (docs/definitions.md: controls).

        Ids and their classes move; positions, and with them the sentence borders, stay.
        """
        content = self.content
        source = np.arange(len(self))
        source[content] = self.rng(1_000 + seed).permutation(content)
        return replace(self, ids=self.ids[source], kinds=self.kinds[source], cache={})


def token_kind(surface: str) -> int:
    """The class of a content token, from the characters it stands for."""
    surface = surface.strip()
    if len(surface) == 1 and not surface.isalnum():
        name = unicodedata.name(surface, "")
        if _SENTENCE_END.fullmatch(surface) and not _OTHER_ENDS.search(name):
            return FULL_STOP
        if "COMMA" in name and unicodedata.category(surface) == "Po":
            return COMMA
    if not surface or surface.isalnum():
        return OTHER
    punctuation = all(unicodedata.category(character).startswith("P") for character in surface)
    return PUNCTUATION if punctuation else OTHER


class Windows:
    """Turns texts into windows of at most `tokens` tokens for one tokenizer.

    Args:
        tokenizer: a fast Hugging Face tokenizer (character offsets are needed).
        tokens: the window's length, special tokens included.
        overlap: tokens that neighbouring windows of one text share.
        long: "windows" takes all of a long text, "cut" its first window alone.
        most: take no more windows of a text than this, from its beginning.
        unit: what one sampling unit is, the whole "text" or each "window".
        language: language of the sentence splitter.
        sentences: what a sentence is, see `sentence_choice`.

    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        tokens: int,
        overlap: int,
        long: LongTexts = "windows",
        most: int | None = None,
        unit: Literal["text", "window"] = "text",
        language: str = "en",
        sentences: Sentences = "language",
    ) -> None:
        self.tokenizer = tokenizer
        self.most = 1 if long == "cut" else most
        self.unit = unit
        self.language = language
        self.sentences: Sentences = sentences
        self.prefix, self.suffix = template(tokenizer)
        self.room = tokens - len(self.prefix) - len(self.suffix)
        if self.room < 2:
            raise UserError(
                f"a window of {counted(tokens, 'token')} leaves {max(self.room, 0)} beside the "
                f"special tokens: choose at least {tokens - self.room + 2}"
            )
        if not 0 <= overlap < self.room:
            raise UserError(
                f"an overlap of {counted(overlap, 'token')} does not fit a window of {tokens}: "
                f"choose one from 0 to {self.room - 1}"
            )
        self.step = self.room - overlap
        separators = {tokenizer.sep_token_id, tokenizer.eos_token_id} - {None}
        self.special_kinds = {
            int(token): SEPARATOR if token in separators else START
            for token in (*self.prefix, *self.suffix)
        }
        # RoBERTa's start token is also its cls token; BERT's [SEP] may double as the end token.
        for token in (tokenizer.cls_token_id, tokenizer.bos_token_id):
            if token is not None and token in self.prefix:
                self.special_kinds[int(token)] = START

    def __call__(self, text: Text) -> list[Tokens]:
        """The windows of a text.

        Raises:
            UserError: a text with fewer than two tokens, or with nothing but separators.

        """
        ids, spans, end = self._tokenise(text.text)
        if len(ids) < 2:
            many = "no token" if len(ids) == 0 else "one token"
            if self.tokenizer.unk_token_id in ids.tolist():
                many += ", which the tokenizer does not know"
            raise UserError(f"{text.name}: {many}; at least two are needed to compare")
        kinds = np.fromiter(
            (token_kind(text.text[start:end]) for start, end in spans.tolist()), np.int8, len(ids)
        )
        if not is_prose(text.text[:end]):
            kinds[kinds == FULL_STOP] = PUNCTUATION
        # A mark that a tokenizer takes apart into bytes is one mark, at its first token.
        kinds[1:][(spans[1:] == spans[:-1]).all(axis=1) & (kinds[1:] != OTHER)] = OTHER
        if not (kinds == OTHER).any():
            raise UserError(f"{text.name}: nothing but separators; texts need words")
        sentences = sentence_of_tokens(
            spans_of(text.text[:end], self.sentences, self.language), spans
        )
        key = text_hash(text.text)
        return [
            self._window(text.name, number, key, slice(start, start + self.room), ids, spans, kinds,
                         sentences)
            for number, start in enumerate(self._starts(len(ids)))
        ]  # fmt: skip

    def _starts(self, tokens: int) -> list[int]:
        if tokens <= self.room:
            return [0]
        # The last window is moved back to be full, so that no window is a short remainder.
        starts = [*range(0, tokens - self.room, self.step), tokens - self.room]
        return starts[: self.most]

    def _window(
        self,
        name: str,
        number: int,
        key: int,
        part: slice,
        ids: Int64[np.ndarray, " content"],
        spans: Int64[np.ndarray, "content 2"],
        kinds: Int8[np.ndarray, " content"],
        sentences: Int32[np.ndarray, " content"],
    ) -> Tokens:
        before, after = len(self.prefix), len(self.suffix)
        inner = len(ids[part])
        special = np.ones(before + inner + after, dtype=bool)
        special[before : before + inner] = False

        def around(values: np.ndarray, first: Any, last: Any) -> np.ndarray:
            return np.concatenate([first, values[part], last]).astype(values.dtype)

        if self.unit == "window":
            digest = hashlib.blake2b(f"{key}:{number}".encode(), digest_size=8).digest()
            key = int.from_bytes(digest, "little")
        return Tokens(
            name=name,
            ids=around(ids, self.prefix, self.suffix),
            special=special,
            sentences=around(sentences, np.full(before, -1), np.full(after, -1)),
            kinds=around(
                kinds,
                [self.special_kinds[int(token)] for token in self.prefix],
                [self.special_kinds[int(token)] for token in self.suffix],
            ),
            spans=around(spans, np.zeros((before, 2)), np.zeros((after, 2))),
            key=key,
            window=number,
        )

    def _tokenise(self, text: str) -> tuple[np.ndarray, np.ndarray, int]:
        """Ids [tokens] and character spans [tokens, 2] of the bare text, and how far they go.

        A text is read a little beyond the windows that are wanted of it, and no further.
        """
        ids: list[np.ndarray] = []
        spans: list[np.ndarray] = []
        total, wanted = 0, math.inf
        if self.most is not None:
            wanted = self.room + (self.most - 1) * self.step
        for start, end in pieces(text):
            of_piece, offsets = ids_and_spans(self.tokenizer, text[start:end])
            ids.append(of_piece)
            spans.append(offsets + start)
            total += len(ids[-1])
            if total >= wanted:
                break
        joined = np.concatenate(spans)
        return np.concatenate(ids), joined, int(joined.max(initial=0))


def pieces(text: str, size: int = TOKENISE_AT_ONCE) -> list[tuple[int, int]]:
    """Character ranges of about `size` that cover the text, broken at white space if any."""
    if len(text) <= size:
        return [(0, len(text))]
    windows = []
    start = 0
    while start < len(text):
        end = min(start + size, len(text))
        if end < len(text):
            space = max(text.rfind(" ", start, end), text.rfind("\n", start, end))
            end = space if space > start else end
        windows.append((start, end))
        start = end
    return windows
