"""A cut trunk with a read-out is its family's own classifier, and answers as the read-out does."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, pipeline

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.readouts.block_outputs import id_batches, kept_outputs, tokenised
from blocklens.readouts.class_heads import ClassTraining, train_class_heads
from blocklens.readouts.finetuning import class_probabilities
from blocklens.readouts.text_classifiers import (
    head_activation,
    new_classifier,
    save_classifier,
    with_read_out,
)
from helpers import random_texts, small_encoder

TEXTS = random_texts(24, seed=3)
LABELS = np.arange(24) % 3
NAMES = ["<b>red</b>", "green & blue", "none"]


@pytest.mark.parametrize("family", ["BERT", "RoBERTa", "DistilBERT", "ALBERT", "ELECTRA"])
def test_the_exported_classifier_answers_as_the_read_out_of_its_block(family, tmp_path):
    encoder = small_encoder(family)
    batches = id_batches(encoder.tokenizer, tokenised(encoder, TEXTS))
    outputs = kept_outputs(encoder, batches, len(TEXTS))
    training = ClassTraining(activation=head_activation(encoder), least_steps=30)
    every = np.arange(len(TEXTS))[None]
    heads = train_class_heads(outputs, LABELS, every, training)
    expected = heads.probabilities(outputs, every)[2, 0]
    model = with_read_out(encoder, heads.head(2, 0), NAMES, blocks=2)
    save_classifier(tmp_path / "block-2", model, encoder.tokenizer, "# card", tokens=40)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / "block-2").eval()
    found = class_probabilities(loaded, encoder.tokenizer, tokenised(encoder, TEXTS))
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert loaded.config.num_hidden_layers == 2
    assert [loaded.config.id2label[i] for i in range(3)] == NAMES
    assert Encoder.load(tmp_path / "block-2").blocks == 2
    classify = pipeline("text-classification", model=str(tmp_path / "block-2"))
    assert classify(TEXTS[0], truncation=True)[0]["label"] == NAMES[int(expected[0].argmax())]


@pytest.mark.parametrize("family", ["BERT", "RoBERTa", "DistilBERT", "ELECTRA", "ModernBERT"])
def test_a_shorter_trunk_gives_the_outputs_of_the_whole_one(family):
    encoder = small_encoder(family)
    ids = torch.tensor(tokenised(encoder, ["a b c . d e f ."]))
    whole = encoder.model(input_ids=ids, output_hidden_states=True).hidden_states[2]
    cut = new_classifier(encoder, NAMES, blocks=2).eval().base_model
    found = cut(input_ids=ids, output_hidden_states=True).hidden_states[2]
    if family == "ModernBERT":  # its last block's output has gone through the final norm
        whole = encoder.model.final_norm(whole)
        found = cut(input_ids=ids).last_hidden_state
    torch.testing.assert_close(found, whole, atol=1e-5, rtol=1e-5)


def test_the_head_is_given_by_the_seed_and_the_trunk_by_the_encoder():
    encoder = small_encoder()
    one, again, other = (new_classifier(encoder, NAMES, blocks=1, seed=s) for s in (0, 0, 1))
    torch.testing.assert_close(one.classifier.weight, again.classifier.weight, atol=0, rtol=0)
    assert not torch.equal(one.classifier.weight, other.classifier.weight)
    assert not torch.equal(one.bert.pooler.dense.weight, other.bert.pooler.dense.weight)
    own = encoder.model.encoder.layer[0].attention.self.query.weight
    assert torch.equal(other.bert.encoder.layer[0].attention.self.query.weight, own)


def test_what_cannot_be_cut_or_saved_is_one_line():
    encoder = small_encoder()
    for blocks in (0, 5):
        with pytest.raises(UserError, match=f"after block {blocks}: it has blocks 1 to 4"):
            new_classifier(encoder, NAMES, blocks=blocks)
    rows = np.random.default_rng(0).normal(size=(1, 6, 32)).astype(np.float32)
    training = ClassTraining(head="linear", least_steps=2)
    linear = train_class_heads(rows, np.arange(6) % 3, np.arange(6)[None], training).head(0, 0)
    with pytest.raises(UserError, match="a linear read-out has no place"):
        with_read_out(encoder, linear, NAMES, blocks=1)
    with pytest.raises(UserError, match="modernbert has another form than a read-out"):
        with_read_out(small_encoder("ModernBERT"), linear, NAMES, blocks=1)
