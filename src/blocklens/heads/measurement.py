"""Measuring an encoder's heads on texts: one streaming pass, in batches of like lengths.

import blocklens
encoder = blocklens.Encoder.load("sentence-transformers/all-MiniLM-L6-v2")
measurement = blocklens.measure(["A text.", "Another text."], encoder)
measurement.table      # a tidy data frame: one row per block, head and statistic
measurement.labels         # what each head specialises in
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, Literal

import pandas as pd

from blocklens.distributed import ALONE, Share
from blocklens.encoder.attention import Heads, Workspace
from blocklens.encoder.batching import of_like_lengths
from blocklens.encoder.given import texts_and_encoder
from blocklens.encoder.head_pass import check_heads, run_heads
from blocklens.errors import UserError
from blocklens.heads.distance import Distance
from blocklens.heads.head_options import MOST_WINDOWS, HeadOptions
from blocklens.heads.measures import HeadMeasures
from blocklens.heads.specialisation import labels
from blocklens.heads.streaming import Shape
from blocklens.heads.uniqueness import Uniqueness
from blocklens.inputs.sentence_choice import Sentences, chosen
from blocklens.inputs.texts import Text, TextSource
from blocklens.inputs.windows import Tokens, Windows
from blocklens.options import LongTexts
from blocklens.progress import SILENT, Progress, Stage
from blocklens.statistics.groups import GROUPS

TOKENS_AT_ONCE = 1024
"""Tokens of a batch: enough rows for full speed of the matrix products, and no more memory."""

LOOK_AHEAD = 128
"""Windows read ahead and sorted by length, so that batches need little padding."""

FEW_TEXTS = 20
"""With fewer texts than this, windows are the sampling unit, and the tables say so."""


@dataclass
class Measurement:
    """What was measured on one run over the texts.

    Attributes:
        encoder: the encoder's name.
        sums: the measures' state.
        unit: the sampling unit of every interval, "text" or "window".
        skipped: texts that could not be measured, as "name: reason".
        token_names: the token of an id, as the tokenizer writes it.
        run: what the first column of every table says: the encoder, or the name of a control.

    """

    encoder: str
    sums: HeadMeasures = field(repr=False)
    unit: str
    skipped: list[str]
    token_names: Callable[[list[int]], list[str]] = field(repr=False)
    run: str = "encoder"

    def _repr_html_(self) -> str:
        from blocklens.report.notebook import measurement_html

        blocks = len(set(self.table["block"]))
        heads = len(set(self.table["head"].dropna()))
        return measurement_html(self.encoder, blocks, heads, self.unit, len(self.skipped))

    @cached_property
    def table(self) -> pd.DataFrame:
        """Every statistic per block and head, and per whole block (head missing)."""
        return self._named(self.sums.table())

    @cached_property
    def labels(self) -> pd.DataFrame:
        """What each head specialises in: block, head, label, ratio, low, high and the runner-up."""
        cut = self.sums.options.cut
        chosen = self.table["measure"].eq("specialisation") & self.table["cut"].eq(cut)
        return self._named(labels(self.table.loc[chosen]))

    @cached_property
    def distances(self) -> pd.DataFrame:
        """Histogram of the distances of high pairs: block, head, distance, pairs, expected."""
        return self._named(self.sums.of(Distance).distances())

    @cached_property
    def anchors(self) -> pd.DataFrame:
        """Each head's most frequent anchors: block, head, token, token_id, texts, share."""
        frame = self.sums.of(Uniqueness).tokens()
        frame.insert(2, "token", self.token_names(frame["token_id"].tolist()))
        return self._named(frame)

    @property
    def groups(self) -> pd.DataFrame:
        """Sums by group of texts at the chosen cut: what claims read."""
        return self._named(self.sums.sums())

    def _named(self, frame: pd.DataFrame) -> pd.DataFrame:
        frame.insert(0, "run", self.run)
        return frame


