from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from blocklens.pretraining.descent import linear_decay
from blocklens.pretraining.masking import shuffled
from blocklens.readouts.class_heads import ClassTraining, train_class_heads

CLASSES = 4


def classes_at_the_last_block(n=800, width=8, blocks=3, seed=0):
    """Block 0 is the same for all inputs, block 1 knows half of the class, block 2 all of it.

    The blocks differ in scale a thousandfold.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, n)
    outputs = rng.normal(size=(blocks, n, width)) * 0.2
    outputs[1, np.arange(n), labels // 2] += 1
    outputs[2, np.arange(n), labels] += 1
    outputs[2] = 1000 * outputs[2] + 5000
    outputs[0] = 3.7
    return outputs.astype(np.float32), labels


def split(n, seeds, train):
    orders = np.stack([np.random.default_rng(seed).permutation(n) for seed in range(seeds)])
    return orders[:, :train], orders[:, train:]


@pytest.mark.parametrize("head", ["pooler", "linear"])
def test_read_outs_find_what_each_block_knows(head):
    outputs, labels = classes_at_the_last_block()
    train, test = split(800, seeds=3, train=400)
    losses = []
    heads = train_class_heads(
        outputs, labels, train, ClassTraining(head=head),
        after_epoch=lambda _, loss: losses.append(loss),
    )  # fmt: skip
    found = heads.probabilities(outputs, test)
    assert found.shape == (3, 3, 400, CLASSES)
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)
    right = (found.argmax(axis=-1) == labels[test]).mean(axis=-1)
    assert (right[0] < 0.36).all()
    assert ((right[1] > 0.4) & (right[1] < 0.62)).all()
    assert (right[2] > 0.98).all()
    assert np.ptp(found[0].reshape(-1, CLASSES), axis=0).max() < 0.2  # one answer for all inputs


def test_the_loss_has_settled_when_training_ends():
    outputs, labels = classes_at_the_last_block()
    train, _ = split(800, seeds=2, train=400)
    losses = []
    train_class_heads(outputs, labels, train, after_epoch=lambda _, loss: losses.append(loss))
    first, before, last = losses[0], losses[-6], losses[-1]
    assert (before - last < 0.02 * (first - last) + 1e-3).all()


@pytest.mark.parametrize("head", ["pooler", "linear"])
def test_heads_trained_together_equal_those_trained_alone(head):
    outputs, labels = classes_at_the_last_block()
    train, test = split(800, seeds=3, train=300)
    training = ClassTraining(head=head, epochs=5, least_steps=0)
    together = train_class_heads(outputs, labels, train, training)
    alone = train_class_heads(outputs[2:], labels, train[:1], training)
    np.testing.assert_allclose(
        together.probabilities(outputs, test)[2, 0],
        alone.probabilities(outputs[2:], test[:1])[0, 0],
        atol=1e-5,
    )


def test_one_head_equals_torchs_own_layers_and_adamw():
    outputs, labels = classes_at_the_last_block(n=200)
    outputs = outputs[1:2]
    train, _ = split(200, seeds=1, train=96)
    training = ClassTraining(epochs=3, batch=32, least_steps=0)
    heads = train_class_heads(outputs, labels, train, training)
    start = train_class_heads(outputs, labels, train, ClassTraining(epochs=0, least_steps=0))

    rows = outputs[0].astype(np.float64)
    standard = (rows - rows[train[0]].mean(axis=0)) / rows[train[0]].std(axis=0)
    dense, classifier = nn.Linear(8, 8).double(), nn.Linear(8, CLASSES).double()
    with torch.no_grad():
        dense.weight.copy_(start.weights["dense"][0, 0].T)
        classifier.weight.copy_(start.weights["classifier"][0, 0].T)
        dense.bias.zero_()
        classifier.bias.zero_()
    optimiser = torch.optim.AdamW(
        [
            {"params": [dense.weight, classifier.weight], "weight_decay": 0.01},
            {"params": [dense.bias, classifier.bias], "weight_decay": 0.0},
        ],
        lr=1e-3,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, linear_decay(9, 0.05))
    for epoch in range(3):
        order = train[0][shuffled(96, seed=0, epoch=epoch)]
        for chosen in np.split(order, 3):
            scores = classifier(torch.tanh(dense(torch.from_numpy(standard[chosen]))))
            loss = nn.functional.cross_entropy(scores, torch.from_numpy(labels[chosen]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    with torch.inference_mode():
        wanted = classifier(torch.tanh(dense(torch.from_numpy(standard[train[0]]))))
        found = heads.scores(torch.from_numpy(outputs[:, train]))[0, 0].double()
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("head", ["pooler", "linear"])
def test_a_head_by_itself_takes_the_blocks_output_as_it_is(head):
    outputs, labels = classes_at_the_last_block()
    train, test = split(800, seeds=2, train=300)
    heads = train_class_heads(
        outputs, labels, train, ClassTraining(head=head, epochs=5, least_steps=0)
    )
    one = heads.head(2, 1)
    x = torch.from_numpy(outputs[2, test[1]])
    if one.dense is not None:
        x = torch.tanh(x @ one.dense.T + one.dense_bias)
    scores = x @ one.classifier.T + one.bias
    np.testing.assert_allclose(
        torch.softmax(scores, -1).numpy(), heads.probabilities(outputs, test)[2, 1], atol=1e-4
    )


def test_a_small_set_is_gone_through_more_often_up_to_a_limit():
    training = ClassTraining(epochs=20, least_steps=1000, most_epochs=300, batch=64)
    assert training.epochs_for(64_000) == 20  # 1,000 steps an epoch
    assert training.epochs_for(1400) == 46  # 22 steps an epoch
    assert training.epochs_for(32) == 300  # one step an epoch: a thousand epochs would make 1,000
    assert replace(training, epochs=400).epochs_for(32) == 400  # asked for


def test_training_goes_through_the_set_as_often_as_said():
    outputs, labels = classes_at_the_last_block(n=60)
    train, _ = split(60, seeds=1, train=32)
    training = ClassTraining(epochs=2, least_steps=1000, most_epochs=7)
    epochs = []
    train_class_heads(
        outputs, labels, train, training, after_epoch=lambda one, _: epochs.append(one)
    )
    assert epochs == list(range(7))
