"""The same figures the way people get them today: maps out of the model, NumPy over heads.

An ordinary vectorised script: for every head and cut, find the pairs above the cut in the
similarity matrix, and count what they are from the ids and sentences of the text. Nothing is kept
per pair but the indices; no cut uses what another found. `numpy_way.py` is the same with the tricks
that make it faster.
"""

from __future__ import annotations

import numpy as np

from benchmarks.numpy_way import CONTEXT, COUNTS, LOCAL, Window


class EverydayWindow(Window):
    """A window whose pairs are looked at as they are found."""

    def high_pairs(self, similarity: np.ndarray) -> list[np.ndarray]:
        """The high pairs of one head for every cut, ties all in."""
        values = similarity[self.first, self.second]
        cuts = [np.partition(values, -wanted)[-wanted] for wanted in self.wanted]
        return [np.flatnonzero(values >= cut) for cut in cuts]

    def counted(
        self, chosen: list[np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
        """Counts [cuts, COUNTS] of one head's pairs, and its anchors per cut in both modes."""
        counts = np.empty((len(chosen), len(COUNTS)))
        plain, normalised = [], []
        for cut, pairs in enumerate(chosen):
            i, j = self.first[pairs], self.second[pairs]
            members = np.bincount(self.types[np.concatenate([i, j])], minlength=len(self.type_ids))
            share = members / self.occurrences
            plain.append(members == members.max())
            normalised.append(share == share.max())
            is_anchor = np.isin(self.types, np.flatnonzero(plain[-1]))
            places = np.flatnonzero(is_anchor)
            away = np.abs(np.arange(self.n)[:, None] - places).min(axis=1)
            near = (away > 0) & (away <= CONTEXT)
            distance = j - i
            equal = self.types[i] == self.types[j]
            same = self.sentences[i] == self.sentences[j]
            local = distance <= LOCAL
            anchor = is_anchor[i] | is_anchor[j]
            others, far = self.n - is_anchor.sum(), self.n - is_anchor.sum() - near.sum()
            by_chance = 1 - far * (far - 1) / max(others * (others - 1), 1)
            counts[cut] = (
                len(pairs),
                distance.sum(),
                equal.sum(),
                anchor.sum(),
                ((near[i] | near[j]) & ~anchor).sum(),
                local.sum(),
                same.sum(),
                (~(equal | anchor | local | same)).sum(),
                self.matched[distance].sum(),
                by_chance * (~anchor).sum(),
            )
        return counts, plain, normalised
