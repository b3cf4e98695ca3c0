"""Labels along the blocks: one section, whether they are tokens, text classes or image classes.

Which sections there are, and which words they use, follows from the tasks (`labels.tasks`). A
section shows what its tables hold: a browser of confusions where labels are too many for a matrix,
confused images, confidence of text classifiers.
"""

import base64
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import Any

import pandas as pd

from blocklens.labels.depth import MARGIN, advice_line
from blocklens.labels.selectivity import CONTROL, SELECTIVITY
from blocklens.labels.tables import MEAN, STABLE
from blocklens.labels.tasks import TASKS, TOKENS, Task, shown_statistic
from blocklens.report.charts.confidence_curve import SUBSETS, of_best_variant
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.label_browser import (
    browser_data,
    cluster_names,
    last_of_encoder,
    threshold,
)
from blocklens.report.label_figures import label_figures
from blocklens.report.rendering import render, static
from blocklens.report.section import Section, SectionBuilder
from blocklens.wording import counted

MOST_CLUSTERS = 6
"""Clusters of a block that are named in its row, and of the last one above all."""
MOST_HARDEST = 8
FEWEST_OCCURRENCES = 10
"""A label with fewer is not called hard."""
BASELINES = {
    "TF-IDF": "TF-IDF with logistic regression on the same texts",
    "pixels": "the same linear read-out of the pixels alone",
}
FACTS = (
    MEAN, f"{MEAN}, {STABLE}", "accuracy", CONTROL, SELECTIVITY, f"{MEAN}, top 50",
    f"{MEAN}, n >= 10", "kept labels", "clusters", "largest cluster", "noise share",
)  # fmt: skip


def labels_section(folder: StudyFolder, tasks: Sequence[Task]) -> Section | None:
    """The section of some tasks, from the tables `learning`, `accuracy`, `confusion` ..."""
    shown = [task for task in tasks if folder.of_task("learning", task) is not None]
    if not shown:
        return None
    task = shown[-1]
    browser = browser_data(folder, task, last_block(folder, task)) if task is TOKENS else {}
    return Section(
        id=task.section,
        title=task.title,
        intro=intro(folder, task),
        html=render(
            "labels.html.j2",
            task=task,
            parts=[part(folder, one, titled=len(tasks) > 1) for one in shown],
            last=last_block(folder, task),
            clusters=cluster_names(folder, task, last_block(folder, task))[:MOST_CLUSTERS],
            theta=threshold(folder, task),
            training=training_words(folder),
            baselines=[row for one in tasks for row in baselines(folder, one)],
            hardest=hardest(folder, task),
            change=change(folder, tasks),
            examples=examples(folder, task),
            data=browser,
        ),
        figures=tuple(figure for one in shown for figure in label_figures(folder, one)),
        data=browser,
        script=static("learned.js") if browser else "",
    )


def intro(folder: StudyFolder, task: Task) -> str:
    """What was measured on how much, in a few sentences."""
    if task is TOKENS:
        learning = folder.of_task("learning", task)
        kinds = set() if learning is None else set(learning["read_out"])
        words = {
            "read-out": "Read-out: a head of its own trained on the frozen output of each block.",
            "lens": "Lens: the encoder's own final head applied to every block, without training.",
        }
        return (
            "A modified token is right when the head on a block ranks the original first in the "
            "whole vocabulary. APT is the share of right answers of one token; <APT> is its mean "
            "over tokens, each counted once. "
        ) + " ".join(words[kind] for kind in words if kind in kinds)
    facts = given(folder)
    seeds = f", for {counted(facts['seeds'], 'seed')}" if facts.get("seeds") else ""
    return (
        f"{len(facts.get('classes', [])):,} {task.shown}, learned from {facts.get('train', 0):,} "
        f"{task.inputs} and measured on {facts.get('test', 0):,} {task.inputs} more{seeds}. Labels "
        "are counted, confused and clustered by the code that does so with tokens; so the figures "
        "mean the same."
    )


def given(folder: StudyFolder) -> dict[str, Any]:
    """What the study says of its labelled inputs."""
    texts = folder.study.get("parts", {}).get("classes", {}).get("TF-IDF", {})
    return folder.study.get("images") or texts


def part(folder: StudyFolder, task: Task, *, titled: bool) -> dict[str, Any]:
    """One task: its key figures, its table of blocks, and how far the encoder may be shortened."""
    advice = folder.of_task("advice", task)
    options = folder.study.get("options", {})
    margin = (options.get("classes") or options).get("margin", MARGIN)
    return {
        "title": task.variant if titled else "",
        "facts": key_figures(folder, task),
        "blocks": block_facts(folder, task),
        "advice": "" if advice is None else advice_line(advice, margin),
    }


def learning_of(folder: StudyFolder, task: Task) -> pd.DataFrame:
    """The statistics of a task that was measured."""
    learning = folder.of_task("learning", task)
    assert learning is not None
    return learning


def last_block(folder: StudyFolder, task: Task) -> int:
    """The last block that was measured."""
    return int(learning_of(folder, task)["block"].dropna().to_numpy().max())


