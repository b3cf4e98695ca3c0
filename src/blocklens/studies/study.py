"""A study of texts: everything that blocklens measures of one encoder on one set of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from blocklens.distributed import join
from blocklens.embedded.bert6 import EMBEDDED
from blocklens.encoder.given import texts_and_encoder
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.texts import TextSource, columns_note
from blocklens.inputs.tokenising import Unknown, unknown_tokens
from blocklens.progress import SILENT, Progress
from blocklens.studies.heads_part import heads_part
from blocklens.studies.part import Part
from blocklens.studies.runner import Study, StudyRun, encoder_facts
from blocklens.studies.study_options import StudyOptions
from blocklens.studies.study_record import InputsRecord, Kind, StudyRecord
from blocklens.studies.text_classes_part import classes_part
from blocklens.studies.tokens_part import learned_part
from blocklens.studies.work import StudyInputs, Work

PARTS: dict[str, Callable[[Work], Part | str]] = {
    "heads": heads_part,
    "learned": learned_part,
    "classes": classes_part,
}
"""The parts of a study, in the order in which they are measured and shown: each made from what is
given, or one sentence that says why it cannot be measured."""


def study(
    texts: Any,
    encoder: Any = EMBEDDED,
    out: str | Path = "study",
    *,
    options: StudyOptions | None = None,
    progress: Progress = SILENT,
    report: bool = True,
    kind: Kind = "study",
    like: Sequence[Path] = (),
    then: Callable[[Path], object] = lambda folder: None,
) -> Study:
    """Measure an encoder and its controls on texts, judge every claim, and write the report.

    Under `torchrun` each process takes its share of the work, and the first one writes.

    Args:
        texts: a file, a folder, a Hub dataset id, or strings.
        encoder: an encoder, or what `Encoder.of` makes one of; by default the embedded one.
        out: the study's folder; one that holds a study already is brought up to date.
        options: what to measure and how.
        progress: told how far each step is.
        report: write the page as well.
        kind: what `study.json` calls the folder; `finetune` writes studies of its own kind.
        like: folders of other studies; a result that is kept there under the same key, such as that
            of an untrained twin, is taken from there.
        then: writes more into the finished folder, on the first process, which still holds its
            lock.

    Raises:
        UserError: an input that cannot be used, a part asked for by name that cannot be measured,
            or a folder that cannot be written.

    Examples:
        >>> import blocklens
        >>> texts = [f"Day {n}. The river rose. The river fell." for n in range(12)]
        >>> options = blocklens.StudyOptions(parts="heads", untrained=0, shuffled=False)
        >>> study = blocklens.study(texts, "embedded", "my-study", options=options)
        >>> study.report.name
        'report.html'
        >>> "holds" in set(study.claims["verdict"])  # without a control there is no verdict
        False

    """
    options = options or StudyOptions()
    chosen = chosen_parts(options)
    share = join()
    texts, encoder = texts_and_encoder(texts, encoder)
    source = texts if isinstance(texts, TextSource) else TextSource(texts, strict=options.strict)
    with StudyRun(out, kind, share=share, progress=progress, like=like) as run:
        inputs = share.same(StudyInputs.of(source, encoder) if share.rank == 0 else None)
        assert inputs is not None
        source.expect(inputs.texts)
        work = Work(encoder, source, options, inputs, share, run.folder)
        parts = [PARTS[name](work) for name in chosen]
        left_out = [reason for reason in parts if isinstance(reason, str)]
        if left_out and options.parts is not None:
            raise UserError(left_out[0])
        encoder.windows()  # refuses one that reads no texts
        # Every part has read what it needs by now: nothing is measured in vain.
        unknown = unknown_tokens(encoder.tokenizer, (text.text for text in source))
        measured = [part for part in parts if isinstance(part, Part)]
        if share.rank == 0:
            said = [unknown.warning, *(line for part in measured for line in part.at_once)]
            for line in filter(None, said):
                progress.say(line)
        for part in measured:
            run.measure(part)
        read = columns_note(source.columns)
        notes = [*([read] if read else []), unknown.note, *precision_note(encoder), *left_out]
        done = run.finish(record(work, kind, run, unknown), notes, report=report)
        if share.rank == 0:
            then(run.folder)
        return done


def chosen_parts(options: StudyOptions) -> list[str]:
    """The parts that the options name, or all. Raises UserError for an unknown name."""
    if options.parts is None:
        return list(PARTS)
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown or not options.parts:
        raise UserError(
            f"parts {','.join(options.parts)}: {f'{unknown[0]!r} is' if unknown else 'there are'} "
            f"none of a study; the parts are {', '.join(PARTS)}"
        )
    return [name for name in PARTS if name in options.parts]


def precision_note(encoder: Encoder) -> list[str]:
    """That products were taken in less than float32, where they were."""
    if encoder.precision == "float32":
        return []
    return [
        f"Products of the encoder's linear layers and of its read-outs' training were taken in "
        f"{encoder.precision}, those of attention and similarity in float32 (--precision)."
    ]


def record(work: Work, kind: Kind, run: StudyRun, unknown: Unknown) -> StudyRecord:
    """What was measured of what, and how."""
    encoder, inputs = work.encoder, work.inputs
    heads = run.facts("heads", "encoder")
    skipped = heads.get("skipped", [])
    texts = InputsRecord(
        description=work.source.description,
        columns=[list(names) for names in work.source.columns],
        count=inputs.count - len(skipped),
        windows=heads.get("windows"),
        tokens=heads.get("tokens"),
        unit=heads.get("unit"),
        skipped=inputs.skipped_count + len(skipped),
        skipped_list=[*inputs.skipped, *skipped][:1000],
    )
    return StudyRecord(
        kind=kind,
        **encoder_facts(encoder),
        texts=texts,
        warning=unknown.warning or None,
        options=work.options.model_dump(mode="json"),
        hashes={"texts": inputs.texts, "encoder": inputs.encoder},
    )
