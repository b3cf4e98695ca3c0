"""What a sample of the labels changes in read-outs of a wide vocabulary (docs/learned.md).

    python -m benchmarks.label_sample_choices wiki_intro_2014.jsonl.xz --encoder path/to/MiniLM-L6
    python -m benchmarks.label_sample_choices --made-up

A new head on each of three blocks, trained on one half of the texts with all scores of a step and
with one in 8, 16 and 64 of the labels that the training texts do not show; prints accuracy, <APT>
and seconds at modified tokens of the other half. `--made-up`: rows of 20,384 labels in so few
random directions that labels without a training row score high, where a sample does worst.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from torch import nn

from blocklens.encoder.trunk import Encoder
from blocklens.inputs.texts import TextSource
from blocklens.readouts import label_samples
from blocklens.readouts.modified_tokens import (
    GatheredRows,
    gather,
    modified_batches,
    recipe_for,
)
from blocklens.readouts.vocabulary_heads import Head, fresh_head
from blocklens.readouts.vocabulary_training import HeadTraining, predict_blocks, train_read_outs

WAYS = {"all": 1, "one in 8": 8, "one in 16": 16, "one in 64": 64}
"""One in so many of the labels that no training row has."""
MADE_UP = 20_384
"""Labels of the made-up rows, more than `label_samples.ALL_UP_TO`."""


def main() -> None:
    """Print a line a way, block and number of training rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("texts", nargs="?")
    parser.add_argument("--encoder")
    parser.add_argument("--train", type=int, nargs="+", default=[5_000, 20_000])
    parser.add_argument("--measure", type=int, default=10_000)
    parser.add_argument("--limit", type=int, default=1_200, help="texts")
    parser.add_argument("--made-up", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.made_up:
        made_up()
    elif given.texts and given.encoder:
        of_texts(given)
    else:
        parser.error("give texts and --encoder, or --made-up")


def of_texts(given: argparse.Namespace) -> None:
    """Read-outs of an encoder's blocks: the first, the middle and the last."""
    encoder = Encoder.load(given.encoder)
    texts = [text.text for text in islice(TextSource(given.texts), given.limit)]
    half = len(texts) // 2
    test = rows_of(encoder, texts[half:], given.measure)
    print("scores of a step, trained on, block: accuracy, <APT>, seconds")
    for count in given.train:
        train = rows_of(encoder, texts[:half], count)
        first = fresh_head(encoder, seed=0, counts=train.token_counts)
        for block in (0, encoder.blocks // 2, encoder.blocks):
            for way in ways():
                began = time.perf_counter()
                head = first.copy(tied=True)
                (head,) = train_read_outs(of_block(train, block), [head], HeadTraining())
                took = time.perf_counter() - began
                right = predictions(head, of_block(test, block)) == test.labels
                by_label = [right[test.labels == one].mean() for one in np.unique(test.labels)]
                print(
                    f"{way}, {count:,}, {block}: {right.mean():.3f}, {np.mean(by_label):.3f}, "
                    f"{took:.0f}",
                    flush=True,
                )


def made_up() -> None:
    """Labels in few directions and in more, after the usual epochs and four times as many."""
    print("scores of a step, directions, epochs: accuracy")
    for width in (16, 64):
        train, test = (made_up_rows(width, seed) for seed in (0, 1))
        decoder = torch.from_numpy(directions(width)).float()
        for epochs in (4, 16):
            for way in islice(ways(), 2):
                linear = nn.Linear(width, width)
                nn.init.eye_(linear.weight)
                nn.init.zeros_(linear.bias)
                head = Head(linear, decoder, torch.zeros(MADE_UP), tied=True)
                training = HeadTraining(epochs=epochs, batch=256, rate=1e-2)
                (head,) = train_read_outs(train, [head], training)
                accuracy = (predictions(head, test) == test.labels).mean()
                print(f"{way}, {width}, {epochs}: {accuracy:.3f}", flush=True)


def ways() -> Iterator[str]:
    """Each way's name, while it is in force."""
    for way, one_in in WAYS.items():
        label_samples.ALL_UP_TO = 10**9 if one_in == 1 else 0
        label_samples.ONE_IN = one_in
        yield way


def rows_of(encoder: Encoder, texts: list[str], count: int) -> GatheredRows:
    """Every block's outputs at so many modified tokens of texts."""
    batches = modified_batches(encoder, texts, recipe_for(encoder), tokens=128, passes=3)
    return gather(encoder, batches, limit=count)


def of_block(rows: GatheredRows, block: int) -> GatheredRows:
    """The rows of one block."""
    return GatheredRows(rows.outputs[block : block + 1], rows.labels, rows.token_counts)


def predictions(head: Head, rows: GatheredRows) -> np.ndarray:
    """The label with the highest score of all, [rows]."""
    (outputs,) = rows.outputs
    return predict_blocks([head], [torch.from_numpy(outputs.astype(np.float32))])[0]


def directions(width: int) -> np.ndarray:
    """A random direction a label, [labels, width]."""
    return np.random.default_rng(9).normal(size=(MADE_UP, width))


def made_up_rows(width: int, seed: int, count: int = 3_000) -> GatheredRows:
    """Noisy directions of labels whose frequencies follow Zipf's law."""
    rng = np.random.default_rng(seed)
    labels = np.minimum(rng.zipf(1.3, count), MADE_UP - 1)
    outputs = directions(width)[labels] + 0.6 * rng.normal(size=(count, width))
    return GatheredRows(outputs[None].astype(np.float16), labels, np.bincount(labels))


if __name__ == "__main__":
    main()
