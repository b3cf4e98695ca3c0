"""`pretrain`: from texts to a Hugging Face folder, or on from where a run stopped."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import ExitStack
from math import isnan
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from transformers import AutoTokenizer

from blocklens.distributed import join
from blocklens.encoder.loading import on_device
from blocklens.errors import UserError
from blocklens.inputs.texts import TextSource
from blocklens.inputs.tokenising import MANY_UNKNOWN
from blocklens.pretraining import loop
from blocklens.pretraining.checkpoints import Counters, states
from blocklens.pretraining.corpus import build_corpus, open_corpus
from blocklens.pretraining.export import export_encoder, model_card
from blocklens.pretraining.pretrain_options import MILESTONES, PretrainOptions
from blocklens.pretraining.tokenizer import digest_of_given, larger_advised, tokenizer_of
from blocklens.pretraining.training import Training
from blocklens.pretraining.training_log import TrainingLog
from blocklens.progress import SILENT, Progress, duration
from blocklens.safe_text import public_name
from blocklens.stopping import stopping_between_steps
from blocklens.storage import locked, output_folder, write_json

OPTIONS = "options.json"
"""What a run is trained with; the mark of its folder."""


def pretrain(
    texts: str | Path | Iterable[str] | TextSource,
    output: Path,
    options: PretrainOptions,
    *,
    resume: bool = False,
    save_minutes: float = 5.0,
    milestones: int = MILESTONES,
    device: str = "cpu",
    progress: Progress = SILENT,
    data: Path | None = None,
    licence: str | None = None,
) -> Path:
    """Train a BERT with masked-language modelling on texts.

    Everything is written below `output`; the encoder is `output/model`, whose path is returned. The
    model card names the texts; a run that goes on must have the same. `data`: the folder of
    tokenizer and corpus, for runs that share them; `output` by default. With `resume` the run in
    `output` goes on; with the same thread count on the same machine its weights are bit for bit
    those of a run never stopped. `milestones`: how many encoders to keep from the start to the end,
    in `output/milestones/checkpoint-STEP`. `device`: where to compute. `progress` is told of the
    steps. Ctrl-C and SIGTERM save the state first. Under `torchrun` the processes share the rows of
    every step: the loss is one process's within rounding; the first one reads the texts and writes,
    the others read what it wrote.

    Raises:
        UserError: an output that holds a run already, in which another process is writing, or that
            cannot be written; options or texts that differ from those of the run to resume; a
            vocabulary the texts cannot fill; too few texts for the validation share; a loss that is
            not a number; fewer rows of a step than processes.
        Stopped: a signal came.

    Examples:
        >>> import blocklens
        >>> from pathlib import Path
        >>> texts = [f"Day {n}: the river rose {n * n} times and fell." for n in range(60)]
        >>> options = blocklens.PretrainOptions.make("tiny", steps=2, vocabulary=64)
        >>> folder = blocklens.pretrain(texts, Path("my-bert"), options)
        >>> blocklens.Encoder.load(folder).blocks
        3

    """
    on_device(torch.empty(0), device)  # one that is not here is told before the texts are read
    share = join()
    first = share.rank == 0
    data = data or output
    facts: dict[str, str] = {}
    source = texts if isinstance(texts, TextSource) else TextSource(texts)
    with ExitStack() as stack:
        if first:
            output_folder(output, OPTIONS)  # what lies in a foreign folder would be replaced
            stack.enter_context(locked(output))
            options = _open_folder(output, options, resume, source)
            progress.say(f"matrix products in {options.precision}")
            progress.say("reading and tokenising the texts")
            tokenizer, made = tokenizer_of(source, data / "tokenizer", options)
            corpus = build_corpus(
                (text.text for text in source),
                tokenizer,
                data / "corpus",
                validation=options.validation,
                seed=options.seed,
                about={"texts": source.digest(), "tokenizer": made},
            )
            facts["texts"] = public_name(source.description)
            share.same(options)
        else:  # once the first process has made them
            options = share.same(options)
            tokenizer = AutoTokenizer.from_pretrained(data / "tokenizer")
            corpus = open_corpus(data / "corpus")
        run = Training(options, corpus, tokenizer, output, share, device)
        for line in run.resume() if resume else []:
            progress.say(f"warning: {line}")
        share.wait()  # nobody writes before all have read
        signals = stack.enter_context(stopping_between_steps())
        if not first:
            loop.train(run, save_minutes=save_minutes, milestones=milestones, signals=signals)
            return output / "model"
        packed = f"{len(run.rows):,} of {options.length} positions, {run.rows.fill:.2%} full"
        facts |= {
            "training texts": f"{options.articles or int((~corpus.held_out).sum()):,}",
            "held-out texts": f"{int(corpus.held_out.sum()):,} (a keyed hash of the text decides)",
            "packed rows": packed,
            "SHA-256 of the token numbers": corpus.digest,
        }
        if corpus.unknown:
            facts["unknown tokens"] = f"{corpus.unknown:.2%} (characters outside the vocabulary)"
            progress.say(
                f"{corpus.unknown:.2%} of the tokens are unknown to the vocabulary"
                f"{larger_advised(source, options) if corpus.unknown > MANY_UNKNOWN else ''}"
            )
        report = stack.enter_context(_Report(progress, run))

        def export(training: Training, folder: Path, figures: dict[str, float]) -> None:
            card = model_card(options, training.counters, facts, figures, licence)
            curve = report.log.table()
            export_encoder(folder, training.model, training.tokenizer, card, curve)

        figures = loop.train(
            run,
            save_minutes=save_minutes,
            milestones=milestones,
            report=report.step,
            validated=report.validated,
            export=export,
            signals=signals,
        )
        record = {**figures, "steps": run.counters.step, "tokens": run.counters.tokens}
        write_json(record, output / "figures.json")
    progress.say(f"held-out loss {figures['loss']:.4f}, accuracy {figures['accuracy']:.4f}")
    return output / "model"


class _Report:
    """Progress (loss, tokens a second, time left) and the training log."""

    def __init__(self, progress: Progress, run: Training) -> None:
        self.run = run
        self.stage = progress.stage("training", None, "steps")

    def __enter__(self) -> _Report:
        self.log = TrainingLog(self.run.folder, self.run.counters.step)
        return self

    def __exit__(self, *_: object) -> None:
        self.stage.__exit__(None, None, None)
        self.log.close()

    def step(self, now: loop.StepReport) -> None:
        """One report of the training loop."""
        total = now.counters.total_steps
        self.stage.total = total if total >= 0 else None
        left = ""
        if total < 0 and not isnan(now.seconds_left):  # of known steps the stage says it
            left = f", {duration(max(0.0, now.seconds_left))} left"
        self.stage.note = f"loss {now.loss:.3f}, {now.tokens_per_second:,.0f} tokens/s{left}"
        self.stage.reach(now.counters.step)
        self.log.add(
            {**_place(now.counters), "loss": now.loss, "accuracy": now.accuracy, "rate": now.rate}
        )

    def validated(self, counters: Counters, figures: dict[str, float]) -> None:
        """Held-out figures."""
        held_out = {"held_out_loss": figures["loss"], "held_out_accuracy": figures["accuracy"]}
        self.log.add({**_place(counters), **held_out})


def _place(counters: Counters) -> dict[str, float]:
    return {"step": counters.step, "tokens": counters.tokens, "seconds": counters.seconds}


def _open_folder(
    output: Path, options: PretrainOptions, resume: bool, source: TextSource
) -> PretrainOptions:
    """Check that the run may start or go on here, and write its options; those that hold.

    The precision that "auto" chose when the run began is the one it goes on with, on any machine.
    """
    written, record = output / OPTIONS, output / "texts.json"
    texts = {"texts": source.description, "digest": source.digest()}
    if tokenizer := digest_of_given(options):
        texts["tokenizer"] = tokenizer
    if resume:
        if not written.is_file():
            raise UserError(f"{output}: no run to resume (no {OPTIONS}); leave out --resume")
        before = _read(written, PretrainOptions.read)
        options = options.settled(before)
        changes = options.differences(before)
        if changes:
            raise UserError(
                f"{output}: cannot resume with other options ({'; '.join(changes)}); give the "
                "same options or another output folder"
            )
        texts_before = _read(record, lambda file: json.loads(file.read_text(encoding="utf-8")))
        if texts_before.get("digest") != texts["digest"]:
            raise UserError(
                f"{output}: cannot resume with other texts ({texts_before.get('texts')} -> "
                f"{texts['texts']}); give the same texts or another output folder"
            )
        if texts_before.get("tokenizer", tokenizer) != tokenizer:
            raise UserError(
                f"{output}: cannot resume with another tokenizer: {options.tokenizer} has changed; "
                "give the one that it began with or another output folder"
            )
        return options
    if states(output / "checkpoints") or (output / "model").exists():
        raise UserError(f"{output}: holds a run already; give --resume or another output folder")
    options = options.settled()
    try:
        write_json(texts, record)
        write_json(options.model_dump(), written)  # last: a folder with it is one to go on with
    except UserError:  # nothing is left of a run that could not be begun
        record.unlink(missing_ok=True)
        raise
    return options


def _read(file: Path, read: Any) -> Any:
    """What a run wrote of itself. Raises UserError where it is damaged."""
    try:
        return read(file)
    except (OSError, ValueError, TypeError, ValidationError) as error:
        raise UserError(
            f"{file}: damaged, so this run cannot go on: give another output folder, or delete "
            f"{file.parent} and train anew"
        ) from error
