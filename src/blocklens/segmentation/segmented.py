"""A text in segments, and its forms: text, Markdown, JSON and a table."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from blocklens.inputs.transcripts import Cue
from blocklens.segmentation.metrics import masses_from_starts, segment_labels
from blocklens.segmentation.titles import titles

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A text in segments, and those in smaller ones where more levels were asked for.

    Attributes:
        name: what the text goes by.
        text: the text.
        spans: character spans [start, end) of its sentences.
        starts: the first sentence of every segment but the first, rising.
        levels: of every start: 1 for the largest segments, 2 for what they fall into, ...
        strength: of the border after each sentence but the last, in standard deviations from the
            text's mean.
        method: how it was found.
        cues: of a transcript, the times of its characters.

    """

    name: str
    text: str
    spans: list[tuple[int, int]]
    starts: Int64[np.ndarray, " starts"]
    levels: Int64[np.ndarray, " starts"]
    strength: Float64[np.ndarray, " borders"]
    method: str
    cues: Sequence[Cue] = ()

    @property
    def masses(self) -> list[int]:
        """Lengths of the segments in sentences."""
        return masses_from_starts(self.starts, len(self.spans))

    @property
    def segments(self) -> list[str]:
        """The segments' texts, as they stand in the text."""
        return [self._text(a, b) for a, b in self._pairs(self.starts)]

    @property
    def titles(self) -> list[str]:
        """Three words for each segment, see `blocklens.segmentation.titles`."""
        return list(self._titles[self._depth].values())

    def as_text(self) -> str:
        """The segments with a blank line, a short rule and a blank line between them."""
        return "\n\n-----\n\n".join(self.segments) + "\n"

    def as_markdown(self) -> str:
        """The segments below their titles, as headings; raw HTML in a text is shown, not run."""
        return "\n\n".join([f"# {_shown(self.name)}", *self._pages(self._tree())]) + "\n"

    def as_record(self) -> dict[str, object]:
        """The segmentation as JSON takes it: name, method, and segments with their offsets."""
        return {"name": self.name, "method": self.method, "segments": self._tree()}

    def as_json(self) -> str:
        """`as_record` as JSON text."""
        return json.dumps(self.as_record(), ensure_ascii=False, indent=1)

    def sentences(self) -> pd.DataFrame:
        """One row a sentence, in order: the text as data.

        Columns: `name` of the text, `sentence` (its number, from 0), `start`, `end` (characters),
        `segment` (its number, from 0), `strength` (of the border after it, in standard deviations;
        missing for the last), `cut` (whether a segment ends with it), `level` of that
        end (0: none), `content`.
        """
        import pandas as pd

        labels = segment_labels(self.masses)
        level = np.zeros(len(self.spans), dtype=np.int64)
        level[self.starts - 1] = self.levels
        return pd.DataFrame(
            {
                "name": self.name,
                "sentence": np.arange(len(self.spans)),
                "start": [a for a, _ in self.spans],
                "end": [b for _, b in self.spans],
                "segment": labels,
                "strength": [*self.strength, np.nan],
                "cut": level > 0,
                "level": level,
                "content": [self.text[a:b] for a, b in self.spans],
            }
        )

    @property
    def _depth(self) -> int:
        return int(self.levels.max(initial=1))

    @cached_property
    def _titles(self) -> dict[int, dict[tuple[int, int], str]]:
        """For each level the titles of its segments."""
        by_level, sentences = {}, [self.text[a:b] for a, b in self.spans]
        for level in range(1, self._depth + 1):
            pairs = self._pairs(self.starts[self.levels <= level])
            words = titles(sentences, [b - a for a, b in pairs])
            by_level[level] = dict(zip(pairs, words, strict=True))
        return by_level

    def _pairs(self, starts: NDArray[np.int64]) -> list[tuple[int, int]]:
        return list(itertools.pairwise([0, *starts.tolist(), len(self.spans)]))

    def _text(self, a: int, b: int) -> str:
        return self.text[self.spans[a][0] : self.spans[b - 1][1]]

    def _tree(
        self, level: int = 1, first: int = 0, last: int | None = None
    ) -> list[dict[str, Any]]:
        """Segments of a level among sentences [first, last), each with its text or its segments."""
        last = len(self.spans) if last is None else last
        tree = []
        for a, b in self._pairs(self.starts[self.levels <= level]):
            if not first <= a < last:
                continue
            one: dict[str, Any] = {
                "start": self.spans[a][0],
                "end": self.spans[b - 1][1],
                "sentences": b - a,
                "strength": None if a == 0 else round(float(self.strength[a - 1]), 4),
                "title": self._titles[level][a, b],
            }
            if self.cues:
                one |= self._times(one["start"], one["end"])
            if any(a < start < b for start in self.starts):
                one["segments"] = self._tree(level + 1, a, b)
            else:
                one["text"] = self._text(a, b)
            tree.append(one)
        return tree

    def _times(self, start: int, end: int) -> dict[str, float]:
        """Seconds at which the words of [start, end) are first shown and last gone."""
        inside = [cue for cue in self.cues if cue.start < end and cue.end > start]
        return {
            "from": min(cue.shown for cue in inside),
            "to": max(cue.gone for cue in inside),
        }

    def _pages(self, segments: list[dict[str, Any]], level: int = 1) -> list[str]:
        lines = []
        for one in segments:
            time = f" ({_clock(one['from'])})" if self.cues else ""
            lines.append(f"{'#' * min(level + 1, 6)} {_shown(one['title'] or '-')}{time}")
            if "text" in one:
                lines.append(_shown(one["text"]))
            else:
                lines += self._pages(one["segments"], level + 1)
        return lines


def _shown(text: str) -> str:
    return text.replace("<", "&lt;")


def _clock(seconds: float) -> str:
    """Such as 1:02:03."""
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"
