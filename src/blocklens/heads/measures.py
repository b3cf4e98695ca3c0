"""Measures of heads: streaming sums, one file each, with `update`, `merge` and `table`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from blocklens.encoder.trunk import Encoder
from blocklens.heads.anchors import AnchorTokens
from blocklens.heads.distance import Distance
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.ratios import GROUPS
from blocklens.heads.same_sentence import SameSentence
from blocklens.heads.separators import Separators
from blocklens.heads.specialisation import Specialisation
from blocklens.heads.view import View

__all__ = ["HeadMeasures", "HeadOptions", "View"]


class HeadMeasures:
    """All head measures of one run, fed from one pass.

    Args:
        encoder: gives the numbers of blocks, heads and token ids.
        options: what was chosen.
        tokens: the longest window.
        groups: number of groups of texts.

    """

    def __init__(
        self, encoder: Encoder, options: HeadOptions, *, tokens: int, groups: int = GROUPS
    ) -> None:
        shape = {"blocks": encoder.blocks, "heads": encoder.heads, "groups": groups}
        cuts: dict[str, Any] = {"cuts": options.cuts}
        chosen: dict[str, Any] = {**cuts, "default_cut": options.default_cut}
        self.options = options
        self.groups = groups
        self.separators = Separators(**shape)
        self.distance = Distance(**shape, **chosen, tokens=tokens)
        self.sentences = SameSentence(**shape, **chosen, shifts=options.shifts)
        self.specialisation = Specialisation(**shape, **cuts)
        self.anchors = AnchorTokens(**shape, **chosen, vocabulary=int(encoder.config.vocab_size))
        self.windows = 0
        self.tokens = 0

    @property
    def each(self) -> tuple[Separators, Distance, SameSentence, Specialisation, AnchorTokens]:
        """The measures, in the order of the report."""
        return self.separators, self.distance, self.sentences, self.specialisation, self.anchors

    def update(self, view: View) -> None:
        """Add one block of one window to every measure."""
        if view.block == 1:
            self.windows += 1
            self.tokens += len(view.tokens)
        for measure in self.each:
            measure.update(view)

    def merge(self, other: HeadMeasures) -> None:
        """Add the sums of other texts, measured with the same options."""
        if other.options != self.options:
            raise ValueError("measurements with different options cannot be merged")
        self.windows += other.windows
        self.tokens += other.tokens
        for mine, theirs in zip(self.each, other.each, strict=True):
            mine.merge(theirs)  # type: ignore[arg-type]

    def table(self) -> pd.DataFrame:
        """Every statistic per block and head, and per whole block; see `Ratios.table`."""
        return pd.concat([measure.table() for measure in self.each], ignore_index=True)

    def sums(self) -> pd.DataFrame:
        """Sums by group of texts at the chosen cut: what claims resample."""
        return pd.concat(
            [measure.ratios.sums(self.options.cut) for measure in self.each], ignore_index=True
        )


Progress = Callable[[int], None]
"""Called with the number of texts done since the last call."""
