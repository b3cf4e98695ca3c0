"""Made-up tables of labels, of which the claims' verdicts are known."""

import pandas as pd

from blocklens.labels.sharpness import EXCESS

RISE = "mean accuracy per label slope"


def learning(run, last, spread=0.001, **whole):
    """Statistics of a run with blocks 0..2; `last` and `whole` map statistics to values."""
    rows = [
        {"run": run, "block": block, "statistic": name, "value": value * block / 2}
        for name, value in last.items()
        for block in range(3)
    ]
    rows += [
        {"run": run, "block": pd.NA, "statistic": name, "value": v} for name, v in whole.items()
    ]
    table = pd.DataFrame(rows)
    table["block"] = table["block"].astype("Int64")
    low, high = table["value"] - spread, table["value"] + spread
    return table.assign(low=low, high=high, groups=20.0)


LAST = {
    "frequency slope": 0.6,
    "labels in clusters": 80.0,
    "largest connected share": 0.1,
    EXCESS: 0.3,
}
WHOLE = {
    RISE: 0.05,
    f"{EXCESS} slope": 0.1,
}


def label_tables(
    last=LAST,
    whole=WHOLE,
    spread=0.001,
    null_clustered=5,
    null_largest=90,
    twins=5,
    task="tokens",
    rise=RISE,
):
    """Tables of one task; `rise` is what the slope of its accuracy is called."""
    frames = [learning("encoder", last, spread, **whole)]
    for twin in range(twins):
        frames.append(
            learning(
                f"untrained {twin}",
                {"frequency slope": 0.3 + twin / 100},
                0.0005,
                **{RISE: 0.0 + twin / 1000},
            )
        )
    sweep = pd.DataFrame(
        [
            {"run": "encoder", "block": block, "method": method, "theta": theta, "kept": 100}
            | {
                f"partners_largest{end}": null_largest + shift
                for end, shift in (("", 0), ("_low", -1), ("_high", 1))
            }
            | {
                f"{null}_clustered{end}": null_clustered + shift
                for null in ("predictions", "partners")
                for end, shift in (("", 0), ("_low", -1), ("_high", 1))
            }
            for block in range(3)
            for method in ("cliques", "directed")
            for theta in (0.1, 0.3)
        ]
    )
    table = pd.concat(frames, ignore_index=True)
    table["statistic"] = table["statistic"].replace({RISE: rise})
    return {"learning": table.assign(task=task), "cluster_sweep": sweep.assign(task=task)}
