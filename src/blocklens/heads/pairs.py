"""Pairs of a window's content tokens: what each is, those selected, and random ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from jaxtyping import Float64, Int32, Int64, Integer
from torch import Tensor

from blocklens.heads.head_options import HeadOptions
from blocklens.inputs.windows import Tokens

LOCAL = 5
"""Pairs at most this many tokens apart are local (docs/definitions.md: distance distribution)."""

REPEATED, NEAR, SAME_SENTENCE = np.array([1, 2, 4], dtype=np.uint8)
"""Kinds of a pair, as bits: of one type, local, within one sentence."""


@lru_cache(maxsize=4)
def all_pairs(
    tokens: int,
) -> tuple[Int32[np.ndarray, " pairs"], Int32[np.ndarray, " pairs"], Int64[Tensor, " pairs"]]:
    """Members i < j of every pair, int32 [pairs], and their places i n + j in a matrix, int64."""
    first, second = np.triu_indices(tokens, k=1)
    places = torch.from_numpy(first * tokens + second)
    return first.astype(np.int32), second.astype(np.int32), places


class PairTable:
    """What every pair of a window's content tokens is, before any encoder has seen it.

    Arrays are [pairs] in the order of `all_pairs`, or [tokens] over content tokens. `kinds` has a
    bit for each kind of a pair; `shares` is each kind's share of all pairs.
    """

    def __init__(self, tokens: Tokens) -> None:
        content = tokens.content
        self.tokens = len(content)
        self.first, self.second, _ = all_pairs(self.tokens)
        self.pairs = len(self.first)
        ids = tokens.ids[content]
        self.sentences = tokens.sentences[content]
        self.type_ids, self.types = np.unique(ids, return_inverse=True)
        equal = self.types[self.first] == self.types[self.second]
        local = self.second - self.first <= LOCAL
        same = self.sentences[self.first] == self.sentences[self.second]
        self.kinds = equal * REPEATED | local * NEAR | same * SAME_SENTENCE
        self.shares = {
            kind: np.count_nonzero(which) / self.pairs
            for kind, which in ((REPEATED, equal), (NEAR, local), (SAME_SENTENCE, same))
        }

    @staticmethod
    def of(tokens: Tokens) -> PairTable:
        """The table of a window, made once and kept with it."""
        if "pairs" not in tokens.cache:
            tokens.cache["pairs"] = PairTable(tokens)
        return tokens.cache["pairs"]

    @cached_property
    def mean_distance(self) -> float:
        """Mean distance of all pairs, (n + 1) / 3."""
        return (self.tokens + 1) / 3

    @cached_property
    def distance_shares(self) -> Float64[np.ndarray, " tokens"]:
        """P(delta) of all pairs, 2 (n - delta) / (n (n - 1)), [tokens]; P(0) = 0."""
        shares = (self.tokens - np.arange(self.tokens)) / self.pairs
        shares[0] = 0.0
        return shares

    @cached_property
    def sentence_shares(self) -> Float64[np.ndarray, " tokens"]:
        """p(delta) [tokens]: share of positions i with i and i + delta (mod n) in one sentence.

        This is the mean over all circular shifts of the sentence labels, exact and without drawing
        any (docs/definitions.md: same-sentence preference, null b). Sentences are runs, so a
        sentence of length m gives max(0, m - delta) positions, and max(0, m - (n - delta)) more
        around the end.
        """
        n = self.tokens
        borders = np.flatnonzero(np.diff(self.sentences)) + 1
        lengths = np.diff(np.concatenate([[0], borders, [n]]))[:, None]
        distance = np.arange(n)[None, :]
        inside = np.maximum(0, lengths - distance) + np.maximum(0, lengths - (n - distance))
        return inside.sum(axis=0) / n


@dataclass(frozen=True)
class Pairs:
    """Selected pairs of every head of one block on one window, for all cuts at once.

    Attributes:
        table: what the pairs are.
        head: sorted.
        pair: index into the table.
        cut: the tightest cut the pair makes: it belongs to that cut and all looser.
        heads: number of heads.
        cuts: number of cuts.

    """

    table: PairTable
    head: Int64[np.ndarray, " selected"]
    pair: Int64[np.ndarray, " selected"]
    cut: Int64[np.ndarray, " selected"]
    heads: int
    cuts: int

    @cached_property
    def key(self) -> Integer[np.ndarray, " selected"]:
        """Head x cuts + cut, [selected]."""
        return self.head * self.cuts + self.cut

    @cached_property
    def first(self) -> Integer[np.ndarray, " selected"]:
        """The pairs' first members, numbers of content tokens, [selected]."""
        return self.table.first[self.pair]

    @cached_property
    def second(self) -> Integer[np.ndarray, " selected"]:
        """The pairs' second members, as `first`."""
        return self.table.second[self.pair]

    def count(
        self, values: Integer[np.ndarray, " selected"], size: int
    ) -> Integer[np.ndarray, "heads cuts size"]:
        """How many pairs have each value, for each head and cut, [heads, cuts, size].

        Args:
            values: int [selected], of 0 .. size - 1.
            size: number of values.

        """
        counts = np.bincount(self.key * size + values, minlength=self.heads * self.cuts * size)
        return counts.reshape(self.heads, self.cuts, size).cumsum(axis=1)

    @cached_property
    def distances(self) -> Integer[np.ndarray, "heads cuts tokens"]:
        """How many pairs are at each distance, for each head and cut, [heads, cuts, tokens]."""
        return self.count(self.second - self.first, self.table.tokens)

    @cached_property
    def number(self) -> Integer[np.ndarray, "heads cuts"]:
        """How many pairs there are, for each head and cut, [heads, cuts]."""
        return self.distances.sum(axis=2)


def numbers_wanted(tokens: Tokens, options: HeadOptions) -> list[int]:
    """How many pairs of a window each of the top fractions is, rising."""
    return [pairs_wanted(PairTable.of(tokens).tokens, q) for q in options.cuts]


def pairs_wanted(tokens: int, fraction: float) -> int:
    """How many pairs the top fraction of a text of n tokens is: at least ceil(n / 2)."""
    pairs = tokens * (tokens - 1) // 2
    return min(pairs, max(int(np.ceil(fraction * pairs)), (tokens + 1) // 2))


def random_pairs(tokens: Tokens, options: HeadOptions, heads: int) -> Pairs:
    """As many random pairs as the top fractions take: the null of what a head's anchor explains.

    The same for every block and head.
    """
    table = PairTable.of(tokens)
    rng = tokens.rng(purpose=1)
    counts = numbers_wanted(tokens, options)
    # Drawn with replacement: a pair drawn twice is rare, and shuffling all pairs is slow.
    chosen = rng.integers(table.pairs, size=(heads, counts[-1]))
    cut = np.searchsorted(counts, np.arange(counts[-1]), side="right")
    return Pairs(
        table,
        np.repeat(np.arange(heads), counts[-1]),
        chosen.ravel(),
        np.tile(cut, heads),
        heads,
        len(counts),
    )


def random_pairs_like(pairs: Pairs, rng: np.random.Generator) -> Pairs:
    """As many random pairs as each head has at each cut: the null where a head decides how many."""
    chosen = rng.integers(pairs.table.pairs, size=len(pairs.head))
    return Pairs(pairs.table, pairs.head, chosen, pairs.cut, pairs.heads, pairs.cuts)
