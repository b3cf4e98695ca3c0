"""Small commands of every kind, each in a process of its own that can be killed or limited.

A process is forked from this one, in which everything heavy is imported already: a command takes a
second instead of ten. Nothing here may start PyTorch's threads, which do not survive a fork.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import transformers as tr

import blocklens.cli
import blocklens.report
import blocklens.segmentation
import blocklens.studies.finetune
import blocklens.studies.images_part
import blocklens.studies.segments_part
import blocklens.studies.sizes_part
from blocklens.encoder.trunk import Encoder
from blocklens.report import page
from blocklens.studies.study import study as run_study
from blocklens.studies.study_options import StudyOptions
from helpers import SMALL, random_texts, small_tokenizer

torch.set_num_threads(1)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, or minus the signal that ended it; and what it said."""

    code: int
    said: str
    seconds: float
    processor: float
    """Seconds of processor time: of them a busy machine takes no more."""
    arguments: tuple[str, ...] = ()

    @property
    def one_line(self) -> bool:
        """Whether it failed as promised: exit code 2 and a last line of its own, no traceback."""
        lines = self.said.strip().splitlines()
        return (
            self.code == 2
            and "Traceback" not in self.said
            and sum(line.startswith("blocklens: ") for line in lines) == 1
            and lines[-1].startswith("blocklens: ")
        )


class Running:
    """A forked command."""

    def __init__(
        self, arguments: Sequence[str], log: Path, before: Callable[[], None] | None = None
    ) -> None:
        self.arguments, self.log, self.began = tuple(arguments), log, time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        self.process = os.fork()
        if not self.process:
            self._run(before)

    def _run(self, before: Callable[[], None] | None) -> None:
        code = 99
        try:
            os.setpgid(0, 0)
            file = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, 1)
            os.dup2(file, 2)
            sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
            sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
            sys.argv = ["blocklens", *self.arguments]
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.default_int_handler)
            if before is not None:
                before()
            blocklens.cli.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1 if end.code else 0
        except BaseException:
            traceback.print_exc()
        finally:
            for file in (sys.stdout, sys.stderr):
                file.flush()
            os._exit(code)

    def signal(self, number: int, after: float) -> None:
        """Send a signal after so many seconds of processor time, or when it has ended."""
        ticks = after * os.sysconf("SC_CLK_TCK")
        while True:
            state = Path(f"/proc/{self.process}/stat").read_text().rpartition(") ")[2].split()
            if state[0] == "Z" or int(state[11]) + int(state[12]) >= ticks:  # user and system
                break
            time.sleep(0.002)
        os.kill(self.process, number)

    def wait(self, seconds: float = 120) -> Ended:
        """Until it ends; one that takes longer is killed, and its code is 98."""
        end = time.monotonic() + seconds
        while True:
            done, status, used = os.wait4(self.process, os.WNOHANG)
            if done:
                code = os.waitstatus_to_exitcode(status)
                break
            if time.monotonic() > end:
                os.kill(self.process, signal.SIGKILL)
                _, _, used = os.wait4(self.process, 0)
                code = 98
                break
            time.sleep(0.002)
        said = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        processor = used.ru_utime + used.ru_stime
        return Ended(code, said, time.monotonic() - self.began, processor, self.arguments)


