import numpy as np
import torch
from torch import nn

from blocklens.readouts import label_samples
from blocklens.readouts.label_samples import ALL_UP_TO, ONE_IN, LabelSamples
from blocklens.readouts.modified_tokens import GatheredRows
from blocklens.readouts.vocabulary_heads import Head
from blocklens.readouts.vocabulary_training import HeadTraining, predict_blocks, train_read_outs

WIDE = ALL_UP_TO + 4_000


def test_a_sampled_partition_sum_is_that_over_all_labels_on_average():
    rng = np.random.default_rng(0)
    rows = np.array([5, 3, 5, WIDE - 1])
    weight = torch.from_numpy(rng.normal(size=(WIDE, 4)) / 2).float()
    bias = torch.from_numpy(rng.normal(size=WIDE)).float()
    x = torch.from_numpy(rng.normal(size=(3, 4))).float()
    samples = LabelSamples(rows, WIDE, seed=1)
    sums = []
    for epoch in range(200):
        sample = samples.draw(epoch, 0)
        of_weight, of_bias, _ = sample.of(weight, bias, torch.from_numpy(rows))
        sums.append((x @ of_weight.T + of_bias).exp().sum(dim=1))
    sums = torch.stack(sums)
    error = sums.std(dim=0) / len(sums) ** 0.5
    whole = (x @ weight.T + bias).exp().sum(dim=1)
    assert ((sums.mean(dim=0) - whole).abs() < 4 * error).all()
    assert (error < 0.02 * whole).all()


def test_every_label_of_the_rows_is_in_each_sample_and_found_there():
    rows = np.array([7, 2, 7, WIDE - 1, 2])
    samples = LabelSamples(rows, WIDE, seed=0)
    for start in (0, 512):
        sample = samples.draw(0, start)
        weight = torch.arange(WIDE).float()[:, None]
        of_weight, of_bias, places = sample.of(weight, torch.zeros(WIDE), torch.from_numpy(rows))
        assert of_weight[places, 0].tolist() == rows.tolist()
        assert of_bias[places].eq(0).all()
        chosen = sample.chosen.numpy()
        assert len(np.unique(chosen)) == len(chosen)
        assert abs(len(chosen) / (WIDE / ONE_IN) - 1) < 0.15
    assert not np.array_equal(samples.draw(0, 0).chosen, samples.draw(1, 0).chosen)
    assert np.array_equal(samples.draw(1, 0).chosen, LabelSamples(rows, WIDE, 0).draw(1, 0).chosen)


def test_few_labels_are_all_computed():
    assert LabelSamples(np.array([1, 2]), ALL_UP_TO, seed=0).draw(0, 0) is None


def wide_rows(seed, n=3_000, width=64):
    """Each label is a direction that the rows have with noise; labels differ in frequency."""
    directions = np.random.default_rng(9).normal(size=(WIDE, width)) * 3 / width**0.5
    rng = np.random.default_rng(seed)
    labels = np.minimum(rng.zipf(1.3, n), WIDE - 1)
    outputs = directions[labels] + rng.normal(size=(n, width)) * 0.4
    rows = GatheredRows(outputs[None].astype(np.float16), labels, np.bincount(labels))
    return rows, torch.from_numpy(directions).float()


def right(all_up_to, monkeypatch, decoder):
    monkeypatch.setattr(label_samples, "ALL_UP_TO", all_up_to)
    train, directions = wide_rows(0)
    test, _ = wide_rows(1)
    torch.manual_seed(0)
    head = Head(nn.Linear(64, 64), directions, torch.zeros(WIDE), tied=decoder == "tied")
    training = HeadTraining(epochs=4, batch=256, rate=1e-2)
    (head,) = train_read_outs(train, [head], training)
    rows = [torch.from_numpy(output.astype(np.float32)) for output in test.outputs]
    return (predict_blocks([head], rows) == test.labels).mean()


def test_a_read_out_trained_on_samples_is_as_right_as_one_trained_on_all(monkeypatch):
    for decoder in ("tied", "trained"):
        whole = right(WIDE, monkeypatch, decoder)
        sampled = right(ALL_UP_TO, monkeypatch, decoder)
        assert whole > 0.3
        assert abs(sampled - whole) < 0.02, decoder
