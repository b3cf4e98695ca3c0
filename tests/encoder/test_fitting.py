"""A model that cannot be measured, or a tokenizer that does not fit it, is one line."""

import json

import pytest
import torch
from transformers import BertModel

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from helpers import small_model, small_tokenizer


def saved(place, **config):
    small_model().save_pretrained(place)
    small_tokenizer().save_pretrained(place)
    written = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({**written, **config}))
    return place


def test_a_folder_without_tokenizer_files_is_refused(tmp_path):
    small_model().save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"no tokenizer.*save the tokenizer beside the model"):
        Encoder.load(tmp_path)


def test_a_tokenizer_larger_than_the_embedding_is_refused():
    with pytest.raises(UserError, match=r"do not fit: the tokenizer has ids up to 34, .* for 30"):
        Encoder(small_model(vocab_size=30), small_tokenizer())
    Encoder(small_model(vocab_size=40), small_tokenizer())  # rows that no token uses are usual


def test_pruned_heads_and_quantised_weights_are_named(tmp_path):
    with pytest.raises(UserError, match=r"heads were pruned .*give the model as it was before"):
        Encoder.load(saved(tmp_path / "pruned", pruned_heads={"0": [0]}))
    quantised = {"quant_method": "gptq", "bits": 4}
    with pytest.raises(UserError, match="its weights are quantised"):
        Encoder.load(saved(tmp_path / "quantised", quantization_config=quantised))


def test_an_adapter_beside_its_base_is_refused(tmp_path):
    place = saved(tmp_path)
    (place / "adapter_config.json").write_text("{}")
    with pytest.raises(UserError, match=r"adapter_config\.json: an adapter .* merge it"):
        Encoder.load(place)
    (place / "config.json").unlink()  # as peft saves it
    with pytest.raises(UserError, match=r"adapter_config\.json: an adapter .* merge it"):
        Encoder.load(place)


def test_weights_one_folder_below_are_pointed_at(tmp_path):
    saved(tmp_path / "0_Transformer")  # as older versions of sentence-transformers save
    with pytest.raises(UserError, match=r"no config\.json.*in its folder 0_Transformer"):
        Encoder.load(tmp_path)


def test_weights_that_are_no_numbers_are_refused_and_large_ones_are_not():
    model: BertModel = small_model()
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.fill_(3e38)  # their sum is not finite, they are
    Encoder(model, small_tokenizer())
    with torch.no_grad():
        model.embeddings.word_embeddings.weight[0, 0] = float("inf")
    with pytest.raises(UserError, match=r"word_embeddings\.weight is not of finite numbers"):
        Encoder(model, small_tokenizer())
