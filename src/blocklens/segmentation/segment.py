"""From a text to its segments."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from blocklens.embedded.bert6 import EMBEDDED
from blocklens.errors import UserError
from blocklens.inputs.fields import kind_of
from blocklens.inputs.sentences import sentence_spans
from blocklens.inputs.transcripts import Cue
from blocklens.options import checked
from blocklens.progress import NOTEBOOK, Progress
from blocklens.segmentation.border_strength import standardised
from blocklens.segmentation.methods import METHODS, Evidence
from blocklens.segmentation.reading import Reading
from blocklens.segmentation.segment_count import Lengths
from blocklens.segmentation.segment_options import SegmentOptions
from blocklens.segmentation.segmented import Segmentation
from blocklens.wording import counted


def segment(
    text: Any,
    encoder: Any = EMBEDDED,
    *,
    name: str = "text",
    cues: Sequence[Cue] = (),
    progress: Progress = NOTEBOOK,
    **options: Any,
) -> Segmentation:
    """Divide a text into segments by what an encoder makes of it, without training.

    Args:
        text: the text, of any length.
        encoder: any text encoder, or what `Encoder.of` makes one of; by default the embedded one.
        name: what the text goes by.
        cues: of a transcript, the times of its characters; the segments then have times too.
        progress: as in `Reading`.
        **options: those of `SegmentOptions`: `segments`, how many (None finds the number),
            `shortest` and `longest`, sentences of a segment, `levels`, how often to divide,
            `method`, `heads` and `language`.

    Raises:
        UserError: no sentence in the text, more segments asked than it has sentences, lengths that
            leave no segmentation, an option that cannot be.

    Examples:
        >>> import blocklens
        >>> text = "The cat sat. The cat ate. The cat slept. Stocks fell. Banks fell. Shares fell."
        >>> for segment in blocklens.segment(text, segments=2).segments:
        ...     print(segment)
        The cat sat. The cat ate. The cat slept.
        Stocks fell. Banks fell. Shares fell.

    """
    from blocklens.encoder.given import texts_and_encoder

    text, encoder = texts_and_encoder(text, encoder)
    if not isinstance(text, str):
        raise UserError(f"{name}: is {kind_of(text)}; expected one text, a string")
    chosen = checked(SegmentOptions, options)
    method, segments = ", ".join(chosen.method), chosen.segments
    if method not in METHODS:
        raise UserError(f"method {method!r}: expected one of {', '.join(METHODS)}")
    spans = sentence_spans(text, chosen.language)
    if not spans:
        raise UserError(f"{name}: no sentence found; expected a text with words")
    if segments is not None and segments > len(spans):
        raise UserError(
            f"{name}: {segments} segments asked of {counted(len(spans), 'sentence')}; ask for at "
            f"most {len(spans)}"
        )
    bounds = Lengths(chosen.shortest, chosen.longest)
    if len(spans) == 1:
        nothing = np.zeros(0)
        none = nothing.astype(np.int64)
        return Segmentation(name, text, spans, none, none, nothing, method, cues)
    reading = Reading(
        encoder, [text[a:b] for a, b in spans], blocks=method == "blocks", progress=progress
    )
    evidence = METHODS[method](reading, chosen.heads)
    levels = dict.fromkeys(evidence.starts(segments, bounds).tolist(), 1)
    for level in range(2, chosen.levels + 1):
        levels |= dict.fromkeys(_divided_again(evidence, sorted(levels), len(spans), bounds), level)
    starts = np.asarray(sorted(levels), dtype=np.int64)
    depth = np.asarray([levels[start] for start in sorted(levels)], dtype=np.int64)
    strength = standardised(evidence.strength)
    return Segmentation(name, text, spans, starts, depth, strength, method, cues)


def _divided_again(evidence: Evidence, starts: list[int], units: int, bounds: Lengths) -> list[int]:
    """New starts inside the segments of a text; one too short to be divided stays."""
    new = []
    for a, b in itertools.pairwise([0, *starts, units]):
        if b - a >= 2 * bounds.shortest:
            new += (a + evidence.starts(None, bounds, slice(a, b))).tolist()
    return new
