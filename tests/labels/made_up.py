"""Made-up confusions whose clusters are known."""

import numpy as np

from blocklens.labels.confusion import ConfusionCounts


def two_blocks(labels=40, per_label=400, groups=10, seed=0):
    """Block 0 confuses everything, block 1 each label with one partner alone.

    Returns the counts, the true labels [n] and the predicted ones [blocks, n].
    """
    rng = np.random.default_rng(seed)
    true = np.repeat(np.arange(labels), per_label)
    rng.shuffle(true)
    right = rng.random(true.size) < 0.7
    anything = rng.integers(0, labels, true.size)
    predicted = np.stack([np.where(right, true, anything), np.where(right, true, true ^ 1)])
    counts = ConfusionCounts(labels, 2, groups)
    for part in np.array_split(np.arange(true.size), 7):
        counts.update(true[part], predicted[:, part], part % groups)
    return counts, true, predicted
