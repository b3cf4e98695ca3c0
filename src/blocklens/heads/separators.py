"""Attention to separators: the attention that a class of tokens gets, over its share.

For each class of tokens, the attention that word queries send to it, averaged over queries, divided
by the class's share of the text's tokens: 1 is no preference (docs/definitions.md: attention to
separators; the focus of the final blocks on separators is P1's statement, the classes are ours).
Queries are the tokens of the class "other tokens": neither separators nor special tokens. Every
class is a curve of its own, since a sink on the start token must not be mistaken for a separator.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from blocklens.heads.streaming import HeadMeasure
from blocklens.heads.view import View, queries_of
from blocklens.inputs.windows import KINDS, Tokens


class Separators(HeadMeasure):
    """Streaming sums of the attention that each class of tokens receives."""

    name = "separators"
    statistics = tuple(f"attention to {kind}" for kind in KINDS)
    swept = False

    def update(self, view: View) -> None:
        """Add one block of one window."""
        queries, classes = query_and_classes(view.tokens)
        share = classes.mean(axis=0)  # [classes]
        count = queries.sum()
        # A class that a text lacks says nothing about it.
        present = share > 0
        self.ratios.add(
            view.group,
            view.block,
            (view.received @ classes)[:, None, :],
            count * share,
            count * present,
        )


def query_and_classes(
    tokens: Tokens,
) -> tuple[Bool[np.ndarray, " tokens"], Float[np.ndarray, "tokens classes"]]:
    """Which tokens are queries, and each token's class as a row of zeros and a one."""
    if "classes" not in tokens.cache:
        tokens.cache["classes"] = (queries_of(tokens), np.eye(len(KINDS))[tokens.kinds])
    return tokens.cache["classes"]
