"""Which texts train the read-outs, and which are measured: never the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from blocklens.pretraining.corpus import is_held_out

LOOKED_AT = 1000
"""Texts by which it is seen whether a hash puts them to both halves."""
OTHER_KEY = 1 << 40
"""Added to the seed where it does not: further than any seed that a pre-training has."""
Texts = Any
"""A file, a folder, a Hub data set id, or an iterable of strings or Text."""


def split_texts(
    texts: Texts, train_texts: Texts | None, *, limit: int | None, seed: int, train: bool = True
) -> tuple[Iterable[Any], Iterable[Any]]:
    """The texts to measure on, `limit` at most, and those to train on; each readable several times.

    Without `train_texts` a hash of each text puts half of `texts` to either side; with `train`
    False there is nothing to train, and all are measured.
    """
    measured = _readable(texts)
    if not train:
        return _First(measured, limit), ()
    if train_texts is not None:
        return _First(measured, limit), _readable(train_texts)
    key = _key_of_halves(measured, seed)
    return (
        _First(_Half(measured, key, held_out=True), limit),
        _Half(measured, key, held_out=False),
    )


def _key_of_halves(texts: Iterable[Any], seed: int) -> int:
    """The key of a hash that puts texts to both halves: the seed, as a rule.

    Texts that were held out from a pre-training of this seed were chosen by the same hash, and
    would all lie in one half.
    """
    first = list(islice(texts, LOOKED_AT))
    in_one = sum(is_held_out(_string(text), seed=seed, share=0.5) for text in first)
    least = len(first) / 10
    return seed if least <= in_one <= len(first) - least else seed + OTHER_KEY


def _readable(texts: Texts) -> Iterable[Any]:
    if isinstance(texts, str | Path):
        from blocklens.inputs.texts import TextSource

        return TextSource(texts)
    if isinstance(texts, Iterator):
        return list(texts)
    return texts


def _string(text: Any) -> str:
    return text if isinstance(text, str) else text.text


@dataclass(frozen=True)
class _Half:
    """The half of the texts that a hash puts to measurement, or the other half."""

    texts: Iterable[Any]
    key: int
    held_out: bool

    def __iter__(self) -> Iterator[Any]:
        for text in self.texts:
            if is_held_out(_string(text), seed=self.key, share=0.5) == self.held_out:
                yield text


@dataclass(frozen=True)
class _First:
    """The first `limit` texts, or all."""

    texts: Iterable[Any]
    limit: int | None

    def __iter__(self) -> Iterator[Any]:
        return islice(iter(self.texts), self.limit)
