"""The classes part of a study: labelled texts, read out or fine-tuned along the blocks.

Steps: the encoder's read-outs with confidence against input APT, those of untrained twins, TF-IDF
beside them; and, where asked for, the encoder fine-tuned up to every block, and untrained twins
trained alike. Each twin is trained on the sample of one seed: twins differ more than samples do,
and five of them cost what one on five samples would. A classifier is kept in `model/`: fine-tuned
up to the last block, or else the read-out of the last block on its frozen trunk.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from typing import Any

from blocklens.claims.comparison import LABELLED
from blocklens.confidence.input_apt import (
    InputAPT,
    KeptAnswers,
    answers_of,
    input_apt_tables,
    measure_input_apt,
    read_out_answers,
    why_no_apt,
)
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.texts import columns_note
from blocklens.progress import Progress
from blocklens.readouts.class_task import Classes
from blocklens.readouts.text_classifiers import save_classifier, with_read_out
from blocklens.readouts.text_task import (
    TextReadOuts,
    measure_text_classes,
    measure_truncated,
)
from blocklens.readouts.tfidf import measure_tfidf
from blocklens.studies.classifiers import (
    MODEL,
    TUNED_STEP,
    accuracy_at,
    classifier_card,
)
from blocklens.studies.labelled_samples import (
    OF_READ_OUTS,
    OF_TUNING,
    Given,
    check,
    read_out,
    read_outs_of,
    tuned,
)
from blocklens.studies.part import Facts, Part, Result, Step, Tables
from blocklens.studies.study_options import ClassOptions
from blocklens.studies.work import Work
from blocklens.wording import counted

VERSION = 8
NOT_MEASURED = {"data", "test", "text_field", "label_field", "strict", "margin", "variant",
                "untrained"}  # fmt: skip
"""Options that no figure depends on beside the texts themselves."""

InputsOf = Callable[[dict[str, Any], Progress], InputAPT | None]
"""Gives what the encoder knows of the texts, and adds to a step's facts."""


def classes_part(work: Work) -> Part | str:
    """The encoder, its untrained twins, TF-IDF, and the fine-tuned classifiers; or why not."""
    options = work.options.classes
    if options is None:
        return "Text classes were not measured: no labelled texts were given (--data)."
    if work.encoder.tokenizer is None:
        return "Text classes were not measured: the encoder has no tokenizer."
    check(work.encoder, options)
    given = Given.of(options)
    return Part(
        "classes", VERSION, steps(work, options, given), {LABELLED: given.data_digest()},
        at_once=given.data.said_skipped(), notes=partial(notes, work, given),
    )  # fmt: skip


def steps(work: Work, options: ClassOptions, given: Given) -> list[Step]:
    """What is to be measured."""
    chosen = read_outs_of(work.encoder, options)
    trained = {"encoder": work.inputs.encoder, "own head": work.own_head}
    data = given.digest()
    planned: list[Step] = []
    inputs = inputs_once(work.encoder, options, given, chosen)

    def step(
        name: str, run: Callable[[Progress], Result], used: dict[str, Any], keeps: bool = False
    ) -> None:
        other = OF_READ_OUTS if name.startswith(TUNED_STEP) else OF_TUNING
        resolved = {**options.model_dump(exclude=NOT_MEASURED | other), "tokens": chosen.tokens}
        made_of = {**resolved, "data": data, **used}
        planned.append(Step(name, made_of, run, MODEL if keeps else None, alone=True))

    if read_out(options):
        keeps = not tuned(options)
        run = partial(read_out_once, work, given, chosen, inputs, keeps)
        step("encoder", run, trained, keeps)
        for seed in range(options.untrained):
            measure = partial(measure_text_classes, options=chosen)
            run = partial(twin_once, work, seed, given, measure)
            step(f"untrained {seed}", run, {"encoder": work.twins})
    step("TF-IDF", partial(tfidf_once, given, chosen), {})
    if tuned(options):
        step(
            TUNED_STEP,
            partial(tuned_once, work, options, given, chosen, inputs),
            trained,
            keeps=True,
        )
        for seed in range(options.untrained):
            measure = partial(measure_truncated, blocks=options.blocks, options=chosen)
            run = partial(twin_once, work, seed, given, measure)
            step(f"{TUNED_STEP}, untrained {seed}", run, {"encoder": work.twins})
    return planned


def read_out_once(
    work: Work,
    given: Given,
    chosen: TextReadOuts,
    inputs_of: InputsOf,
    keeps: bool,
    progress: Progress,
) -> Result:
    """The encoder's read-outs, its confidence, and the last block's classifier in `model/`."""
    encoder = work.encoder
    measured = measure_text_classes(encoder, given.texts, options=chosen, progress=progress)
    tables = measured.tables
    facts = given.facts()
    inputs = inputs_of(facts, progress)
    assert measured.heads is not None
    if inputs is not None:
        answers = answers_of(read_out_answers(encoder, measured.heads, chosen.pooling), inputs)
        tables |= input_apt_tables(given.texts, inputs, measured, answers, tuned=False)
    if keeps:
        try:
            if chosen.pooling != "first":
                raise UserError("its classifier sees [CLS], not the mean over the tokens")
            head = measured.heads.head(encoder.blocks, 0)
            model = with_read_out(encoder, head, given.texts.names, blocks=encoder.blocks)
        except UserError as error:
            facts["no_model"] = str(error)
            shutil.rmtree(work.folder / MODEL, ignore_errors=True)  # of other options
        else:
            accuracy = accuracy_at(tables["learning"], encoder.blocks)
            card = classifier_card(encoder, given, encoder.blocks, "read-out", accuracy)
            place = work.folder / MODEL
            save_classifier(place, model, encoder.tokenizer, card, tokens=chosen.tokens)
    return Result(tables, facts)


