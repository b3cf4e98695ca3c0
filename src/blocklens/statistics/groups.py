"""Groups of texts: the one unit that every interval leaves out.

Texts fall into groups by their hash, so that any process, any order and any part of a study puts a
text into the same group. Tokens and pairs are never the unit: those of one text are not separate
evidence.
"""

from __future__ import annotations

import hashlib
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Key = TypeVar("Key", int, NDArray[np.integer])

GROUPS = 20
"""Groups of texts. More would sharpen the intervals little and cost memory in proportion: Student's
t of 19 degrees of freedom is 2.09, of as many as one likes 1.96."""

FEWEST_GROUPS = 10
"""With fewer groups than this, counted by their effective number (`intervals.effective_groups`), an
interval is too often too narrow, and no verdict is given. Thirty texts of one length reach it."""


def text_hash(text: str) -> int:
    """64-bit hash of a text: what is drawn for it starts from there."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def text_key(text: str) -> int:
    """The same in 63 bits, for int64 arrays: its group in every interval."""
    return text_hash(text) >> 1


def group_of(key: Key, groups: int = GROUPS) -> Key:
    """The group of the text with this hash, or of each of several."""
    return key % groups
