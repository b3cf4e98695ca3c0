"""Models of every type are measured, and products in bfloat16 change little."""

import json

import pytest
import torch

from blocklens.encoder import matmul
from blocklens.encoder.trunk import Encoder
from blocklens.heads.measurement import measure
from blocklens.readouts.token_task import measure_learning
from blocklens.studies.study import study
from blocklens.studies.study_options import StudyOptions
from helpers import made_up_texts, random_texts, small_encoder, small_model, small_tokenizer

IDS = torch.arange(5, 25).reshape(2, 10)


def attention_to_separators(encoder):
    table = measure(random_texts(30), encoder).table
    chosen = table["statistic"].eq("attention to separator") & table["head"].notna()
    return table.loc[chosen, "effect"].to_numpy()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("family", ["BERT", "ModernBERT"])
def test_a_model_of_any_type_is_measured(family, dtype):
    expected = attention_to_separators(small_encoder(family))
    found = attention_to_separators(Encoder(small_model(family).to(dtype), small_tokenizer()))
    assert found == pytest.approx(expected, rel=0.05)
    if dtype != torch.float64:
        assert (found != expected).any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_what_a_model_of_half_precision_has_learned_is_measured(dtype):
    encoder = Encoder(small_model("ModernBERT").to(dtype), small_tokenizer())
    learned = measure_learning(encoder, made_up_texts(60), train_tokens=200, modified=300)
    assert learned.rows >= 300


@pytest.mark.parametrize("family", ["BERT", "ModernBERT"])
def test_products_in_bfloat16_change_outputs_a_little_and_weights_not_at_all(family):
    exact = small_encoder(family)
    rough = Encoder(exact.model, exact.tokenizer, precision="bfloat16")
    mask = torch.ones_like(IDS)
    for before, after in zip(
        exact.block_outputs(IDS, mask)[1:], rough.block_outputs(IDS, mask)[1:], strict=True
    ):
        assert after.dtype == torch.float32
        assert 0 < (after - before).norm() < 0.03 * before.norm()
    assert all(weight.dtype == torch.float32 for weight in rough.model.parameters())
    assert exact.fingerprint() != rough.fingerprint()


def test_twins_have_the_precision_of_their_encoder():
    rough = Encoder(small_model(), small_tokenizer(), precision="bfloat16")
    assert rough.untrained(0).precision == "bfloat16"
    assert small_encoder().untrained(0).precision == "float32"


@pytest.mark.parametrize("fastest", ["float32", "bfloat16"])
def test_auto_is_what_the_processor_is_fast_at(fastest, monkeypatch):
    monkeypatch.setattr("blocklens.encoder.trunk.fastest_precision", lambda: fastest)
    assert Encoder(small_model(), small_tokenizer(), precision="auto").precision == fastest


def test_a_weight_that_changes_is_rounded_anew():
    layer = matmul.Linear(6, 4)
    layer.narrow = True
    x = torch.randn(3, 6)
    with torch.no_grad():
        before = layer(x)
        layer.weight.mul_(2)
        layer.bias.mul_(2)
        torch.testing.assert_close(layer(x), 2 * before)
    exact = torch.nn.functional.linear(x, layer.weight, layer.bias)
    torch.testing.assert_close(layer(x), exact, rtol=1e-5, atol=1e-5)  # a gradient is asked for


def test_a_study_says_which_precision_it_used(tmp_path):
    options = StudyOptions(parts="heads", untrained=0, shuffled=False, examples=0)
    notes = []
    for precision in ("float32", "bfloat16"):
        encoder = Encoder(small_model(), small_tokenizer(), precision=precision)
        done = study(random_texts(25), encoder, tmp_path / precision, options=options, report=False)
        said = json.loads((done.folder / "study.json").read_text())
        assert said["precision"] == precision
        notes.append(said["notes"])
    assert len(notes[1]) == len(notes[0]) + 1
