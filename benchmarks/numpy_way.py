"""The same figures as NumPy over heads, made as fast as we could: the tuned way.

What a window's pairs are is worked out once per window; each head costs one partition for the
loosest cut, and the tighter cuts are taken from what it found. `numpy_everyday.py` has the same
figures without these two tricks, which are blocklens' own. Both share with blocklens the random
draws of one null and the options, and no other code.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from blocklens.heads.head_options import HeadOptions
from blocklens.heads.pairs import pairs_wanted, random_pairs
from blocklens.inputs.windows import KINDS, OTHER, Tokens
from blocklens.statistics.groups import GROUPS

LOCAL, CONTEXT = 5, 2
COUNTS = ("number", "distance", "repetition", "anchor", "anchor context", "local",
          "same sentence", "noise", "distance matched",
          "anchor context by chance")  # fmt: skip
SCORES = slice(2, 8)


@lru_cache(maxsize=2)
def upper(tokens: int) -> tuple[np.ndarray, np.ndarray]:
    """Members i < j of all pairs."""
    return np.triu_indices(tokens, k=1)


def at_least(values: np.ndarray, wanted: int) -> np.ndarray:
    """Where `values` are among the `wanted` largest, ties all in."""
    return np.flatnonzero(values >= np.partition(values, -wanted)[-wanted])


class Window:
    """What the pairs of one window are."""

    def __init__(self, tokens: Tokens, options: HeadOptions, heads: int) -> None:
        self.content = np.flatnonzero(~tokens.special)
        self.n = len(self.content)
        self.first, self.second = upper(self.n)
        self.type_ids, self.types = np.unique(tokens.ids[self.content], return_inverse=True)
        self.occurrences = np.bincount(self.types)
        self.sentences = sentences = tokens.sentences[self.content]
        self.distance = self.second - self.first
        self.equal = self.types[self.first] == self.types[self.second]
        self.same = sentences[self.first] == sentences[self.second]
        self.local = self.distance <= LOCAL
        self.several = sentences[0] != sentences[-1]
        self.matched = np.array(
            [np.mean(sentences == np.roll(sentences, d)) for d in range(self.n)]
        )
        self.queries = (tokens.kinds == OTHER) & ~tokens.special
        self.classes = np.eye(len(KINDS))[tokens.kinds]
        self.wanted = [pairs_wanted(self.n, q) for q in options.cuts]
        self.shares = (self.n - np.arange(self.n)) / len(self.first)
        self.shares[0] = 0
        self._random(tokens, options, heads)

    def _random(self, tokens: Tokens, options: HeadOptions, heads: int) -> None:
        """Random pairs through the same counting: shares of kinds, and distinct anchors."""
        draws = random_pairs(tokens, options, heads).pair.reshape(heads, -1)
        found = [self.counted([draw[:wanted] for wanted in self.wanted]) for draw in draws]
        total = np.sum([counts for counts, _, _ in found], axis=0)
        self.null = total[:, SCORES] / total[:, :1]
        self.null[:, [0, 3, 4]] = self.equal.mean(), self.local.mean(), self.same.mean()
        self.null_distinct = distinct([kinds for _, *kinds in found])

    def high_pairs(self, similarity: np.ndarray) -> list[np.ndarray]:
        """The high pairs of one head for every cut, ties all in."""
        values = similarity[self.first, self.second]
        candidates = at_least(values, self.wanted[-1])
        found = values[candidates]
        return [candidates[at_least(found, wanted)] for wanted in self.wanted]

    def counted(
        self, chosen: list[np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
        """Counts [cuts, COUNTS] of one head's pairs, and its anchors per cut in both modes."""
        counts = np.empty((len(chosen), len(COUNTS)))
        plain, normalised = [], []
        for cut, pairs in enumerate(chosen):
            first, second = self.first[pairs], self.second[pairs]
            members = np.bincount(self.types[first], minlength=len(self.type_ids))
            members += np.bincount(self.types[second], minlength=len(self.type_ids))
            share = members / self.occurrences
            plain.append(members == members.max())
            normalised.append(share == share.max())
            is_anchor = plain[-1][self.types]
            near = np.zeros(self.n, dtype=bool)
            for step in range(1, CONTEXT + 1):
                near[step:] |= is_anchor[:-step]
                near[:-step] |= is_anchor[step:]
            near &= ~is_anchor
            anchor = is_anchor[first] | is_anchor[second]
            others, far = self.n - is_anchor.sum(), self.n - is_anchor.sum() - near.sum()
            by_chance = 1 - far * (far - 1) / max(others * (others - 1), 1)
            equal, local, same = self.equal[pairs], self.local[pairs], self.same[pairs]
            distance = self.distance[pairs]
            counts[cut] = (
                len(pairs),
                distance.sum(),
                np.count_nonzero(equal),
                np.count_nonzero(anchor),
                np.count_nonzero((near[first] | near[second]) & ~anchor),
                np.count_nonzero(local),
                np.count_nonzero(same),
                np.count_nonzero(~(equal | anchor | local | same)),
                self.matched[distance].sum(),
                by_chance * np.count_nonzero(~anchor),
            )
        return counts, plain, normalised


