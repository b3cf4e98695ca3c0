"""Groups of texts: the one unit that every interval leaves out.

Texts fall into groups by their hash, so that any process, any order and any part of a study puts a
text into the same group. Tokens and pairs are never the unit: those of one text are not separate
evidence.
"""

from __future__ import annotations

GROUPS = 32
"""Groups of texts. More would sharpen the intervals little and cost memory in proportion."""

FEWEST_GROUPS = 10
"""With fewer groups than this an interval is too often too narrow, and no verdict is given."""


def group_of(key: int, groups: int = GROUPS) -> int:
    """The group of the text with this hash."""
    return key % groups
