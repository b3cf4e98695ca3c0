"""Texts to token ids: the one way in which anything here calls a tokenizer.

What a text says is text: "[MASK]" written in an article on BERT becomes the letters that it is made
of, never the special token. Special tokens are those that the tokenizer's template puts around.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
from jaxtyping import Int64

from blocklens.errors import UserError
from blocklens.wording import counted

FIRST_TEXTS, BEGINNING = 1000, 10_000
"""Texts, and characters of each, in which unknown tokens are counted."""

MANY_UNKNOWN = 0.05

MARKS = ("##", "\u2581", "\u0120")
"""What tokenizers write before a token that goes on a word, or begins one."""


def token_ids(
    tokenizer: Any, texts: Sequence[str], *, tokens: int | None = None, special: bool = True
) -> list[list[int]]:
    """Token ids of every text, at most `tokens` of each; with `special`, the template's too."""
    return _called(
        tokenizer, list(texts), truncation=tokens is not None, max_length=tokens,
        add_special_tokens=special,
    )["input_ids"]  # fmt: skip


def template(
    tokenizer: Any,
) -> tuple[Int64[np.ndarray, " before"], Int64[np.ndarray, " after"]]:
    """Ids that the tokenizer puts before and after a text.

    Raises:
        UserError: no text gives a token.

    """
    for text in chain("a", _texts_of_single_tokens(tokenizer)):
        with panics_said():
            probe = tokenizer(text, return_special_tokens_mask=True)
        ids = np.asarray(probe["input_ids"], dtype=np.int64)
        bare = token_ids(tokenizer, [text], special=False)[0]
        if not bare:
            continue
        for start in range(len(ids) - len(bare) + 1):
            if ids[start : start + len(bare)].tolist() == bare:
                return ids[:start], ids[start + len(bare) :]
    raise UserError("the tokenizer makes no token of any text: save the tokenizer again")


def ids_and_spans(
    tokenizer: Any, text: str
) -> tuple[Int64[np.ndarray, " tokens"], Int64[np.ndarray, "tokens 2"]]:
    """Ids of the bare text, and the characters that each token stands for.

    A tokenizer in Python knows no offsets: its tokens are looked for in the text one by one.

    Raises:
        UserError: a token of such a tokenizer that does not stand in the text.

    """
    fast = tokenizer.is_fast
    encoded = _called(tokenizer, text, add_special_tokens=False, return_offsets_mapping=fast)
    ids = np.asarray(encoded["input_ids"], dtype=np.int64)
    spans = encoded["offset_mapping"] if fast else list(_found(tokenizer, text, ids.tolist()))
    return ids, np.asarray(spans, dtype=np.int64).reshape(-1, 2)


@dataclass(frozen=True)
class Unknown:
    """The share of tokens that a tokenizer does not know, in the first `texts` texts."""

    share: float
    texts: int

    @property
    def note(self) -> str:
        """The share as a sentence."""
        return (
            f"Tokens that the tokenizer does not know: {self.share:.1%} in the first "
            f"{'text' if self.texts == 1 else counted(self.texts, 'text')}."
        )

    @property
    def warning(self) -> str:
        """What is to be said before any figure; "" for a small share."""
        if self.share <= MANY_UNKNOWN:
            return ""
        return (
            f"{self.note} So many make figures that describe the unknown token, not the texts: "
            "take an encoder whose tokenizer was made for such texts."
        )


def unknown_tokens(tokenizer: Any, texts: Iterable[str]) -> Unknown:
    """What share of the first texts' tokens the tokenizer does not know."""
    first = [text[:BEGINNING] for text in islice(texts, FIRST_TEXTS)]
    ids = list(chain.from_iterable(token_ids(tokenizer, first, special=False)))
    return Unknown(ids.count(tokenizer.unk_token_id) / max(1, len(ids)), len(first))


def _called(tokenizer: Any, texts: Any, **options: Any) -> Any:
    # A tokenizer in Python may take all of its entries for special ones (ESM's does).
    apart = {"split_special_tokens": True} if tokenizer.is_fast else {}
    with panics_said():
        return tokenizer(
            texts, return_attention_mask=False, return_token_type_ids=False, verbose=False,
            **apart, **options,
        )  # fmt: skip


@contextmanager
def panics_said() -> Iterator[None]:
    """A regular expression that never ends makes `tokenizers` panic, which is no `Exception`."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise UserError(
            f"the tokenizer gives up on a text ({error}): its tokenizer.json has a regular "
            "expression that takes too long there: leave the text out, or save the tokenizer again"
        ) from error


def _texts_of_single_tokens(tokenizer: Any) -> Iterator[str]:
    special = set(tokenizer.all_special_ids)
    numbers: Iterable[int] = sorted(tokenizer.get_vocab().values())
    return (tokenizer.decode([number]) for number in numbers if number not in special)


def _found(tokenizer: Any, text: str, ids: list[int]) -> Iterator[tuple[int, int]]:
    """Where each token stands, from left to right; an unknown token is the next word."""
    here = 0
    for number, token in zip(ids, tokenizer.convert_ids_to_tokens(ids), strict=True):
        here += len(text[here:]) - len(text[here:].lstrip())
        for mark in MARKS:
            token = token.removeprefix(mark)
        if number == tokenizer.unk_token_id:
            token = text[here:].split(maxsplit=1)[0] if text[here:] else ""
        start = text.lower().find(token.lower(), here)
        if start < 0:
            raise UserError(
                f"the tokenizer gives no character offsets, and its token {token!r} does not stand "
                "in the text: save a fast one (tokenizer.json)"
            )
        here = start + len(token)
        yield start, here