def tuned_once(
    work: Work,
    options: ClassOptions,
    given: Given,
    chosen: TextReadOuts,
    inputs_of: InputsOf,
    progress: Progress,
) -> Result:
    """Classifiers fine-tuned up to every block; the last one of seed 0 goes to `model/`."""
    encoder, facts = work.encoder, given.facts()
    last = max(options.blocks or (encoder.blocks,))
    inputs = inputs_of(facts, progress)
    answers = None if inputs is None else KeptAnswers(encoder, inputs, last)
    kept: list[Any] = []

    def each(model: Any, block: int, seed: int) -> None:
        if answers is not None:
            answers.look(model, block, seed)
        if block == last and seed == 0:
            kept.append(model)

    measured = measure_truncated(
        encoder,
        given.texts,
        blocks=options.blocks,
        options=chosen,
        each=each,
        progress=progress,
    )
    tables = measured.tables
    if inputs is not None and answers is not None:
        tables |= input_apt_tables(given.texts, inputs, measured, answers.both(), tuned=True)
    accuracy = accuracy_at(tables["learning"], last)
    card = classifier_card(encoder, given, last, "truncate", accuracy)
    place = work.folder / MODEL
    save_classifier(place, kept[0], encoder.tokenizer, card, tokens=chosen.tokens)
    return Result(tables, facts)


def twin_once(
    work: Work, seed: int, given: Given, measure: Callable[..., Classes], progress: Progress
) -> Result:
    """An untrained twin, measured as the encoder was: with read-outs, or fine-tuned."""
    twin, texts = work.encoder.untrained(seed), given.texts.of_seed(seed)
    return Result(measure(twin, texts, run=f"untrained {seed}", progress=progress).tables, {})


def tfidf_once(given: Given, chosen: TextReadOuts, progress: Progress) -> Result:
    """TF-IDF with logistic regression on the same texts."""
    baseline = measure_tfidf(given.texts, options=chosen.labels, progress=progress)
    return Result({"baseline": baseline}, given.facts())


def inputs_once(
    encoder: Encoder, options: ClassOptions, given: Given, chosen: TextReadOuts
) -> InputsOf:
    """What gives the APT of the texts' tokens, measured for the first step that asks.

    It gives None with its reason among the facts where there is none.
    """
    why = why_no_apt(encoder) if options.confidence else "it was not asked for"
    kept: list[InputAPT] = []

    def inputs_of(facts: dict[str, Any], progress: Progress) -> InputAPT | None:
        if why is not None:
            facts["no_apt"] = why
            return None
        if not kept:
            kept.append(
                measure_input_apt(
                    encoder, given.texts, tokens=chosen.tokens, modified=options.modified,
                    progress=progress,
                )
            )  # fmt: skip
        facts |= kept[0].facts
        return kept[0]

    return inputs_of


def notes(work: Work, given: Given, facts: Facts, _: Tables) -> list[str]:
    """What was read, left out and drawn, and what stands behind the numbers."""
    options = work.options.classes
    assert options is not None
    said = given.facts()
    notes = [
        f"Text classes: {said['train']:,} texts to train on and {said['test']:,} to measure on of "
        f"{counted(len(said['classes']), 'class', 'classes')}, drawn for "
        f"{counted(said['seeds'], 'seed')}; texts were cut after "
        f"{min(options.tokens, work.encoder.max_tokens)} tokens."
    ]
    if read := columns_note([tuple(names) for names in said["columns"]]):
        notes.append(f"Labelled texts: {read}")
    notes += [f"Labelled texts {reason}: {count:,}." for reason, count in said["left_out"].items()]
    if said["skipped"]:
        notes.append(
            f"Records without a text or a label: {said['skipped']:,}, the first "
            f"{said['skipped_list'][0]}."
        )
    if said["short"]["classes"]:
        notes.append(
            "Classes with fewer training texts than the preset asks for: "
            f"{said['short']['classes']}; the smallest has {said['short']['fewest']}."
        )
    if read_out(options) and options.pooling == "first":
        notes.append(
            "A read-out sees a text as its [CLS] token. At block 0 that token has not seen the "
            "text yet, so the accuracy there is chance."
        )
    own = facts.get(TUNED_STEP) or facts.get("encoder") or {}
    if "no_apt" in own:
        notes.append(f"Confidence was not set against input APT: {own['no_apt']}.")
    elif own:
        head = "its own head" if own["apt_head"] == "lens" else "a read-out trained on half of them"
        notes.append(
            f"Input APT was measured on the labelled texts with {head}, at "
            f"{own['modified_tokens']:,} modified tokens; "
            f"{own['tokens_with_partner']:,} tokens have a strong match partner."
        )
    if "no_model" in own:
        notes.append(f"No classifier was kept in {MODEL}: {own['no_model']}.")
    if not options.untrained:
        notes.append("No untrained twin was trained on the classes, so claims lack a control.")
    return notes
