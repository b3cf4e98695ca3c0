"""`pretrain`: from texts to a Hugging Face folder, or on from where a run stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from blocklens.errors import UserError
from blocklens.pretraining import loop
from blocklens.pretraining import training_log as log
from blocklens.pretraining.checkpoints import Counters, states
from blocklens.pretraining.corpus import build_corpus, is_held_out, train_tokenizer
from blocklens.pretraining.export import export_encoder, model_card
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.pretraining.training import Training
from blocklens.storage import whole_folder

Texts = Iterable[Any]


def pretrain(
    texts: Texts,
    output: Path,
    options: PretrainOptions,
    *,
    resume: bool = False,
    described: str = "texts given by the caller",
    texts_digest: str = "",
    save_minutes: float = 5.0,
    console: Console | None = None,
    data: Path | None = None,
    licence: str | None = None,
) -> Path:
    """Train a BERT with masked-language modelling on `texts` (strings or `Text` objects).

    `texts` must be iterable several times. Everything is written below `output`; the encoder is
    `output/model`, whose path is returned. `described` and `texts_digest` name the texts in the
    model card and guard a resumed run. `data`: the folder of tokenizer and corpus, for runs that
    share them; `output` by default. With `resume` the run in `output` goes on; with the same
    thread count on the same machine its weights are bit for bit those of a run never stopped.
    Raises UserError for an output that holds a run already, options or texts that differ from those
    of the run to resume, a vocabulary the texts cannot fill, too few texts for the validation
    share, and a loss that is not a number.
    """
    console = console or Console(stderr=True, quiet=True)
    texts_record = {"texts": described, "digest": texts_digest}
    options = _open_folder(output, options, resume, texts_record)
    console.print(f"matrix products in {options.precision}")
    data = data or output
    console.print("reading and tokenising the texts")
    tokenizer = _tokenizer(texts, data, options)
    about = {"texts": texts_digest or described, "tokenizer": _tokenizer_digest(data)}
    corpus = build_corpus(
        _strings(texts),
        tokenizer,
        data / "corpus",
        validation=options.validation,
        seed=options.seed,
        about=about,
    )
    run = Training(options, corpus, tokenizer, output)
    for line in run.resume() if resume else []:
        console.print(f"warning: {line}", style="yellow")
    facts = {
        "texts": _public_name(described),
        "training texts": f"{options.articles or int((~corpus.held_out).sum()):,}",
        "held-out texts": f"{int(corpus.held_out.sum()):,} (a keyed hash of the text decides)",
        "packed rows": f"{len(run.rows):,} of {options.length} positions, {run.rows.fill:.2%} full",
    }
    if corpus.digest:
        facts["SHA-256 of the token numbers"] = corpus.digest

    def export(training: Training, folder: Path, figures: dict[str, float]) -> None:
        card = model_card(options, training.counters, facts, figures, licence)
        curve = report.curve()
        export_encoder(folder, training.model, training.tokenizer, card, curve)

    with _Report(output / "logs", console, run) as report:
        figures = loop.train(
            run,
            save_minutes=save_minutes,
            report=report.progress,
            validated=report.validated,
            export=export,
        )
    record = {**figures, "steps": run.counters.step, "tokens": run.counters.tokens}
    partial = output / "figures.json.partial"
    partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    partial.replace(output / "figures.json")
    console.print(f"held-out loss {figures['loss']:.4f}, accuracy {figures['accuracy']:.4f}")
    return output / "model"


class _Report:
    """Progress on the console (loss, tokens a second, time left) and TensorBoard logs."""

    def __init__(self, folder: Path, console: Console, run: Training) -> None:
        self.folder, self.console, self.run = folder, console, run

    def __enter__(self) -> _Report:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(self.folder), purge_step=self.run.counters.step + 1)
        self.bar = Progress(
            TextColumn("step {task.fields[step]:,}"),
            BarColumn(),
            TextColumn("loss {task.fields[loss]:.3f}"),
            TextColumn("{task.fields[speed]:,.0f} tokens/s"),
            TextColumn("{task.fields[left]} left"),
            console=self.console,
        )
        self.bar.start()
        self.task = self.bar.add_task(
            "", total=1.0, step=0, loss=float("nan"), speed=0.0, left="unknown time"
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()
        self.writer.close()

    def progress(self, now: loop.Progress) -> None:
        """One report of the training loop."""
        step = now.counters.step
        for name, value in (
            (log.LOSS, now.loss),
            (log.ACCURACY, now.accuracy),
            (log.SPEED, now.tokens_per_second),
            (log.RATE, now.rate),
        ):
            self.writer.add_scalar(name, value, step)
        self._progress(now.counters)
        self.bar.update(
            self.task,
            completed=now.share,
            step=step,
            loss=now.loss,
            speed=now.tokens_per_second,
            left=_time(now.seconds_left),
        )

    def validated(self, counters: Counters, figures: dict[str, float]) -> None:
        """Held-out figures."""
        self.writer.add_scalar(log.HELD_OUT_LOSS, figures["loss"], counters.step)
        self.writer.add_scalar(log.HELD_OUT_ACCURACY, figures["accuracy"], counters.step)
        self._progress(counters)

    def _progress(self, counters: Counters) -> None:
        self.writer.add_scalar(log.TOKENS, counters.tokens, counters.step)
        self.writer.add_scalar(log.SECONDS, counters.seconds, counters.step)

    def curve(self) -> pd.DataFrame:
        """The learning curve so far."""
        self.writer.flush()
        return log.training_log(self.folder)


def _public_name(described: str) -> str:
    """A file or folder by its own name: a card travels with the model, its maker's folders not."""
    try:
        return Path(described).name if Path(described).exists() else described
    except OSError:  # a description too long for a path
        return described


