"""High-similarity pairs: which tokens a head makes most alike, found once for all measures.

The context similarity matrix of a head is S_ij = <v_i, v_j> (docs/definitions.md: context
similarity matrix). Its high pairs are the unordered pairs i < j of content tokens in the top
fraction q of the text's n(n-1)/2, at least ceil(n/2) pairs; ties at the cut are all in, so that no
order of tokens matters. All cuts of the sweep come from one selection at the loosest; each pair
knows the tightest cut it makes.

Found in NumPy (`largest`), whose state they feed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from jaxtyping import Float, Float64, Int32, Int64, Integer
from torch import Tensor

from blocklens.encoder import matmul
from blocklens.encoder.attention import Workspace, heads_at_once
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.largest import largest, places_of
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


@lru_cache(maxsize=4)
def places_on(tokens: int, device: str) -> Int64[Tensor, " pairs"]:
    """The places of all pairs, sent to a device once."""
    return all_pairs(tokens)[2].to(device)


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
        head: int [selected], sorted.
        pair: int [selected], index into the table.
        cut: int [selected], the tightest cut the pair makes: it belongs to that cut and all looser.
        heads: number of heads.
        cuts: number of cuts.

    """

    table: PairTable
    head: np.ndarray
    pair: np.ndarray
    cut: np.ndarray
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


def context_similarity(
    outputs: Float[Tensor, "heads tokens width"], similarity: str, workspace: Workspace
) -> Float[Tensor, "heads tokens tokens"]:
    """S [heads, tokens, tokens] from output vectors [heads, tokens, head width].

    Args:
        outputs: v, content tokens only.
        similarity: "raw" scalar product, "cosine", "centered" (the text's mean vector subtracted
            first) or "max" (divided by the size of the largest off-diagonal element).
        workspace: where S may be written.

    """
    if similarity == "centered":
        outputs = outputs - outputs.mean(dim=1, keepdim=True)
    elif similarity == "cosine":
        outputs = torch.nn.functional.normalize(outputs, dim=-1)
    heads, tokens, _ = outputs.shape
    matrix = workspace.get("similarity", (heads, tokens, tokens), outputs)
    matrix = matmul.batched(outputs, outputs.mT, matrix)
    if similarity == "max":
        diagonal = torch.diagonal(matrix, dim1=1, dim2=2)
        kept = diagonal.clone()
        diagonal.fill_(float("-inf"))
        largest = matrix.amax(dim=(1, 2), keepdim=True)
        diagonal.copy_(kept)
        matrix /= largest.abs()  # so that the order stays where no product is positive
    return matrix


def content_rows(
    outputs: Float[Tensor, "heads tokens width"], content: Integer[np.ndarray, " content"]
) -> Float[Tensor, "heads content width"]:
    """The content tokens' rows of [heads, tokens, width]; a view where they stand in one run."""
    if content[-1] - content[0] + 1 == len(content):
        return outputs[:, content[0] : content[-1] + 1]
    return outputs[:, torch.from_numpy(content).to(outputs.device, non_blocking=outputs.is_cuda)]


def high_pairs(
    outputs: Float[Tensor, "heads tokens width"],
    tokens: Tokens,
    options: HeadOptions,
    workspace: Workspace,
) -> Pairs:
    """The high-similarity pairs of every head of one block on one window.

    Args:
        outputs: head output vectors [heads, tokens, head width] of the whole window.
        tokens: the window.
        options: similarity, cuts and the rule that makes them.
        workspace: buffers.

    """
    similar = similarities(outputs, tokens, options, workspace)
    return highest_of(similar.cpu().numpy(), tokens, options)


def similarities(
    outputs: Float[Tensor, "heads tokens width"],
    tokens: Tokens,
    options: HeadOptions,
    workspace: Workspace,
) -> Float[Tensor, "heads pairs"]:
    """The similarity of every pair of one window, where the outputs are; see `high_pairs`."""
    table = PairTable.of(tokens)
    outputs = content_rows(outputs, tokens.content)
    upper = workspace.get("upper", (len(outputs), table.pairs), outputs)
    places = places_on(table.tokens, str(outputs.device))
    for some in heads_at_once(outputs):
        matrices = context_similarity(outputs[some], options.similarity, workspace)
        # One by one: gathering along the second dimension of two is slower.
        for matrix, place in zip(matrices, upper[some], strict=True):
            torch.index_select(matrix.view(-1), 0, places, out=place)
    return upper


def highest_of(
    values: Float[np.ndarray, "heads pairs"], tokens: Tokens, options: HeadOptions
) -> Pairs:
    """The high ones of all pairs' similarities; see `high_pairs`."""
    table = PairTable.of(tokens)
    if options.rule == "top":
        counts = [pairs_wanted(table.tokens, q) for q in options.cuts]
        head, pair, picked, thresholds = largest(values, counts)
    else:
        thresholds = values.max(axis=1, keepdims=True) * np.asarray(options.cuts)
        place = places_of(values > thresholds[:, -1:])
        head, pair = np.divmod(place, table.pairs)
        picked = values.reshape(-1)[place]
    cut = np.zeros(len(pair), dtype=np.int64)
    inclusive = options.rule == "top"
    of_head = np.bincount(head, minlength=len(values))
    for tighter in range(len(options.cuts) - 1):
        limit = np.repeat(thresholds[:, tighter], of_head)
        cut += picked < limit if inclusive else picked <= limit
    return Pairs(table, head, pair, cut, len(values), len(options.cuts))


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
    counts = [pairs_wanted(table.tokens, q) for q in options.cuts]
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
