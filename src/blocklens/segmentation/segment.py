"""From a text to its segments."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blocklens.embedded.bert6 import EMBEDDED
from blocklens.errors import UserError
from blocklens.inputs.fields import kind_of
from blocklens.inputs.sentences import sentence_spans
from blocklens.options import checked
from blocklens.progress import NOTEBOOK, Progress
from blocklens.segmentation.border_strength import standardised
from blocklens.segmentation.methods import METHODS
from blocklens.segmentation.metrics import masses_from_cuts, segment_labels
from blocklens.segmentation.reading import Reading
from blocklens.segmentation.segment_options import SegmentOptions

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A text in segments.

    Attributes:
        name: what the text goes by.
        text: the text.
        spans: character spans [start, end) of its sentences.
        cuts: the first sentence of every segment but the first, rising.
        strength: of the border after each sentence but the last, in standard deviations from the
            text's mean, [sentences - 1].
        method: how it was found.

    """

    name: str
    text: str
    spans: list[tuple[int, int]]
    cuts: NDArray[np.int64]
    strength: NDArray[np.float64]
    method: str

    @property
    def masses(self) -> list[int]:
        """Lengths of the segments in sentences."""
        return masses_from_cuts(self.cuts, len(self.spans))

    @property
    def segments(self) -> list[str]:
        """The segments' texts, as they stand in the text."""
        edges = [0, *self.cuts.tolist(), len(self.spans)]
        return [
            self.text[self.spans[a][0] : self.spans[b - 1][1]] for a, b in itertools.pairwise(edges)
        ]

    def as_text(self) -> str:
        """The segments with a blank line, a short rule and a blank line between them."""
        return "\n\n-----\n\n".join(self.segments) + "\n"

    def as_markdown(self) -> str:
        """The segments between Markdown's rules; raw HTML in a text is shown, not run."""
        return "\n\n---\n\n".join(s.replace("<", "&lt;") for s in self.segments) + "\n"

    def as_record(self) -> dict[str, object]:
        """The segmentation as JSON takes it: name, method, segments, borders."""
        edges = [0, *self.cuts.tolist(), len(self.spans)]
        segments = [
            {
                "start": self.spans[a][0],
                "end": self.spans[b - 1][1],
                "sentences": b - a,
                "strength": None if a == 0 else round(float(self.strength[a - 1]), 4),
                "text": text,
            }
            for a, b, text in zip(edges[:-1], edges[1:], self.segments, strict=True)
        ]
        return {"name": self.name, "method": self.method, "segments": segments}

    def as_json(self) -> str:
        """`as_record` as JSON text."""
        return json.dumps(self.as_record(), ensure_ascii=False, indent=1)

    def sentences(self) -> pd.DataFrame:
        """One row a sentence, in order: the text as data.

        Columns: `name` of the text, `sentence` (its number, from 0), `start`, `end` (characters),
        `segment` (its number, from 0), `strength` (of the border after it, in standard deviations;
        missing for the last), `cut` (whether a segment ends with it), `content`.
        """
        import pandas as pd

        labels = segment_labels(self.masses)
        return pd.DataFrame(
            {
                "name": self.name,
                "sentence": np.arange(len(self.spans)),
                "start": [a for a, _ in self.spans],
                "end": [b for _, b in self.spans],
                "segment": labels,
                "strength": [*self.strength, np.nan],
                "cut": np.diff(labels, append=labels[-1]) > 0,
                "content": [self.text[a:b] for a, b in self.spans],
            }
        )


def segment(
    text: Any,
    encoder: Any = EMBEDDED,
    *,
    name: str = "text",
    progress: Progress = NOTEBOOK,
    **options: Any,
) -> Segmentation:
    """Cut a text into segments by what an encoder makes of it, without training.

    Args:
        text: the text, of any length.
        encoder: any text encoder, or what `Encoder.of` makes one of; by default the embedded one.
        name: what the text goes by.
        progress: as in `Reading`.
        **options: those of `SegmentOptions`: `segments`, how many (None finds the number),
            `method`, `heads` and `language`.

    Raises:
        UserError: no sentence in the text, more segments asked than it has sentences, an option
            that cannot be.

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
        count = f"{len(spans)} sentence{'' if len(spans) == 1 else 's'}"
        raise UserError(
            f"{name}: {segments} segments asked of {count}; ask for at most {len(spans)}"
        )
    if len(spans) == 1:
        nothing = np.zeros(0)
        return Segmentation(name, text, spans, nothing.astype(np.int64), nothing, method)
    reading = Reading(
        encoder, [text[a:b] for a, b in spans], blocks=method == "blocks", progress=progress
    )
    evidence = METHODS[method](reading, chosen.heads)
    return Segmentation(
        name, text, spans, evidence.cuts(segments), standardised(evidence.strength), method
    )