def measure(
    texts: Any,
    encoder: Any,
    *,
    options: HeadOptions | None = None,
    window: int | None = None,
    overlap: int | None = None,
    long: LongTexts = "windows",
    most_windows: int = MOST_WINDOWS,
    unit: Literal["auto", "text", "window"] = "auto",
    language: str = "auto",
    sentences: Sentences = "auto",
    shuffle: int | None = None,
    strict: bool = False,
    groups: int = GROUPS,
    share: Share = ALONE,
    progress: Progress = SILENT,
) -> Measurement:
    """Measure every head of an encoder on texts.

    Args:
        texts: a file, a folder, a Hub dataset id, any iterable of strings or records, a table of
            pandas, or a `TextSource`.
        encoder: an encoder, or what `Encoder.of` makes one of: a folder or Hub id, a model and its
            tokenizer, a pipeline, a `SentenceTransformer`.
        options: similarity, cuts and their sweep.
        window: tokens of a window, special tokens included; default the longest the encoder takes,
            at most 512.
        overlap: tokens shared by neighbouring windows of a long text; default an eighth.
        long: take a long text in "windows", or "cut" it to the first.
        most_windows: of a text, from its beginning, where the intervals leave out texts: one that
            is much longer than the others would decide the figures, and no interval tells.
        unit: what the intervals leave out; "auto" is texts, or windows where there are fewer than
            20 texts.
        language: of the sentence splitter; "auto" guesses it from the first texts, as `study` does.
        sentences: what a sentence is, see `blocklens.inputs.sentence_choice`.
        shuffle: shuffle each window's tokens with this seed (a control).
        strict: stop at the first text that cannot be measured.
        groups: measure the texts of so many groups alone, of those that intervals leave out.
        share: which of several processes this is; each takes its batches, see
            `blocklens.distributed`.
        progress: told how many texts are done.

    Raises:
        UserError: no text that can be measured, or an encoder that gives no numbers.

    Examples:
        >>> import blocklens
        >>> texts = [f"Day {n}. The river rose. The river fell." for n in range(12)]
        >>> measurement = blocklens.measure(texts, "embedded")
        >>> table = measurement.table
        >>> set(table["block"]) == {1, 2, 3, 4, 5, 6}
        True
        >>> {"statistic", "head", "value", "null", "effect", "low", "high"} <= set(table.columns)
        True

    """
    texts, encoder = texts_and_encoder(texts, encoder)
    check_heads(encoder)
    source = texts if isinstance(texts, TextSource) else TextSource(texts, strict=strict)
    options = options or HeadOptions()
    if unit == "auto":
        unit = "window" if sum(1 for _ in islice(source, FEW_TEXTS)) < FEW_TEXTS else "text"
    choice = chosen(sentences, language, (text.text for text in source))
    windows = encoder.windows(
        tokens=window, overlap=overlap, long=long, most=most_windows if unit == "text" else None,
        unit=unit, language=choice.language, sentences=choice.sentences,
    )  # fmt: skip
    longest = windows.room + len(windows.prefix) + len(windows.suffix)
    shape = Shape(encoder.blocks, encoder.heads, longest, int(encoder.config.vocab_size))
    sums = HeadMeasures(shape, options)
    skipped: list[str] = []
    workspace = Workspace()
    with progress.stage("attention", source.count, "texts") as stage:
        read = tokenised(source, windows, skipped, shuffle=shuffle, strict=strict, stage=stage)
        batches = of_like_lengths(
            (tokens for tokens in read if tokens.group() < groups),
            len,
            tokens=TOKENS_AT_ONCE,
            look_ahead=LOOK_AHEAD,
        )
        for number, batch in enumerate(batches):
            if not share.takes(number):
                continue

            def receive(heads: Heads, batch: list[Tokens] = batch) -> None:
                sums.update(heads, batch[heads.text], workspace)

            run_heads(encoder, batch, receive, workspace)
            sums.arrive()
    measurement = Measurement(
        encoder=encoder.name,
        sums=sums,
        unit=unit,
        skipped=skipped,
        token_names=encoder.tokenizer.convert_ids_to_tokens,
    )
    if share.world == 1:
        check_measured(measurement, source)
    return measurement


def check_measured(measurement: Measurement, source: TextSource) -> None:
    """Refuse a measurement of nothing; of several processes, one alone may have had no text.

    Raises:
        UserError: no text could be measured.

    """
    if not measurement.sums.windows:
        first = measurement.skipped[0] if measurement.skipped else "no text"
        raise UserError(f"{source.description}: nothing to measure ({first})")


def tokenised(
    source: Iterable[Text],
    windows: Windows,
    skipped: list[str],
    *,
    shuffle: int | None = None,
    strict: bool = False,
    stage: Stage,
) -> Iterator[Tokens]:
    """The windows of all texts, one after the other; what cannot be measured goes to `skipped`.

    Raises:
        UserError: the first such text, where `strict`.

    """
    for text in source:
        try:
            of_text = windows(text)
        except UserError as error:
            if strict:
                raise
            skipped.append(str(error))
            of_text = []
        for tokens in of_text:
            yield tokens if shuffle is None else tokens.shuffled(shuffle)
        stage.advance()
