"""What a head is called, beside heads that nobody trained."""

import pandas as pd

from blocklens.heads.specialisation import labels


def scored(effects, low=None):
    """Rows of the specialisation measure of one block: {head: {score: ratio}}."""
    rows = [
        {"block": 1, "head": head, "statistic": score, "effect": ratio,
         "low": ratio - 0.1, "high": ratio + 0.1}
        for head, scores in effects.items()
        for score, ratio in scores.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_head_has_a_label_only_where_it_beats_every_untrained_head():
    encoder = scored({0: {"repetition": 6.0, "anchor": 2.5}, 1: {"repetition": 3.0, "anchor": 2.6}})
    twins = scored({0: {"repetition": 4.0, "anchor": 1.5}, 1: {"repetition": 3.5, "anchor": 2.0}})
    assert labels(encoder)["label"].tolist() == ["repetition", "repetition"]
    beside = labels(encoder, twins)
    assert beside["label"].tolist() == ["repetition", "anchor"]
    assert beside["ratio"].tolist() == [6.0, 2.6]
    strong = scored({0: {"repetition": 9.0, "anchor": 9.0}})
    assert labels(encoder, strong)["label"].tolist() == ["none", "none"]
