"""Groups of texts: the one unit that every interval leaves out.

Texts fall into groups by their hash, so that any process, any order and any part of a study puts a
text into the same group. Tokens and pairs are never the unit: those of one text are not separate
evidence.
"""

from __future__ import annotations

GROUPS = 20
"""Groups of texts. More would sharpen the intervals little and cost memory in proportion: Student's
t of 19 degrees of freedom is 2.09, of as many as one likes 1.96."""

FEWEST_GROUPS = 10
"""With fewer groups than this, counted by their effective number (`intervals.effective_groups`), an
interval is too often too narrow, and no verdict is given. Thirty texts of one length reach it."""


def group_of(key: int, groups: int = GROUPS) -> int:
    """The group of the text with this hash."""
    return key % groups
