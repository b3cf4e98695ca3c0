"""All head measures, fed from one pass: those of texts, or those of images."""

from __future__ import annotations

from typing import TypeVar

import pandas as pd

from blocklens.encoder.attention import Heads, Workspace
from blocklens.encoder.sending import is_here, wait_for_all
from blocklens.heads.distance import Distance
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.same_sentence import SameSentence
from blocklens.heads.separators import Separators
from blocklens.heads.specialisation import Specialisation
from blocklens.heads.streaming import HeadMeasure, Shape
from blocklens.heads.uniqueness import Uniqueness
from blocklens.heads.view import View
from blocklens.inputs.windows import Tokens

Kind = TypeVar("Kind", bound=HeadMeasure)

OF_TEXTS: tuple[type[HeadMeasure], ...] = (
    Separators, Distance, SameSentence, Specialisation, Uniqueness,
)  # fmt: skip
"""In the order of the report."""


class HeadMeasures:
    """The sums of several measures over the same inputs.

    Args:
        shape: blocks, heads, tokens and groups.
        options: what was chosen.
        kinds: which measures.

    """

    def __init__(
        self,
        shape: Shape,
        options: HeadOptions,
        kinds: tuple[type[HeadMeasure], ...] = OF_TEXTS,
    ) -> None:
        self.shape = shape
        self.options = options
        self.each = tuple(kind(shape, options) for kind in kinds)
        self.windows = 0
        self.tokens = 0
        self._sent: list[View] = []

    def of(self, kind: type[Kind]) -> Kind:
        """The sums of one measure."""
        return next(measure for measure in self.each if isinstance(measure, kind))

    def update(self, heads: Heads, tokens: Tokens, workspace: Workspace) -> None:
        """Add one block of one window to every measure.

        Of heads on another device when it is here: see `arrive`.
        """
        view = View(heads, tokens, tokens.group(self.shape.groups), self.options, workspace)
        if is_here(heads.outputs):
            self._add(view)
        else:
            view.send()
            self._sent.append(view)

    def arrive(self) -> None:
        """Add what other devices have sent; the one time that anything waits for them.

        Once a batch, after its forward pass.
        """
        if self._sent:
            wait_for_all()
        for view in self._sent:
            self._add(view)
        self._sent.clear()

    def _add(self, view: View) -> None:
        if view.block == 1:
            self.windows += 1
            self.tokens += len(view.tokens)
        for measure in self.each:
            measure.update(view)

    def merge(self, other: HeadMeasures) -> None:
        """Add the sums of other inputs, measured with the same options."""
        if other.options != self.options:
            raise ValueError("measurements with different options cannot be merged")
        self.windows += other.windows
        self.tokens += other.tokens
        for mine, theirs in zip(self.each, other.each, strict=True):
            mine.merge(theirs)

    def table(self) -> pd.DataFrame:
        """Every statistic per block and head, and per whole block; see `Ratios.table`."""
        return pd.concat([measure.table() for measure in self.each], ignore_index=True)

    def sums(self) -> pd.DataFrame:
        """Sums by group of texts at the chosen cut: left out in turn by claims."""
        return pd.concat(
            [measure.ratios.sums(self.options.cut) for measure in self.each], ignore_index=True
        )
