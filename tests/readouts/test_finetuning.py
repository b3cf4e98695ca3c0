"""Fine-tuning trains what it is given, in batches that a seed decides."""

import numpy as np
import pytest
import torch

from blocklens.readouts.block_outputs import tokenised
from blocklens.readouts.finetuning import (
    class_probabilities,
    epoch_batches,
    fine_tune,
)
from blocklens.readouts.text_classifiers import new_classifier
from blocklens.readouts.tuning_options import FineTuning
from helpers import WORDS, small_encoder

QUICK = FineTuning(epochs=8, batch=8, rate=3e-3)


def letters(count, seed=0):
    """Texts of two classes: the first letters of the alphabet, or the last ones."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    halves = (WORDS[:13], WORDS[13:])
    texts = [" ".join(rng.choice(halves[label], rng.integers(3, 9))) for label in labels]
    return texts, labels


def test_a_classifier_learns_and_the_same_seed_gives_the_same_weights():
    encoder = small_encoder()
    texts, labels = letters(96)
    ids = tokenised(encoder, texts)
    train = np.arange(64)
    before = encoder.model.state_dict()["embeddings.word_embeddings.weight"].clone()

    def trained(seed):
        model = new_classifier(encoder, ["a", "z"], blocks=2, seed=seed)
        return fine_tune(model, encoder.tokenizer, ids, labels, train, QUICK, seed=seed)

    model = trained(0)
    found = class_probabilities(model, encoder.tokenizer, ids)
    assert (found.argmax(axis=1) == labels)[64:].mean() > 0.9
    again = class_probabilities(trained(0), encoder.tokenizer, ids)
    np.testing.assert_array_equal(found, again)
    after = encoder.model.state_dict()["embeddings.word_embeddings.weight"]
    assert torch.equal(before, after)


def test_every_training_text_is_in_one_batch_of_every_epoch():
    ids = [[0] * n for n in np.random.default_rng(0).integers(2, 40, 100)]
    train = np.arange(10, 87)
    one = list(epoch_batches(train, ids, 8, seed=1, epoch=0))
    assert sorted(np.concatenate(one)) == train.tolist()
    assert max(map(len, one)) == 8
    again = list(epoch_batches(train, ids, 8, seed=1, epoch=0))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    other = list(epoch_batches(train, ids, 8, seed=1, epoch=1))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_probabilities_of_a_batch_are_those_of_each_text_alone():
    encoder = small_encoder()
    model = new_classifier(encoder, ["a", "z"], blocks=4).eval()
    ids = tokenised(encoder, letters(7, seed=2)[0])
    together = class_probabilities(model, encoder.tokenizer, ids)
    for row, one in enumerate(ids):
        alone = model(input_ids=torch.tensor([one])).logits.double().softmax(-1)
        assert together[row] == pytest.approx(alone[0].detach().numpy(), abs=1e-6)
