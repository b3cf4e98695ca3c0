"""The tables under the names that claims and report still read: goes when they read `task`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from blocklens.labels.tables import MEAN
from blocklens.labels.tasks import FINE_TUNED, IMAGE, TASKS, TEXT, TOKENS

PREFIXES = {TOKENS.name: "", TEXT.name: "text_", FINE_TUNED.name: "truncate_", IMAGE.name: "image_"}
OWN = {"confidence", "confidence_curve", "replacement", "baseline", "confused_images"}


def by_old_names(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables by task, with prefixes, old statistics and old columns."""
    out: dict[str, pd.DataFrame] = {}
    for name, table in tables.items():
        if "task" not in table:
            out[name] = table
            continue
        for task in TASKS:
            rows: Any = table[table["task"].eq(task.name)]
            if rows.empty and not (table.empty and task is TOKENS):
                continue
            rows = rows.drop(columns="task").reset_index(drop=True)
            tokens = task is TOKENS
            noun = ("token", "tokens") if tokens else ("class", "classes")
            if "statistic" in rows and name not in OWN - {"baseline"}:
                new = {
                    "kept labels": f"kept {noun[1]}",
                    "labels in clusters": f"{noun[1]} in clusters",
                    "kept labels slope": f"kept {noun[1]} slope",
                }
                if tokens:
                    names = {"accuracy": "masked-LM accuracy"}
                    new |= {s: s.replace(MEAN, "mean APT") for s in rows["statistic"]}
                    new |= {
                        s: names["accuracy"] + s[8:]
                        for s in rows["statistic"]
                        if s in ("accuracy", "accuracy slope")
                    }
                    new |= {
                        "kept labels": "kept tokens",
                        "labels in clusters": "tokens in clusters",
                        "kept labels slope": "kept tokens slope",
                    }
                else:
                    keep = ~rows["statistic"].isin(
                        [f"{a} {c}" for a in ("accuracy", MEAN) for c in ("slope", "rise")]
                    )
                    rows = rows[keep].reset_index(drop=True)
                    new |= {
                        s: s.replace(" from block 1", "").replace(MEAN, "mean accuracy per class")
                        for s in rows["statistic"]
                        if "from block 1" in s or MEAN in s
                    }
                rows["statistic"] = rows["statistic"].replace(new)
            if name in ("confidence", "confidence_curve", "replacement"):
                rows.insert(1, "read_out", "truncate" if task is FINE_TUNED else "read-out")
                old = f"text_{name}"
                out[old] = pd.concat([out[old], rows]) if old in out else rows
                continue
            if tokens:
                rows = rows.rename(
                    columns={
                        "label": "token",
                        "label_id": "token_id",
                        "true_label": "true_token",
                        "predicted_label": "predicted_token",
                    }
                )
                if name == "accuracy":
                    rows = rows.rename(columns={"value": "apt"})
            rows = rows.rename(columns={"labels": noun[1], "label_ids": f"{noun[0]}_ids"})
            old = {
                "baseline": "pixels" if task is IMAGE else "baseline",
                "confused_images": "examples",
            }.get(name, name)
            if tokens and name == "accuracy":
                old = "apt"
            out[PREFIXES[task.name] + old] = rows
    return out
