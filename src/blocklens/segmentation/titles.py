"""A few words that name a segment: those it has and the rest of the text has not."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import regex
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

WORDS = 3
"""Of a title."""
_WORD = regex.compile(r"[\p{Han}\p{Kana}\p{Thai}\p{Khmer}\p{Lao}\p{Myanmar}]+|[\p{L}\p{M}]{2,}")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Thai}\p{Khmer}\p{Lao}\p{Myanmar}]")


def words_of(text: str) -> list[str]:
    """Words as they are written; of a script without spaces every two characters in a row."""
    words = []
    for word in _WORD.findall(text):
        if _UNSPACED.match(word):
            words += [word[i : i + 2] for i in range(len(word) - 1)]
        else:
            words.append(word)
    return words


def titles(sentences: list[str], masses: list[int]) -> list[str]:
    """A title for each segment: its words with the largest TF-IDF against the rest of the text.

    A word's TF is how often it stands in the segment, less how often it would at the rate of the
    rest. Its IDF is log((n + 1) / f), where f of the text's n sentences hold it, and half of that
    for f = 1: what is said once is seldom what a segment is about. English function words are left
    out; those of other languages stand in most sentences, or as often in the rest.

    Args:
        sentences: the text's sentences.
        masses: lengths of the segments in sentences.

    Returns:
        A title for each segment, its words with commas between them; "" where it has none of its
        own.

    """
    written = [words_of(sentence) for sentence in sentences]
    folded = [[word.casefold() for word in row] for row in written]
    known = list(dict.fromkeys(word for row in folded for word in row))
    if not known:
        return [""] * len(masses)
    as_they_are: Any = list
    counter = CountVectorizer(vocabulary=known, analyzer=as_they_are)
    counts = counter.transform(folded).tocsr()  # [sentences, words]
    holding = np.bincount(counts.indices, minlength=len(known))
    idf = np.log((len(sentences) + 1) / holding) / np.where(holding == 1, 2, 1)
    idf[np.isin(known, list(ENGLISH_STOP_WORDS))] = 0
    total = np.asarray(counts.sum(axis=0)).ravel()
    edges = np.cumsum([0, *masses])
    written_titles = []
    for a, b in itertools.pairwise(edges):
        inside = np.asarray(counts[a:b].sum(axis=0)).ravel()
        rest = total - inside
        scores = (inside - rest * (inside.sum() / max(rest.sum(), 1))) * idf
        best = [known[i] for i in np.argsort(-scores, kind="stable")[:WORDS] if scores[i] > 0]
        forms = Counter(word for row in written[a:b] for word in row)
        form = {word.casefold(): word for word, _ in reversed(forms.most_common())}
        written_titles.append(", ".join(form[word] for word in best))
    return written_titles
