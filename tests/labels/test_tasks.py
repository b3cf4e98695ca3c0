"""A new kind of label is a `Task` and its inputs: tables, claims and report follow from it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from made_up import two_blocks

from blocklens.claims import REGISTRY, evaluate
from blocklens.claims.p2 import register
from blocklens.labels.tables import label_tables
from blocklens.labels.tasks import IMAGE
from blocklens.report import StudyFolder
from blocklens.report.labels_section import labels_section

SOUND = replace(
    IMAGE, name="sound", shown="sound classes", inputs="sounds", section="sounds",
    title="Sound classes", rises="p2-sound-accuracy", clusters="p2-sound-clusters",
)  # fmt: skip


def test_a_new_task_has_tables_claims_and_a_section_without_code_of_its_own():
    counts, true, _ = two_blocks()
    some, anything = true[:800], np.random.default_rng(1).integers(0, 40, (2, 800))
    counts.update(some, anything, np.arange(800) % 10)  # errors outside clusters too
    names = [f"sound {number}" for number in range(40)]
    runs = [label_tables(counts, names, SOUND, run=run) for run in ("encoder", "untrained 0")]
    tables = {name: pd.concat([run[name] for run in runs if name in run]) for name in runs[0]}
    assert all(table["task"].eq("sound").all() for table in tables.values())
    before = set(REGISTRY)
    register(SOUND)
    try:
        claims = evaluate(tables).set_index("id")
    finally:
        for name in set(REGISTRY) - before:
            del REGISTRY[name]
    assert {"p2-sound-clusters", "p2-sound-clusters-sharper"} <= set(claims.index)
    assert claims.loc["p2-sound-clusters", "verdict"] == "holds"
    assert np.isfinite(claims.loc["p2-sound-clusters", "effect"])
    section = labels_section(StudyFolder(Path(), {}, tables), (SOUND,))
    assert section is not None
    assert (section.id, section.title) == ("sounds", "Sound classes")
    assert {"sound-accuracy", "sound-confusion", "sound-clustered"} <= {
        figure.name for figure in section.figures
    }
