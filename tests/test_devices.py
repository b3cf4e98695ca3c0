"""A GPU gives the figures of the processor, and nothing waits for it text by text."""

from types import SimpleNamespace

import pytest
import torch
from pandas.testing import assert_frame_equal

from blocklens.encoder import loading
from blocklens.encoder.attention import Heads, HeadTap, Workspace
from blocklens.encoder.head_pass import run_heads
from blocklens.encoder.trunk import Encoder
from blocklens.heads import measurement, measures, sent_pairs, view
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.measurement import measure
from blocklens.inputs.texts import Text
from blocklens.pretraining.corpus import build_corpus
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.pretraining.tokenizer import train_tokenizer
from blocklens.pretraining.training import Training
from blocklens.readouts.token_task import measure_learning
from blocklens.readouts.vocabulary_training import HeadTraining
from helpers import made_up_texts, random_texts, small_encoder


@pytest.fixture
def gpu() -> str:
    """The accelerator's name."""
    if not torch.accelerator.is_available():
        pytest.skip("no GPU here")
    return torch.accelerator.current_accelerator().type


def on(device: str, encoder: Encoder) -> Encoder:
    return Encoder.of((encoder.model, encoder.tokenizer), device=device)


def heads_of(encoder: Encoder) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Maps and outputs of every block and text of one batch, where they are compared."""
    windows = encoder.windows()
    batch = [windows(Text(str(n), text))[0] for n, text in enumerate(random_texts(4))]
    found = []

    def receive(heads: Heads) -> None:
        found.append((heads.attention.cpu().clone(), heads.outputs.cpu().clone()))

    run_heads(encoder, batch, receive)
    return found


@pytest.mark.gpu
@pytest.mark.parametrize("family", ["BERT", "ModernBERT"])
def test_heads_on_a_gpu_are_those_of_the_processor(family, gpu):
    encoder = small_encoder(family)
    expected = heads_of(encoder)
    for ours, theirs in zip(heads_of(on(gpu, encoder)), expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.gpu
def test_read_outs_on_a_gpu_learn_what_they_learn_on_the_processor(gpu):
    encoder, texts = small_encoder(), random_texts(60)
    once = HeadTraining(epochs=1)
    expected = measure_learning(encoder, texts, training=once).tables["learning"]
    found = measure_learning(on(gpu, encoder), texts, training=once).tables["learning"]
    torch.testing.assert_close(
        torch.from_numpy(found["value"].to_numpy()),
        torch.from_numpy(expected["value"].to_numpy()), rtol=1e-4, atol=1e-4, equal_nan=True,
    )  # fmt: skip


def stepped(folder, device: str) -> tuple[float, list[torch.Tensor]]:
    """Loss of one step of pre-training, and the weights after it."""
    texts = made_up_texts(60)
    tokenizer = train_tokenizer(texts, 64, length=128)
    corpus = build_corpus(texts, tokenizer, folder, validation=0.2, seed=0, about={})
    options = PretrainOptions.make("tiny", blocks=2, heads=2, width=16, vocabulary=64, steps=4,
                                   rows=4, precision="float32")  # fmt: skip
    run = Training(options, corpus, tokenizer, folder, device=device)
    loss, _, _ = run.step()
    return float(loss), [weight.detach().cpu() for weight in run.model.parameters()]


@pytest.mark.gpu
def test_a_step_of_pre_training_on_a_gpu_is_that_of_the_processor(gpu, tmp_path):
    (loss, weights), (expected, of_cpu) = (
        stepped(tmp_path / device, device) for device in (gpu, "cpu")
    )
    assert loss == pytest.approx(expected, rel=1e-4)
    torch.testing.assert_close(weights, of_cpu, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("device", ["cuda", "xpu"])
def test_each_process_of_a_machine_takes_a_gpu_of_its_own(device, monkeypatch):
    model = SimpleNamespace(to=lambda where: where)
    assert loading.on_device(model, device) == device
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert loading.on_device(model, device) == f"{device}:1"
    assert loading.on_device(model, "cuda:0") == "cuda:0"
    assert loading.on_device(model, "cpu") == "cpu"


def test_a_mask_is_asked_once_for_all_blocks(monkeypatch):
    answers, stack = [], torch.stack
    monkeypatch.setattr(torch, "stack", lambda tensors: answers.append(1) or stack(tensors))
    x, mask = torch.ones(2, 3, 7, 4), torch.ones(2, 1, 7, 7, dtype=torch.bool)
    tap = HeadTap([7, 5], lambda heads: None)
    for _ in range(3):
        tap.attend(x, x, x, mask, 0.5)
    assert len(answers) == 1


def test_the_tap_waits_for_nothing_but_its_masks(monkeypatch):
    """On tensors without content, where whatever asks for a number raises."""
    monkeypatch.setattr(HeadTap, "_hides", lambda tap, mask, lengths: [True] * len(lengths))
    x = torch.empty(2, 3, 7, 4, device="meta")
    mask = torch.empty(2, 1, 7, 7, dtype=torch.bool, device="meta")
    seen = []
    tap = HeadTap([7, 5], seen.append)
    for _ in range(3):
        assert tap.attend(x, x, x, mask, 0.5).is_meta
    assert len(seen) == 6
    assert all(heads.outputs.is_meta and heads.attention.is_meta for heads in seen)


@pytest.mark.parametrize("rule", ["top", "relative"])
@pytest.mark.parametrize("similarity", ["raw", "cosine", "centered", "max"])
def test_what_measures_read_is_sent_without_waiting(similarity, rule, monkeypatch):
    """On tensors without content, where whatever asks for a number raises."""
    sent = []
    monkeypatch.setattr(view, "to_processor", lambda tensor: sent.append(tensor) or tensor)
    monkeypatch.setattr(sent_pairs, "to_processor", view.to_processor)
    tokens = small_encoder().windows()(Text("one", random_texts(1)[0]))[0]
    n = len(tokens)
    made = (torch.empty(2, n, size, device="meta") for size in (n, 4))
    options = HeadOptions(similarity=similarity, rule=rule)
    view.View(Heads(1, 0, *made), tokens, 0, options, Workspace()).send()
    assert len(sent) == {"top": 3, "relative": 2}[rule]
    assert all(tensor.is_meta for tensor in sent)


@pytest.mark.parametrize("rule", ["top", "relative"])
def test_heads_that_arrive_later_give_the_same_table_after_one_wait_a_batch(rule, monkeypatch):
    encoder, texts, options = small_encoder(), random_texts(12), HeadOptions(rule=rule)
    expected = measure(texts, encoder, options=options).table
    batches, waits = [], []
    run = measurement.run_heads
    monkeypatch.setattr(measurement, "run_heads", lambda *a: batches.append(1) or run(*a))
    monkeypatch.setattr(measures, "is_here", lambda tensor: False)
    monkeypatch.setattr(measures, "wait_for_all", lambda: waits.append(1))
    for sends in (view, sent_pairs):  # what is not copied is written over
        monkeypatch.setattr(sends, "to_processor", torch.clone)
    assert_frame_equal(measure(texts, encoder, options=options).table, expected)
    assert waits == batches
