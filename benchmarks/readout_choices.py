"""How long class read-outs train, and at which rate, tried on training texts alone.

    python -m benchmarks.readout_choices dbpedia14_24k.jsonl.xz --preset dbpedia

Of one seed's training texts 50 of every class are held out and a few of the others are trained on,
drawn three times; no text of the test is looked at. Prints the accuracy on those held out, mean
over blocks 1..L and at the last, of the encoder and of an untrained twin, and the seconds it took.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from itertools import product

import numpy as np

from blocklens.embedded.bert6 import EMBEDDED
from blocklens.encoder.trunk import Encoder
from blocklens.readouts.block_outputs import tokenised
from blocklens.readouts.class_heads import train_class_heads
from blocklens.readouts.text_task import family_training, text_outputs
from blocklens.studies.study_options import ClassOptions
from blocklens.studies.text_classes_part import Given

TRAINED = (3, 10, 40)
"""Texts of a class that are trained on."""
HELD_OUT, DRAWS = 50, 3
SETTINGS = ((1e-3, 100), (1e-3, 200), (1e-3, 300), (1e-3, 1000), (3e-3, 100), (3e-3, 300))
"""Rate and steps."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Accuracy of read-outs by rate and steps.")
    parser.add_argument("data")
    parser.add_argument("--preset")
    parser.add_argument("--encoder", default=EMBEDDED)
    given = parser.parse_args()
    texts = Given.of(ClassOptions(data=given.data, preset=given.preset, seeds=1)).texts
    rows = texts.train[0]
    labels, classes = texts.labels[rows], range(len(texts.names))
    encoder = Encoder.load(given.encoder)
    print("encoder, texts, rate, steps, epochs: mean of blocks 1..L, last block, seconds")
    for name, trunk in (("encoder", encoder), ("untrained", encoder.untrained(0))):
        ids = tokenised(trunk, [texts.texts[row] for row in rows], tokens=128)
        outputs = text_outputs(trunk, ids, "first")
        for count, (rate, steps) in product(TRAINED, SETTINGS):
            orders = [
                [
                    np.random.default_rng([draw, one]).permutation(np.flatnonzero(labels == one))
                    for one in classes
                ]
                for draw in range(DRAWS)
            ]
            train = np.stack([np.concatenate([one[:count] for one in draw]) for draw in orders])
            held = np.stack([np.concatenate([one[-HELD_OUT:] for one in draw]) for draw in orders])
            usual = family_training(trunk)
            epochs = -(-steps // -(-train.shape[1] // usual.batch))
            training = replace(usual, rate=rate, epochs=epochs, least_steps=0)
            began = time.perf_counter()
            heads = train_class_heads(outputs, labels, train, training, classes=len(classes))
            took = time.perf_counter() - began
            right = heads.probabilities(outputs, held).argmax(axis=-1) == labels[held]
            accuracy = right.mean(axis=(1, 2))
            print(
                f"{name}, {train.shape[1]}, {rate:g}, {steps}, {epochs}: "
                f"{accuracy[1:].mean():.4f}, {accuracy[-1]:.4f}, {took:.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