def key_figures(folder: StudyFolder, task: Task) -> dict[str, Any]:
    """The encoder's figures at the first block and at the last one, beside others' last block.

    `columns`: what stands over each column; `rows`: a name and one table row (or None) a column.
    """
    learning, last = learning_of(folder, task), last_block(folder, task)
    first = int(learning["block"].dropna().to_numpy().min())
    columns = [("encoder", first, f"block {first}"), ("encoder", last, f"block {last}")]
    for run, words in (("untrained 0", "untrained twin"), ("lens", "own head (lens)")):
        if run in set(learning["run"]):
            columns.append((run, last, f"block {last}, {words}"))
    rows = []
    for name in FACTS:
        of = learning.loc[learning["statistic"] == name]
        cells = []
        for run, block, _ in columns:
            cell = of.loc[(of["run"] == run) & (of["block"] == block)]
            cells.append(next(iter(cell.to_dict("records")), None))
        if any(cells):
            words = shown_statistic(task, name)
            rows.append({"name": words, "cells": cells, "apt": name.startswith(MEAN)})
    return {"columns": [words for *_, words in columns], "rows": rows}


def block_facts(folder: StudyFolder, task: Task) -> list[dict[str, Any]]:
    """Each block's accuracy beside the untrained twins', its noise and its clusters."""
    learning, rows = learning_of(folder, task), []
    for block in sorted(int(b) for b in learning["block"].dropna().unique()):
        here = learning.loc[learning["block"] == block]
        accuracy = here.loc[here["statistic"] == task.accuracy]
        twins = accuracy.loc[accuracy["run"].str.startswith("untrained")]
        own = {
            row["statistic"]: row for row in here.loc[here["run"] == "encoder"].to_dict("records")
        }
        rows.append(
            {
                "block": block,
                "accuracy": own[task.accuracy],
                "selectivity": own.get(SELECTIVITY),
                "untrained": None if twins.empty else float(twins["value"].mean()),
                "kept": own.get("kept labels", {}).get("value"),
                "noise": own.get("noise", {}).get("value"),
                "clusters": cluster_names(folder, task, block)[:MOST_CLUSTERS],
            }
        )
    return rows


def baselines(folder: StudyFolder, task: Task) -> list[dict[str, Any]]:
    """The accuracy, with its interval, of what an encoder has to be better than."""
    table = folder.of_task("baseline", task)
    if table is None:
        return []
    rows = table.loc[table["statistic"] == "accuracy"].to_dict("records")
    return [
        {**row, "words": BASELINES.get(row["run"], row["run"]), "of": task.inputs} for row in rows
    ]


def training_words(folder: StudyFolder) -> str:
    """One sentence on the ViT that was trained, or nothing."""
    training = folder.study.get("parts", {}).get("training", {}).get("ViT")
    if not training:
        return ""
    epochs = len(training["history"])
    return (
        f"The ViT was trained from scratch for {counted(epochs, 'epoch')}; its own "
        f"classifier is right on {100 * training['held_out']:.1f} % of the held-out images. "
        "It is kept in the study's folder, as model."
    )


def hardest(folder: StudyFolder, task: Task) -> list[dict[str, Any]]:
    """The labels with the lowest accuracy at the last block, and what they are taken for."""
    accuracy, confusion = (folder.of_task(name, task) for name in ("accuracy", "confusion"))
    if accuracy is None or confusion is None:
        return []
    rows = last_of_encoder(accuracy)
    rows = rows.loc[(rows["n"] >= FEWEST_OCCURRENCES) & (rows["value"] < 1)]
    rows = rows.sort_values(["value", "n"], ascending=[True, False], kind="stable")
    wrong = last_of_encoder(confusion)
    wrong = wrong.loc[wrong["true"] != wrong["predicted"]]
    listed: list[dict[str, Any]] = []
    for row in rows.head(MOST_HARDEST).to_dict("records"):
        others = wrong.loc[wrong["true"] == row["label_id"]].sort_values("count", kind="stable")
        taken = "" if others.empty else str(others["predicted_label"].iloc[-1])
        listed.append({**{str(key): value for key, value in row.items()}, "taken_for": taken})
    return listed


def change(folder: StudyFolder, tasks: Sequence[Task]) -> dict[str, Any] | None:
    """Change of confidence over input APT, for all and for right answers, and whose it is."""
    table = folder.table("confidence")
    if table is None or not set(table["task"]) & {task.name for task in tasks}:
        return None
    best, rows = of_best_variant(table), []
    for subset, name in SUBSETS.items():
        own = {
            one["statistic"]: one for one in best.loc[best["subset"] == subset].to_dict("records")
        }
        if own:
            change, slope, mean = (
                own[one] for one in ("change over the range", "slope", "mean confidence")
            )
            rows.append({"name": name, "change": change, "slope": slope, "mean": mean})
    whose = (
        "that of the model fine-tuned up to the last block"
        if "fine-tuned" in str(best["task"].iloc[0])
        else "that of the read-outs of the last block"
    )
    return {"rows": rows, "whose": f"The confidence is {whose}."}


def examples(folder: StudyFolder, task: Task) -> list[dict[str, Any]]:
    """Images of each confused pair of classes, as data addresses."""
    table = folder.of_task("confused_images", task)
    if table is None:
        return []
    pairs = []
    for _, rows in table.groupby("pair", sort=True):
        first = rows.iloc[0]
        shown = [
            {
                "name": row["name"],
                "url": "data:image/png;base64," + base64.b64encode(row["png"]).decode(),
                "seeds": float(row["seeds"]),
            }
            for row in rows.to_dict("records")
        ]
        pair = {name: first[name] for name in ("true", "predicted")}
        pairs.append({**pair, "images": int(first["images"]), "shown": shown})
    return pairs


labels_sections: tuple[SectionBuilder, ...] = tuple(
    partial(labels_section, tasks=tuple(tasks))
    for _, tasks in groupby(TASKS, key=lambda task: task.section)
)
"""One section for the tasks that share it."""
