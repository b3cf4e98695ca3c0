"""What can be chosen in segmenting a text."""

from __future__ import annotations

from typing import Literal

from blocklens.options import Names, Options, option

Which = Literal["chosen", "all", "middle", "last"]
"""Which heads count, see `head_choice.py`."""


class SegmentOptions(Options):
    """What can be chosen in segmenting a text; unknown keys are errors."""

    segments: int | None = option(
        None, "How many segments.", flag="-n --segments", shown="found", ge=1
    )
    shortest: int = option(1, "Sentences of a segment at least.", flag="--min", ge=1)
    longest: int | None = option(
        None, "Sentences of a segment at most.", flag="--max", shown="400 where it is found", ge=1
    )
    levels: int = option(
        1, "How often to divide: 2 divides every segment again, into a number that is found.",
        ge=1, le=5,
    )  # fmt: skip
    method: Names = option(
        ("joint",),
        "joint (similarity of head output vectors and of the last block's outputs), context (of "
        "head output vectors), blocks (of block outputs), attention (received by separators), "
        "both, change-points or cosine-drop; with --evaluate also no-cut, texttiling, c99, random, "
        "even, and several may be given.",
        shown="joint; with --evaluate all",
    )
    heads: Which = option(
        "chosen",
        "Which count: a quarter chosen by a rule without labels, all, or those of the middle or "
        "last third of the blocks.",
    )
    language: str = option("en", "Language of the sentence splitter.")
