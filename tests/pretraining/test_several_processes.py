"""Several processes train as one: the same loss within rounding, and one of them writes."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from blocklens.distributed import Share
from blocklens.errors import UserError
from blocklens.pretraining.checkpoints import states
from blocklens.pretraining.corpus import Corpus, build_corpus
from blocklens.pretraining.gradients import gradients_of_all
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.pretraining.tokenizer import train_tokenizer
from blocklens.pretraining.training import Training
from helpers import made_up_texts

GIVEN = {"blocks": 1, "heads": 2, "width": 16, "vocabulary": 64, "steps": 40, "rows": 5,
         "validation": 0.2, "precision": "float32"}  # fmt: skip


@dataclass(frozen=True)
class Recorded(Share):
    """One of several processes in one: what it adds up is noted, or is replaced by sums."""

    sums: list | None = None
    noted: list = field(default_factory=list)

    def total(self, tensor):
        self.noted.append(tensor.clone())
        return tensor if self.sums is None else tensor.copy_(self.sums[len(self.noted) - 1])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> tuple[Corpus, object]:
    texts = made_up_texts(60)
    tokenizer = train_tokenizer(texts, 64, length=128)
    folder = tmp_path_factory.mktemp("corpus") / "corpus"
    return build_corpus(texts, tokenizer, folder, validation=0.2, seed=0, about={}), tokenizer


def training(corpus, folder, share):
    options = PretrainOptions.make("tiny", **GIVEN)
    return Training(options, corpus[0], corpus[1], folder, share)


@pytest.mark.parametrize("world", [2, 3])
def test_the_shares_of_a_step_add_up_to_the_step_of_one_process(world, corpus, tmp_path):
    one = training(corpus, tmp_path, Share())
    loss, hits, batch = one.step()
    noted = []
    for rank in range(world):
        share = Recorded(rank, world)
        training(corpus, tmp_path, share).step()
        noted.append(share.noted)
    sums = [sum(parts) for parts in zip(*noted, strict=True)]
    last = training(corpus, tmp_path, Recorded(world - 1, world, sums=sums))
    together, right, of_all = last.step()
    assert (int(right), of_all.modified, of_all.tokens) == (int(hits), batch.modified, batch.tokens)
    assert float(together) == pytest.approx(float(loss), rel=1e-6)
    for (name, expected), found in zip(
        one.model.named_parameters(), last.model.parameters(), strict=True
    ):
        assert torch.allclose(found, expected, rtol=1e-4, atol=2e-6), name


def test_a_process_without_a_modified_token_adds_nothing(corpus, tmp_path):
    run = training(corpus, tmp_path, Share())
    _, _, batch = run.step()
    empty = replace(batch, modified=0, labels=torch.full_like(batch.labels, -100))
    model = torch.nn.Linear(2, 1)
    nothing = 0 * model.weight.sum()
    loss, _, of_all = gradients_of_all(Share(), model, nothing, torch.tensor(0), empty)
    assert (float(loss), of_all.modified) == (0.0, 0)
    assert model.weight.grad is not None
    assert model.weight.grad.tolist() == [[0.0, 0.0]]


def test_fewer_rows_of_a_step_than_processes_are_refused(corpus, tmp_path):
    with pytest.raises(UserError, match="--rows 5: fewer than the 6 processes that share them"):
        training(corpus, tmp_path, Share(0, 6))


@pytest.mark.slow
def test_under_torchrun_the_loss_is_that_of_one_process_and_a_stopped_run_goes_on(tmp_path):
    (tmp_path / "texts.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in made_up_texts(60))
    )
    given = [word for name, value in GIVEN.items() for word in (f"--{name}", str(value))]
    command = ["pretrain", str(tmp_path / "texts.jsonl"), "--preset", "tiny", *given]
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(name, *more, processes=several):
        out = ["--out", str(tmp_path / name)]
        arguments = [sys.executable, *processes, "-m", "blocklens", *command, *out, *more]
        log = (tmp_path / f"{name}.log").open("w")
        return subprocess.Popen(arguments, env=environment, stdout=log, stderr=log)

    assert start("one", processes=[]).wait() == 0
    assert start("two").wait() == 0
    one, two = (pd.read_csv(tmp_path / n / "training_log.csv") for n in ("one", "two"))
    assert one["tokens"].tolist() == two["tokens"].tolist()
    assert two["loss"].tolist() == pytest.approx(one["loss"].tolist(), rel=1e-4)
    stopped = start("stopped", "--save-minutes", "1e-9")
    states_of = tmp_path / "stopped" / "checkpoints"
    while not any(int(state.name[5:]) >= 3 for state in states(states_of)):
        assert stopped.poll() is None
        time.sleep(0.01)
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait() != 0
    assert not (tmp_path / "stopped" / "model").exists()
    assert start("stopped", "--resume").wait() == 0
    found, expected = (
        load_file(tmp_path / name / "model" / "model.safetensors") for name in ("stopped", "two")
    )
    for name, weight in expected.items():
        assert torch.equal(found[name], weight), name
