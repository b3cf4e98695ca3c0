"""Text classes: accuracy, confusions, clusters and noise along the blocks, and confidence.

The figures and the table of blocks are those of image classes; confidence is of texts alone.
"""

from typing import Any

from blocklens.errors import UserError
from blocklens.labels.depth import MARGIN, advice_line
from blocklens.report import charts
from blocklens.report.charts.confidence_curve import SUBSETS, of_best_variant
from blocklens.report.claim_figures import (
    CONFIDENCE_CAPTION,
    REPLACEMENT_CAPTION,
    along_caption,
    cluster_caption,
)
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.images_section import block_facts, threshold
from blocklens.report.rendering import render
from blocklens.report.section import Figure, Section

VARIANTS = {
    "text_": "Read-outs of the frozen encoder",
    "truncate_": "Fine-tuned up to each block",
}
MOST_HARDEST = 8


def classes_section(folder: StudyFolder) -> Section | None:
    """The section, from the tables `text_*` and `truncate_*`."""
    prefixes = [prefix for prefix in VARIANTS if folder.table(f"{prefix}learning") is not None]
    if not prefixes:
        return None
    facts = class_facts(folder)
    last = prefixes[-1]
    return Section(
        id="classes",
        title="Text classes",
        intro=(
            f"{len(facts.get('classes', [])):,} classes of texts, learned from "
            f"{facts.get('train', 0):,} texts and measured on {facts.get('test', 0):,} others, for "
            f"each of {facts.get('seeds', 0)} seeds anew. Labels are counted, confused and "
            "clustered by the code that does so with tokens and image classes; so the figures "
            "mean the same."
        ),
        html=render(
            "classes.html.j2",
            parts=[part(folder, prefix) for prefix in prefixes],
            baseline=baseline(folder),
            theta=threshold(folder, prefixes[0]),
            change=change(folder),
            variant=variant_words(folder),
            hardest=hardest(folder, last),
            last=last_block(folder, last),
        ),
        figures=tuple(_figures(folder, prefixes)),
    )


def class_facts(folder: StudyFolder) -> dict[str, Any]:
    """What the study says of the labelled texts."""
    return folder.study.get("parts", {}).get("classes", {}).get("TF-IDF", {})


def last_block(folder: StudyFolder, prefix: str) -> int:
    """The last block that was measured."""
    learning = folder.table(f"{prefix}learning")
    assert learning is not None
    return int(learning["block"].dropna().to_numpy().max())


def part(folder: StudyFolder, prefix: str) -> dict[str, Any]:
    """One variant: its table of blocks, and where the encoder may be cut."""
    learning, advice = folder.table(f"{prefix}learning"), folder.table(f"{prefix}advice")
    assert learning is not None
    options = folder.study.get("options", {}).get("classes") or {}
    margin = options.get("margin", MARGIN)
    return {
        "title": VARIANTS[prefix],
        "blocks": block_facts(folder, learning, prefix),
        "advice": "" if advice is None else advice_line(advice, margin),
    }


def baseline(folder: StudyFolder) -> dict[str, Any] | None:
    """The accuracy of TF-IDF with its interval, or None."""
    table = folder.table("text_baseline")
    if table is None:
        return None
    rows = table.loc[table["statistic"] == "accuracy"].to_dict("records")
    return rows[0] if rows else None


def change(folder: StudyFolder) -> list[dict[str, Any]]:
    """Change of confidence over input APT, for all and for right answers."""
    table = folder.table("text_confidence")
    if table is None:
        return []
    found = []
    for subset, name in SUBSETS.items():
        rows = of_best_variant(table)
        rows = rows.loc[rows["subset"] == subset]
        row = {one["statistic"]: one for one in rows.to_dict("records")}
        if row:
            found.append(
                {
                    "name": name,
                    "change": row["change over the range"],
                    "slope": row["slope"],
                    "mean": row["mean confidence"],
                }
            )
    return found


def variant_words(folder: StudyFolder) -> str:
    """Whose confidence it is."""
    table = folder.table("text_confidence")
    if table is None:
        return ""
    if "truncate" in set(table["read_out"]):
        return "The confidence is that of the model fine-tuned up to the last block."
    return "The confidence is that of the read-outs of the last block."


def hardest(folder: StudyFolder, prefix: str) -> list[dict[str, Any]]:
    """The classes with the lowest accuracy at the last block, and what they are taken for."""
    accuracy, confusion = folder.table(f"{prefix}accuracy"), folder.table(f"{prefix}confusion")
    if accuracy is None or confusion is None:
        return []
    rows = accuracy.loc[accuracy["run"] == "encoder"]
    rows = rows.loc[rows["block"] == rows["block"].max()].sort_values("value", kind="stable")
    wrong = confusion.loc[
        (confusion["run"] == "encoder")
        & (confusion["block"] == rows["block"].max())
        & (confusion["true"] != confusion["predicted"])
    ]
    found: list[dict[str, Any]] = []
    for row in rows.head(MOST_HARDEST).to_dict("records"):
        others = wrong.loc[wrong["true"] == row["label_id"]].sort_values("count", kind="stable")
        taken = "" if others.empty else str(others["predicted_label"].iloc[-1])
        found.append({**{str(key): value for key, value in row.items()}, "taken_for": taken})
    return [row for row in found if row["value"] < 1]


def _figures(folder: StudyFolder, prefixes: list[str]) -> list[Figure]:
    figures: list[Figure] = []

    def add(name: str, make: Any, caption: str) -> None:
        try:
            figures.append(Figure(name, make(), caption))
        except UserError:
            return

    for prefix in prefixes:
        learning: Any = folder.table(f"{prefix}learning")
        add(
            f"{prefix}accuracy".replace("_", "-"),
            lambda t=learning: charts.along_blocks(t, "accuracy", quantity="value"),
            along_caption(learning, "accuracy", None),
        )
    prefix = prefixes[-1]
    confusion, names = folder.table(f"{prefix}confusion"), class_facts(folder).get("classes")
    if confusion is not None and names:
        add(
            "text-confusion",
            lambda: charts.class_confusion(confusion, names),
            f"What block {last_block(folder, prefix)} answers (columns) to texts of each class "
            "(rows), in per cent of the class; all seeds together.",
        )
    sweep = folder.table(f"{prefix}cluster_sweep")
    if sweep is not None:
        add(
            "text-clusters",
            lambda: charts.cluster_sizes(sweep, quantity="clustered", labels="classes"),
            cluster_caption("clustered", "classes"),
        )
    curve = folder.table("text_confidence_curve")
    if curve is not None:
        add("text-confidence", lambda: charts.confidence_curve(curve), CONFIDENCE_CAPTION)
    replaced = folder.table("text_replacement")
    if replaced is not None:
        for name, statistic in (("replacement", "prediction change"), ("replaced", "accuracy")):
            add(
                f"text-{name}",
                lambda s=statistic, t=replaced: charts.replacement(t, s),
                REPLACEMENT_CAPTION[statistic],
            )
    return figures
