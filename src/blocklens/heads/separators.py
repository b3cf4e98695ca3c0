"""Attention to separators: the attention that a class of tokens gets, over its share.

For each class of tokens, the attention that word queries send to it, averaged over queries, divided
by the class's share of the text's tokens: 1 is no preference (docs/definitions.md: attention to
separators; the focus of the final blocks on separators is P1's statement, the classes are ours).
Queries are the tokens of the class "other tokens": neither separators nor special tokens. Every
class is a curve of its own, since a sink on the start token must not be mistaken for a separator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from blocklens.heads.ratios import GROUPS, Ratios
from blocklens.inputs.windows import KINDS, OTHER, Tokens

if TYPE_CHECKING:
    from blocklens.heads.view import View

STATISTICS = tuple(f"attention to {kind}" for kind in KINDS)


class Separators:
    """Streaming sums of the attention that each class of tokens receives.

    Args:
        blocks: number of blocks.
        heads: number of heads.
        groups: number of groups of texts.

    """

    name = "separators"

    def __init__(self, *, blocks: int, heads: int, groups: int = GROUPS) -> None:
        self.ratios = Ratios(self.name, STATISTICS, blocks=blocks, heads=heads, groups=groups)

    def update(self, view: View) -> None:
        """Add one block of one window."""
        queries, classes = query_and_classes(view.tokens)
        received = attention_received(view.heads.attention, queries)
        share = classes.mean(axis=0)
        number = queries.sum()
        # A class that a text lacks says nothing about it.
        present = share > 0
        self.ratios.add(
            view.group,
            view.block,
            (received @ classes)[:, None, :],
            number * share,
            number * present,
        )

    def merge(self, other: Separators) -> None:
        """Add the sums of other texts."""
        self.ratios.merge(other.ratios)

    def table(self) -> pd.DataFrame:
        """Preference for each class per block and head, see `Ratios.table`."""
        return self.ratios.table()


def query_and_classes(tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
    """Which tokens are queries [tokens], and each token's class as a row of zeros and a one."""
    if "classes" not in tokens.cache:
        queries = (tokens.kinds == OTHER) & ~tokens.special
        tokens.cache["classes"] = (queries, np.eye(len(KINDS))[tokens.kinds])
    return tokens.cache["classes"]


def attention_received(attention: Tensor, queries: np.ndarray) -> np.ndarray:
    """Attention that every token receives from the queries, summed over them.

    Args:
        attention: A [heads, tokens, tokens].
        queries: bool [tokens].

    Returns:
        float64 [heads, tokens].

    """
    weights = torch.from_numpy(queries).to(attention)
    return torch.matmul(weights, attention).double().cpu().numpy()