class Inputs:
    """Small inputs of every kind in one folder, and the commands that read them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model, self.texts = folder / "encoder", folder / "texts.jsonl"
        self.labelled, self.images = folder / "labelled.csv", folder / "images.npz"
        self.documents, self.notes = folder / "documents.jsonl", folder / "notes.txt"
        self.classifier, self.many = folder / "classifier", folder / "many.jsonl"
        self.studies = folder / "first study", folder / "second study"

    @classmethod
    def make(cls, folder: Path) -> Inputs:
        """Write them."""
        one = cls(folder)
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(0)
        config = tr.BertConfig.from_dict({**SMALL, "num_hidden_layers": 2})
        tr.BertForMaskedLM(config).save_pretrained(one.model)
        small_tokenizer().save_pretrained(one.model)
        tr.BertForSequenceClassification(config).save_pretrained(one.classifier)
        small_tokenizer().save_pretrained(one.classifier)
        texts, many = random_texts(40, seed=5), random_texts(600, seed=6)
        for file, some in ((one.texts, texts), (one.many, many)):
            file.write_text("".join(json.dumps({"text": text}) + "\n" for text in some))
        one.notes.write_text(random_texts(1, seed=3, longest=9)[0])
        labels = ["ab"[number % 2] for number in range(len(texts))]
        pd.DataFrame({"text": texts, "label": labels}).to_csv(one.labelled, index=False)
        rng = np.random.default_rng(0)
        labels = np.arange(60) % 3
        images = rng.integers(0, 90, (60, 8, 8), dtype=np.uint8) + 80 * labels[:, None, None]
        np.savez(one.images, x_train=images.astype(np.uint8), y_train=labels)
        documents = [
            {"segments": [text.splitlines() for text in random_texts(3, seed=seed)]}
            for seed in range(12)
        ]
        one.documents.write_text("".join(json.dumps(one) + "\n" for one in documents))
        made = Running([], folder / "log", one._studied).wait(900)
        assert made.code == 0, made
        bundle = (folder / "vega.js").read_text("utf-8")
        page.vega_bundle = lambda: bundle  # type: ignore[assignment]
        return one

    def _studied(self) -> None:
        """Studies to compare, and Vega for all reports, in a process that ends with them.

        What puts Vega together takes seconds, and its threads do not survive a fork either.
        """
        (self.folder / "vega.js").write_text(page.vega_bundle(), "utf-8")
        encoder = Encoder.load(str(self.model))
        for seed, study in enumerate(self.studies):
            chosen = StudyOptions(parts="heads", untrained=0, shuffled=False, examples=0)
            run_study(str(self.texts), encoder.untrained(seed), study, options=chosen, report=False)
        os._exit(0)

    def command(self, name: str, out: Path) -> list[str]:
        """The arguments of one of `COMMANDS`, which writes into the folder `out`."""
        encoder = ["--encoder", str(self.model)]
        rest = {
            "study": [str(self.texts), *encoder, "--untrained", "1", "--examples", "1",
                      "--untrained-read-outs", "1", "--modified-tokens", "2000",
                      "--train-tokens", "1000", "--data", str(self.labelled)],
            "finetune": [str(self.labelled), *encoder, "--seeds", "2", "--variant", "both",
                         "--epochs", "1", "--untrained", "1", "--modified-tokens", "2000",
                         "--export-block", "1"],
            "images": [str(self.images), "--blocks", "1", "--heads", "2", "--width", "8",
                       "--epochs", "2", "--read-outs", "2", "--untrained", "1",
                       "--head-images", "12", "--export-block", "1"],
            "pretrain": [str(self.texts), "--preset", "tiny", "--blocks", "1", "--heads", "2",
                         "--width", "8", "--vocabulary", "32", "--steps", "60",
                         "--validation", "0.2", "--rows", "4", "--save-minutes", "0.001"],
            "sizes": [str(self.texts), "--preset", "tiny", "--blocks", "1", "--heads", "2",
                      "--width", "8", "--vocabulary", "32", "--steps", "20", "--rows", "4",
                      "--validation", "0.2", "--sizes", "8,16"],
            "segment": [str(self.notes), *encoder, "--segments", "2"],
            "scores": ["--evaluate", str(self.documents), *encoder, "--method", "context",
                       "--method", "even", "--untrained", "1"],
            "predict": [str(self.classifier), str(self.many), "--all"],
            "compare": [str(study) for study in self.studies],
        }[name]  # fmt: skip
        if name == "predict":  # of all commands the one that writes a single file
            out = out / "labels.jsonl"
        first = {"sizes": "pretrain", "scores": "segment"}.get(name, name)
        return [first, *rest, "--out", str(out)]


STUDIES = ("segment", "sizes", "scores", "images", "finetune", "study")
"""Every command whose folder is a study: what is finished of it is kept."""

COMMANDS = ("predict", "compare", "pretrain", *STUDIES)
"""Every command that writes results."""
