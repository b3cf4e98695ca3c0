"""Selectivity: a read-out's accuracy less that of the same read-out on random labels.

A read-out may be right because a block knows the label, or because it learns anything by heart. So
it is trained once more on a control task (Hewitt and Liang 2019): all inputs of one type have one
label, drawn at random, which no block can know. What the read-out reaches there it owes to itself.

The type of a modified token is the token. A text has no type of its own, and one label a text could
not be learned from other texts; ours is the rarest of its tokens that several texts hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int64, Integer

from blocklens.labels.accuracy import LabelCounts, accuracy
from blocklens.labels.clusters import frequency_order
from blocklens.labels.left_out import leave_out_factors

CONTROL, SELECTIVITY = "control accuracy", "selectivity"

NEIGHBOURS = 10
"""A token's random label is one of about so many tokens as frequent as it."""

FEWEST_TEXTS = 10
"""Texts that must hold a token for it to be the type of one."""


def random_names(
    frequency: Integer[np.ndarray, " labels"], seed: int = 0
) -> Int64[np.ndarray, " labels"]:
    """A random label for every one, [labels]: another one about as frequent, each used once."""
    rng, names = np.random.default_rng(seed), np.arange(len(frequency))
    for like in np.array_split(frequency_order(frequency), max(1, len(frequency) // NEIGHBOURS)):
        drawn = rng.permutation(like)
        names[drawn] = np.roll(drawn, 1)
    return names


def random_classes(
    ids: Sequence[Sequence[int]], labels: Integer[np.ndarray, " texts"], seed: int = 0
) -> tuple[Int64[np.ndarray, " texts"], int]:
    """A class for every text by its type, drawn at random as frequent as they are, [texts].

    Also returns how many types there are. `ids`: each text's tokens; `labels` [texts]: its class.
    """
    text = np.repeat(np.arange(len(ids)), [len(one) for one in ids])
    token = np.concatenate([np.asarray(one, dtype=np.int64) for one in ids])
    text, token = np.unique(np.stack([text, token]), axis=1)
    held = np.bincount(token)[token]
    held[held < FEWEST_TEXTS] = len(ids) + 1  # last
    order = np.lexsort((held, text))
    texts, first = np.unique(text[order], return_index=True)
    kinds, kind = np.unique(token[order][first], return_inverse=True)
    classes = np.array(labels, dtype=np.int64)  # a text without a token keeps its own
    classes[texts] = np.random.default_rng(seed).choice(labels, len(kinds))[kind]
    return classes, len(kinds)


def selectivity_rows(
    n: Integer[np.ndarray, " groups"],
    right: Integer[np.ndarray, "groups blocks"],
    control: Integer[np.ndarray, "groups blocks"],
    types: int,
) -> list[dict[str, Any]]:
    """CONTROL and SELECTIVITY of every block as rows of `learning`.

    Args:
        n: how many inputs were answered, by group, [groups].
        right: right answers of the read-out, [groups, blocks].
        control: those of the same read-out on random labels, to the same inputs.
        types: how many types the inputs are of.

    """
    factors = leave_out_factors(n)
    rows = []
    for name, answered in ((CONTROL, control), (SELECTIVITY, right - control)):
        share = accuracy(LabelCounts(np.zeros(1, int), n[:, None], answered[:, :, None]), factors)
        blocks = range(answered.shape[1])
        rows += replace(share, labels=types).rows(name, blocks, share=name == CONTROL)
    return rows