def distinct(anchors: list[list[list[np.ndarray]]]) -> np.ndarray:
    """Distinct anchors [cuts, plain or normalised] of heads, at most the heads' number."""
    found = np.array([[np.any(cut, axis=0).sum() for cut in zip(*kind, strict=True)]
                      for kind in zip(*anchors, strict=True)])  # fmt: skip
    return np.minimum(found, len(anchors)).T


class Figures:
    """Sums over windows by measure: observed, expected, weight, as blocklens keeps them."""

    def __init__(self, blocks: int, heads: int, tokens: int, options: HeadOptions) -> None:
        self.options = options
        cuts = len(options.cuts)
        shapes = {
            "separators": (heads, 1, len(KINDS)),
            "distance": (heads, cuts, 2),
            "sentences": (heads, cuts, 2),
            "specialisation": (heads, cuts, 6),
            "anchors": (1, cuts, 2),
        }
        self.sums = {
            name: [np.zeros((GROUPS, blocks, *shape)) for _ in range(3)]
            for name, shape in shapes.items()
        }
        self.histogram = np.zeros((GROUPS, blocks, heads, tokens), dtype=np.int32)
        self.expected = np.zeros((GROUPS, blocks, heads, tokens), dtype=np.float32)
        self.anchors: dict[tuple[int, int, int], int] = {}

    def add(
        self, block: int, window: Window, group: int, maps: np.ndarray, out: np.ndarray
    ) -> None:
        """Add one block (0..L-1) of one window: maps [heads, n, n] and out [heads, n, width]."""
        found = [
            self._head(block, window, group, head, maps[head], out[head])
            for head in range(len(maps))
        ]
        observed, expected, weight = self.sums["anchors"]
        observed[group, block, 0] += distinct(found)
        expected[group, block, 0] += window.null_distinct
        weight[group, block, 0] += len(maps)

    def _head(
        self, block: int, w: Window, group: int, head: int, attention: np.ndarray, out: np.ndarray
    ) -> list[list[np.ndarray]]:
        at = (group, block, head)
        received = (w.queries.astype(attention.dtype) @ attention) @ w.classes
        share, number = w.classes.mean(axis=0), w.queries.sum()
        self._sum("separators", at, received[None], number * share, number * (share > 0))
        vectors = out[w.content]
        chosen = w.high_pairs(vectors @ vectors.T)
        counts, plain, normalised = w.counted(chosen)
        number = counts[:, :1]
        means = np.array([(w.n + 1) / 3, w.local.mean()])
        self._sum("distance", at, counts[:, [1, 5]], means * number, number)
        if w.several:
            null = np.hstack([number * w.same.mean(), counts[:, 8:9]])
            self._sum("sentences", at, counts[:, [6]], null, number)
        expected, weight = w.null * number, np.repeat(number, 6, axis=1)
        expected[:, 2], weight[:, 2] = counts[:, 9], counts[:, 0] - counts[:, 3]
        self._sum("specialisation", at, counts[:, SCORES], expected, weight)
        default = self.options.default_cut
        distances = np.bincount(w.distance[chosen[default]], minlength=w.n)
        self.histogram[at][: w.n] += distances
        self.expected[at][: w.n] += number[default] * w.shares
        for token in w.type_ids[plain[default]].tolist():
            key = (block, head, token)
            self.anchors[key] = self.anchors.get(key, 0) + 1
        return [plain, normalised]

    def _sum(self, name: str, at: tuple[int, int, int], *found: np.ndarray) -> None:
        for total, values in zip(self.sums[name], found, strict=True):
            total[at] += values