def _time(seconds: float) -> str:
    if seconds != seconds:  # not a number: the schedule is not known yet
        return "unknown time"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _open_folder(
    output: Path, options: PretrainOptions, resume: bool, texts: dict[str, str]
) -> PretrainOptions:
    """Check that the run may start or go on here, and write its options; those that hold.

    The precision that "auto" chose when the run began is the one it goes on with, on any machine.
    """
    written, record = output / "options.json", output / "texts.json"
    if resume:
        if not written.is_file():
            raise UserError(f"{output}: no run to resume (no options.json); leave out --resume")
        before = PretrainOptions.read(written)
        options = options.settled(before)
        changes = options.differences(before)
        if changes:
            raise UserError(
                f"{output}: cannot resume with other options ({'; '.join(changes)}); give the "
                "same options or another output folder"
            )
        texts_before = json.loads(record.read_text(encoding="utf-8"))
        if texts_before["digest"] != texts["digest"]:
            raise UserError(
                f"{output}: cannot resume with other texts ({texts_before['texts']} -> "
                f"{texts['texts']}); give the same texts or another output folder"
            )
        return options
    if states(output / "checkpoints") or (output / "model").exists():
        raise UserError(f"{output}: holds a run already; give --resume or another output folder")
    output.mkdir(parents=True, exist_ok=True)
    options = options.settled()
    options.write(written)
    record.write_text(json.dumps(texts, indent=2), encoding="utf-8")
    return options


def _tokenizer(texts: Texts, data: Path, options: PretrainOptions) -> PreTrainedTokenizerBase:
    """The run's tokenizer: read from the folder, copied from an existing one, or trained."""
    folder = data / "tokenizer"
    if not (folder / "tokenizer.json").is_file():
        if options.tokenizer is not None:
            try:
                made = AutoTokenizer.from_pretrained(options.tokenizer)
            except (OSError, ValueError) as error:
                reason = str(error).splitlines()[0]
                raise UserError(f"tokenizer {options.tokenizer}: not readable: {reason}") from None
            missing = [
                n for n in ("cls", "sep", "pad", "mask") if getattr(made, f"{n}_token_id") is None
            ]
            if missing:
                raise UserError(
                    f"tokenizer {options.tokenizer}: has no {', '.join(missing)} token; "
                    "masked-language modelling needs cls, sep, pad and mask"
                )
        else:
            made = train_tokenizer(
                _TrainingTexts(texts, options),
                options.vocabulary,
                length=options.positions,
                lowercase=options.lowercase,
            )
        with whole_folder(folder) as partial:
            made.save_pretrained(partial)
    return AutoTokenizer.from_pretrained(folder)


def _tokenizer_digest(data: Path) -> str:
    return hashlib.sha256((data / "tokenizer" / "tokenizer.json").read_bytes()).hexdigest()


@dataclass(frozen=True)
class _TrainingTexts:
    """The texts that are not held out; iterable as often as `texts` is."""

    texts: Texts
    options: PretrainOptions

    def __iter__(self) -> Iterator[str]:
        seed, share = self.options.seed, self.options.validation
        for text in _strings(self.texts):
            if not is_held_out(text, seed=seed, share=share):
                yield text


def _strings(texts: Texts) -> Iterator[str]:
    for text in texts:
        yield text if isinstance(text, str) else text.text
