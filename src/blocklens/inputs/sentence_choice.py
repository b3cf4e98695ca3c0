"""What a sentence is, where texts are not all English prose: proteins, molecules, code, Hindi.

`--sentences` says it: "language" is the splitter (`sentences`), "none" takes every text as one,
"lines" every line, a mark such as "." what it ends, and "module:function" what a function in Python
gives. By default the language is guessed from the first texts, and where they are in no language
and no mark ends a word of them, there are no sentences in them: claims on sentences are then open.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

import regex

from blocklens.errors import UserError
from blocklens.inputs.sentences import sentence_spans
from blocklens.wording import counted

Spans = Sequence[tuple[int, int]]
Sentences = str | Callable[[str], Spans]
"""A way to split: see the module's own words."""

GUESSED_FROM = 20
"""Texts, and of each its first 2,000 characters."""
_SURE = 0.9
_NO_LANGUAGE = "zxx"
_END = regex.compile(r"\p{Sentence_Terminal}(\s|\Z)")
_FUNCTION = re.compile(r"[\w.]+:\w+")
_LINE = re.compile(r"[^\r\n]+")


@dataclass(frozen=True)
class Choice:
    """A way to split and a language; `reason` where they were guessed."""

    sentences: Sentences
    language: str
    reason: str = ""

    def note(self) -> str:
        """What a reader must know of it."""
        if self.sentences == "none":
            return f"The texts are taken without sentences{self.reason}."
        if self.sentences != "language":
            return f"Sentences were split by {self.sentences!r}{self.reason}."
        return f"Sentences come from a splitter for the language {self.language!r}{self.reason}."

    def made_of(self, texts: Iterable[str]) -> list[str]:
        """All that the sentences depend on beside the texts.

        Of a function that is a hash of the sentences it gives: its name stays when it is changed.
        """
        named = [str(self.sentences), self.language]
        if not (callable(self.sentences) or _FUNCTION.fullmatch(self.sentences)):
            return named
        sha = hashlib.sha256()
        for text in texts:
            sha.update(repr(list(spans_of(text, self.sentences, self.language))).encode())
        return [*named, sha.hexdigest()]


def chosen(sentences: Sentences, language: str, texts: Iterable[str]) -> Choice:
    """The way to split, with "auto" resolved by the first of the texts."""
    if sentences not in ("auto", "language") or (sentences == "language" and language != "auto"):
        return Choice(sentences, "en" if language == "auto" else language)
    if language != "auto":
        return Choice("language", language)
    sample = "\n".join(text[:2000] for text in islice(texts, GUESSED_FROM))
    guess, sure = _identifier().classify(sample)
    if guess == _NO_LANGUAGE and sentences == "auto" and not _END.search(sample):
        reason = ": they are in no language (guessed; --sentences says otherwise)"
        return Choice("none", "en", reason)
    if sure < _SURE or guess == _NO_LANGUAGE:
        return Choice("language", "en", ", as none was recognised (give --language)")
    return Choice("language", guess, ", guessed from the first texts")


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def spans_of(text: str, sentences: Sentences = "language", language: str = "en") -> Spans:
    """The sentences of a text as character spans, in order and not overlapping.

    Raises:
        UserError: no such function, or one that does not give spans.

    """
    if sentences in ("language", "auto"):
        return sentence_spans(text, language)
    if sentences == "none":
        return [(0, len(text))]
    if sentences == "lines":
        return [line.span() for line in _LINE.finditer(text) if line[0].strip()]
    if isinstance(sentences, str) and not _FUNCTION.fullmatch(sentences):
        mark = re.escape(sentences)
        pattern = re.compile(rf"(?:(?!{mark}).)*(?:{mark}|\Z)", re.DOTALL)
        return [one.span() for one in pattern.finditer(text) if one[0].strip()]
    function = _function(sentences) if isinstance(sentences, str) else sentences
    spans = [(int(start), int(end)) for start, end in function(text)]
    ends = [0, *(at for span in spans for at in span), len(text)]
    if ends != sorted(ends) or any(start == end for start, end in spans):
        raise UserError(
            f"--sentences {sentences}: gave {str(spans)[:100]} for a text of "
            f"{counted(len(text), 'character')}; expected spans (start, end) in order, none of "
            "them empty"
        )
    return spans


@cache
def _function(name: str) -> Callable[[str], Spans]:
    module, _, function = name.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")  # a module that lies in the present folder
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"--sentences {name}: no such function ({error}); give module:function, none, lines or "
            "a mark"
        ) from error
