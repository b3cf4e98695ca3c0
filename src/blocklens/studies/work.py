"""What every part of a study of texts is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from blocklens.distributed import Share
from blocklens.encoder.trunk import Encoder
from blocklens.inputs.texts import TextSource
from blocklens.readouts.vocabulary_heads import own_head_digest
from blocklens.studies.study_options import StudyOptions


@dataclass(frozen=True)
class StudyInputs:
    """What a study reads, looked through once before anything is measured.

    Attributes:
        texts: a hash of the texts.
        encoder: a hash of the encoder.
        count: number of texts that could be read.
        skipped: those that could not, as "name: reason" (the first thousand).
        skipped_count: how many they are.

    """

    texts: str
    encoder: str
    count: int
    skipped: list[str]
    skipped_count: int

    @classmethod
    def of(cls, source: TextSource, encoder: Encoder) -> StudyInputs:
        """Look through the texts; the same pass counts, hashes and names what is skipped."""
        count = sum(1 for _ in source)
        skipped = [f"{bad.name}: {bad.reason}" for bad in source.skipped]
        return cls(source.digest(), encoder.fingerprint(), count, skipped, source.skipped_count)


@dataclass(frozen=True)
class Work:
    """Encoder, texts, options, this process's share, and the study's folder."""

    encoder: Encoder
    source: TextSource
    options: StudyOptions
    inputs: StudyInputs
    share: Share
    folder: Path

    @cached_property
    def twins(self) -> str:
        """A hash of the encoder's untrained twins: the same for all weights of one shape.

        All twins follow from the encoder's configuration and a seed, so that of seed 0 tells them
        apart from another encoder's.
        """
        return self.encoder.untrained(0).fingerprint()

    @cached_property
    def own_head(self) -> str | None:
        """A hash of the masked-LM head that comes with the encoder, or None where none does."""
        return own_head_digest(self.encoder)
