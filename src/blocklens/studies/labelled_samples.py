"""What a study of text classes is given: the texts, who is trained on what, and how.

Options are checked here before anything is measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from blocklens.encoder.shortened import check_block
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.class_samples import Samples, samples
from blocklens.inputs.labelled_texts import LabelledTexts, read_labelled
from blocklens.inputs.presets import SIZES
from blocklens.options import called
from blocklens.readouts.text_task import ClassTexts, TextReadOuts, family_training
from blocklens.readouts.tuning_options import FineTuning
from blocklens.studies.study_options import ClassOptions

OF_READ_OUTS, OF_TUNING = {"pooling"}, {"blocks", *FineTuning.model_fields}
"""Options that only one variant's figures depend on."""


def read_out(options: ClassOptions) -> bool:
    """Whether a frozen trunk is read out."""
    return options.variant in ("read-out", "both")


def tuned(options: ClassOptions) -> bool:
    """Whether classifiers are fine-tuned."""
    return options.variant in ("truncate", "both")


@dataclass(frozen=True)
class Given:
    """Labelled texts as they were read, the samples drawn, and what the seeds use of them."""

    data: LabelledTexts
    drawn: Samples
    texts: ClassTexts

    @classmethod
    def of(cls, options: ClassOptions) -> Given:
        """Read and draw. Raises UserError for what cannot be used."""
        data = read_labelled(
            options.source, test=options.test, preset=options.preset, field=options.text_field,
            label=options.label_field, markers=options.markers, strict=options.strict,
        )  # fmt: skip
        sizes = SIZES.get(options.preset or "", (None, None))
        drawn = samples(
            data, seeds=options.seeds, train=options.train or sizes[0],
            test=options.test_size or sizes[1],
            at_most=options.train is None and options.preset is not None,
        )  # fmt: skip
        return cls(data, drawn, ClassTexts.of(data, drawn))

    def digest(self) -> str:
        """A hash of the texts, their classes, and who is trained on what."""
        arrays = (self.texts.labels, self.texts.keys, self.texts.train, self.texts.test)
        return _digest(self.data.names, *arrays)

    def data_digest(self) -> str:
        """A hash of all texts that were read and their classes, whichever are drawn."""
        given_test = () if self.data.given_test is None else (self.data.given_test,)
        return _digest(self.data.names, self.data.labels, self.data.keys, *given_test)

    def facts(self) -> dict[str, Any]:
        """What a report says of the texts."""
        short = self.drawn.short
        return {
            "description": self.data.description,
            "columns": [list(names) for names in self.data.columns],
            "classes": self.data.names,
            "read": len(self.data),
            "train": int(self.texts.train.shape[1]),
            "test": int(self.texts.test.shape[1]),
            "seeds": len(self.texts.test),
            "left_out": dict(self.data.left_out),
            "skipped": self.data.skipped_count,
            "skipped_list": [f"{bad.name}: {bad.reason}" for bad in self.data.skipped[:1000]],
            "short": {"classes": len(short), "fewest": min(short.values(), default=0)},
        }


def check(encoder: Encoder, options: ClassOptions) -> None:
    """See before measuring whether options go together. Raises UserError where they do not."""
    for block in options.blocks or ():
        check_block(encoder, block)
    for used, names, variant in (
        (tuned(options), OF_TUNING, "truncate"),
        (read_out(options), OF_READ_OUTS, "read-out"),
    ):
        fields = type(options).model_fields
        idle = [n for n in sorted(names) if getattr(options, n) != fields[n].get_default()]
        if idle and not used:
            raise UserError(
                f"{called(ClassOptions, (idle[0],))}: would do nothing here; it goes with "
                f"--variant {variant} (or both)"
            )


def read_outs_of(encoder: Encoder, options: ClassOptions) -> TextReadOuts:
    """How the options ask for read-outs and fine-tuning."""
    return TextReadOuts(
        tokens=min(options.tokens, encoder.max_tokens), pooling=options.pooling,
        training=family_training(encoder), tuning=options,
    )  # fmt: skip


def _digest(names: Sequence[str], *arrays: NDArray[Any]) -> str:
    sha = hashlib.sha256(repr(names).encode("utf-8", "surrogatepass"))
    for array in arrays:
        sha.update(array.tobytes())
    return sha.hexdigest()
