"""Which texts train the read-outs, and which are measured: never the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from blocklens.pretraining.corpus import is_held_out

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
    return (
        _First(_Half(measured, seed, held_out=True), limit),
        _Half(measured, seed, held_out=False),
    )


def _readable(texts: Texts) -> Iterable[Any]:
    if isinstance(texts, str | Path):
        from blocklens.inputs.texts import TextSource

        return TextSource(texts)
    if isinstance(texts, Iterator):
        return list(texts)
    return texts


@dataclass(frozen=True)
class _Half:
    """The half of the texts that a hash puts to measurement, or the other half."""

    texts: Iterable[Any]
    seed: int
    held_out: bool

    def __iter__(self) -> Iterator[Any]:
        for text in self.texts:
            string = text if isinstance(text, str) else text.text
            if is_held_out(string, seed=self.seed, share=0.5) == self.held_out:
                yield text


@dataclass(frozen=True)
class _First:
    """The first `limit` texts, or all."""

    texts: Iterable[Any]
    limit: int | None

    def __iter__(self) -> Iterator[Any]:
        return islice(iter(self.texts), self.limit)
