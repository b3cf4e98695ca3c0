import numpy as np
import torch
from torch import nn

from blocklens.readouts.modified_tokens import GatheredRows
from blocklens.readouts.vocabulary_heads import Head
from blocklens.readouts.vocabulary_training import HeadTraining, predict_blocks, train_read_outs


def classes_at_the_last_block(n=600, width=8, classes=4, blocks=3, seed=0):
    """Block 0 knows nothing of the label, block 1 half of it, block 2 all of it."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    outputs = rng.normal(size=(blocks, n, width)).astype(np.float16) * 0.1
    outputs[1, np.arange(n), labels // 2] += 1
    outputs[2, np.arange(n), labels] += 1
    return GatheredRows(outputs, labels, np.bincount(labels))


def class_head(width=8, classes=4):
    torch.manual_seed(0)
    return Head(
        nn.Sequential(nn.Linear(width, width), nn.Tanh()),
        torch.randn(classes, width),
        torch.zeros(classes),
        tied=False,
    )


TRAINING = HeadTraining(epochs=20, batch=64, rate=1e-2)


def test_read_outs_of_classes_find_what_each_block_knows():
    train, test = classes_at_the_last_block(seed=0), classes_at_the_last_block(seed=1)
    heads = train_read_outs(train, [class_head() for _ in range(3)], TRAINING)
    rows = [torch.from_numpy(output.astype(np.float32)) for output in test.outputs]
    right = (predict_blocks(heads, rows) == test.labels).mean(axis=1)
    assert right[0] < 0.35
    assert 0.4 < right[1] < 0.62
    assert right[2] > 0.99


def test_read_outs_trained_together_equal_those_trained_alone():
    rows = classes_at_the_last_block()
    together = train_read_outs(rows, [class_head() for _ in range(3)], TRAINING)
    alone = GatheredRows(rows.outputs[2:], rows.labels, rows.token_counts)
    (single,) = train_read_outs(alone, [class_head()], TRAINING)
    for a, b in zip(together[2].parameters(), single.parameters(), strict=True):
        assert torch.equal(a, b)


def test_training_is_the_same_every_time_and_reports_falling_losses():
    rows, losses = classes_at_the_last_block(), []
    first = train_read_outs(
        rows,
        [class_head() for _ in range(3)],
        TRAINING,
        after_epoch=losses.append,
    )
    second = train_read_outs(rows, [class_head() for _ in range(3)], TRAINING)
    for a, b in zip(first, second, strict=True):
        for p, q in zip(a.parameters(), b.parameters(), strict=True):
            assert torch.equal(p, q)
    assert len(losses) == TRAINING.epochs
    assert losses[-1][2] < 0.1 < losses[0][2]
