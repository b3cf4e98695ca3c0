"""The learned part of a study: accuracy per token, confusions and clusters, on every block.

Steps: the encoder with a head trained on every block, from its own head on where it has one;
untrained twins with heads trained by the same code on the same texts, from fresh heads on; the
encoder once more with its own head on every block (the lens), where it has one; and the learning
curve that lies in the model's folder. Half of the texts, chosen by a hash, trains the heads, the
other half is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.heads.measurement import FEW_TEXTS
from blocklens.pretraining import training_log as log
from blocklens.progress import Progress
from blocklens.readouts.label_samples import ALL_UP_TO, ONE_IN
from blocklens.readouts.text_halves import split_texts
from blocklens.readouts.token_settings import TokenTaskOptions
from blocklens.readouts.token_task import measure_learning
from blocklens.readouts.vocabulary_heads import Head, own_head
from blocklens.storage import file_digest
from blocklens.studies.part import Facts, Part, Result, Step, Tables
from blocklens.studies.work import Work

VERSION = 7
TWIN_TEXTS, TWIN_MODIFIED, TWIN_TRAIN = 1_000, 8_000, 2_000
"""Most texts and modified tokens that an untrained twin is measured and trained on: all blocks of
one are as good (docs/learned.md), and five on little say more than one on all. The lens, which only
shows whether the read-outs were trained on enough, is measured on as many."""
LENS = "lens"


def learned_part(work: Work) -> Part | str:
    """The encoder, its untrained twins, the lens, and the learning curve; or why not."""
    tokenizer = work.encoder.tokenizer
    if tokenizer is None:
        why = "the encoder has no tokenizer"
    elif getattr(tokenizer, "mask_token_id", None) is None:
        why = "the encoder's tokenizer has no mask token"
    elif work.inputs.count < FEW_TEXTS:
        why = f"it takes at least {FEW_TEXTS} texts, half of them to train the read-outs"
    else:
        return Part("learned", VERSION, steps(work), notes=partial(notes, work))
    return f"What the encoder has learned was not measured: {why}."


def steps(work: Work) -> list[Step]:
    """What is to be measured."""
    chosen = work.options.learned
    options = TokenTaskOptions(
        read_out=chosen.read_out,
        start=chosen.start,
        tokens=min(chosen.tokens, work.encoder.max_tokens),
        long=work.options.long,
        modified=chosen.modified,
        train_tokens=chosen.train_tokens,
        texts_limit=chosen.texts,
    )
    trained = {"encoder": work.inputs.encoder, "own head": work.own_head}

    def step(
        name: str, options: TokenTaskOptions, encoder: Callable[[], Encoder], used: dict[str, Any]
    ) -> Step:
        run = partial(measure_once, work, name, options, encoder)
        return Step(name, {"options": options, "texts": work.inputs.texts, **used}, run)

    planned = [step("encoder", options, lambda: work.encoder, trained)]
    if chosen.read_out != "lens":
        of_twins = replace(
            options,
            start="fresh",
            control=0,
            modified=min(options.modified, TWIN_MODIFIED),
            train_tokens=min(options.train_tokens, TWIN_TRAIN),
            texts_limit=min(options.texts_limit or TWIN_TEXTS, TWIN_TEXTS),
        )
        for seed in range(chosen.untrained):
            twin = partial(work.encoder.untrained, seed)
            planned.append(step(f"untrained {seed}", of_twins, twin, {"encoder": work.twins}))
        lens = replace(options, read_out="lens", modified=of_twins.modified)
        planned.append(step(LENS, lens, lambda: work.encoder, trained))
    curve = log.training_log_file(work.encoder.name)
    if curve is not None:
        planned.append(Step("training log", file_digest(curve), partial(learning_curve, work)))
    return planned


def measure_once(
    work: Work,
    name: str,
    options: TokenTaskOptions,
    encoder: Callable[[], Encoder],
    progress: Progress,
) -> Result | None:
    """One run; its result on the first process, None on the others."""
    head: Head | None = None
    if options.read_out == "lens":
        try:
            head = own_head(work.encoder)
        except UserError as error:
            if name != LENS:
                raise
            return Result({}, {"left_out": str(error)})
    texts = work.source
    if name == LENS:  # beside the read-outs, on the half of the texts that they are measured on
        texts, _ = split_texts(texts, None, limit=options.texts_limit, seed=options.seed)
    measured = measure_learning(
        encoder(), texts, run=name, head=head, options=options,
        share=work.share, progress=progress,
    )  # fmt: skip
    work.source.check_unchanged()
    if work.share.rank:
        return None
    learning = measured.tables["learning"]
    right = learning.loc[(learning["statistic"] == "accuracy") & learning["block"].notna()]
    accuracy = right["value"].to_numpy().tolist()
    facts = {
        "accuracy": accuracy,
        "texts": measured.texts,
        "modified_tokens": measured.rows,
        "losses": measured.losses,
        "trained_tokens": measured.trained,
        "start": measured.start,
    }
    return Result(measured.tables, facts)


def learning_curve(work: Work, _: Progress) -> Result | None:
    """The learning curve that lies in the model's folder."""
    table = None if work.share.rank else log.read_training_log(work.encoder.name)
    if table is None:
        return None
    return Result({log.TABLE: table.assign(run="encoder")}, {"rows": len(table)})


def notes(work: Work, facts: Facts, _: Tables) -> list[str]:
    """How the heads were trained, and on how much everything was measured."""
    chosen, measured = work.options.learned, facts["encoder"]
    tokens = min(chosen.tokens, work.encoder.max_tokens)
    how = "in windows of" if work.options.long == "windows" else "their first"
    texts = (
        f"What it has learned was measured on {measured['texts']:,} of the texts ({how} "
        f"{tokens} tokens), at {measured['modified_tokens']:,} modified tokens"
    )
    if chosen.read_out == "lens":
        return [f"{texts}, with the encoder's own head on every block (lens): no control was run."]
    start = "a new head" if measured["start"] == "fresh" else "its own masked-LM head"
    notes = [
        f"{texts}; a read-out was trained from {start} on (untrained twins: from a new head on), "
        f"with {measured['trained_tokens']:,} modified tokens of the other texts."
    ]
    labels = int(work.encoder.config.vocab_size)
    if labels > ALL_UP_TO:
        notes.append(
            f"Of its {labels:,} tokens a step of training compared those that the training texts "
            f"show and one in {ONE_IN} of the others (ours); what a block predicts is the best of "
            "all."
        )
    own = facts[LENS].get("accuracy")
    if own and own[-1] > measured["accuracy"][-1]:
        notes.append(
            f"At the last block the read-out is right at {measured['accuracy'][-1]:.1%} of the "
            f"modified tokens, the encoder's own head at {own[-1]:.1%}: where their intervals "
            "part, the read-outs were trained on too little for a verdict. Give more texts, and "
            "with them more --train-tokens."
        )
    if "left_out" in facts[LENS]:
        notes.append("Its own head was not applied to the blocks (lens): it came with none.")
    if not chosen.untrained:
        notes.append("No untrained twin was given read-outs: claims on accuracy have no control.")
    return notes
