"""What every head measure is: sums that a block of a window adds to, and that merge by addition.

To add a measure: a file here with a `HeadMeasure` (its formula in the head of the file), its name
in `measures`, its claim in `claims/p1.py`, its chart in the report.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from blocklens.heads.head_options import HeadOptions
from blocklens.heads.ratios import Ratios
from blocklens.heads.view import View
from blocklens.statistics.groups import GROUPS


@dataclass(frozen=True)
class Shape:
    """What a measure has to know of an encoder and its inputs before the first one.

    Attributes:
        blocks: number of blocks.
        heads: number of heads of a block.
        tokens: the longest window.
        vocabulary: number of token ids.
        groups: number of groups of texts.

    """

    blocks: int
    heads: int
    tokens: int
    vocabulary: int
    groups: int = GROUPS


class HeadMeasure(ABC):
    """Streaming sums of some statistics of every head.

    Attributes:
        ratios: observed, expected and weight of every statistic.
        kept: further sums, by name.

    """

    name: ClassVar[str]
    """What the tables call it."""
    statistics: ClassVar[tuple[str, ...]]
    swept: ClassVar[bool] = True
    """Whether it is of high pairs, and so has a value at each of their cuts."""
    whole_blocks: ClassVar[bool] = False
    """Whether its statistics belong to a block and not to a head."""

    def __init__(self, shape: Shape, options: HeadOptions) -> None:
        self.shape, self.options = shape, options
        self.ratios = Ratios(
            self.name,
            self.statistics,
            blocks=shape.blocks,
            heads=shape.heads,
            groups=shape.groups,
            whole_blocks=self.whole_blocks,
            **({"cuts": options.cuts} if self.swept else {}),
        )
        self.kept: dict[str, np.ndarray] = {}

    @abstractmethod
    def update(self, view: View) -> None:
        """Add one block of one window."""

    def merge(self, other: Any) -> None:
        """Add the sums of other texts, measured with the same options."""
        self.ratios.merge(other.ratios)
        for name, sums in other.kept.items():
            self.kept[name] += sums

    def table(self) -> pd.DataFrame:
        """Every statistic per block and head, and per whole block; see `Ratios.table`."""
        return self.ratios.table()
