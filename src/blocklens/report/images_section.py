"""Image classes: accuracy, confusions, clusters and noise along the blocks of an image encoder."""

import base64
from collections.abc import Mapping
from typing import Any

import pandas as pd

from blocklens.errors import UserError
from blocklens.labels.depth import MARGIN, advice_line
from blocklens.report import charts
from blocklens.report.claim_figures import along_caption, cluster_caption
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.rendering import render
from blocklens.report.section import Figure, Section

PREFIX = "image_"
MOST_CLUSTERS = 6
"""Clusters of a block that are named in its row."""

HEADS = {
    "attention to special tokens": "Attention that patches send to the special tokens, [CLS] among "
    "them, over their share of the tokens",
    "touching patches": "Share of the high-similarity pairs whose patches touch, over that of all "
    "pairs of the grid",
}


def images_section(folder: StudyFolder) -> Section | None:
    """The section, from the tables `image_learning`, `image_confusion`, `image_clusters` ..."""
    learning = folder.table("image_learning")
    if learning is None:
        return None
    images = folder.study.get("images", {})
    last = int(learning["block"].dropna().to_numpy().max())
    return Section(
        id="images",
        title="Image classes",
        intro=(
            f"Classes of {images.get('test', 0):,} images, read out from the frozen output of each "
            f"block by heads trained on {images.get('train', 0):,} others. Labels are counted, "
            "confused and clustered by the code that does so with tokens and text classes; so the "
            "figures mean the same."
        ),
        html=render(
            "images.html.j2",
            blocks=block_facts(folder, learning),
            examples=examples(folder),
            last=last,
            theta=threshold(folder),
            training=training_words(folder.study.get("parts", {}).get("training", {}).get("ViT")),
            pixels=pixel_accuracy(folder),
            advice=advice_words(folder),
        ),
        figures=tuple(_figures(folder, learning, last)),
    )


def training_words(training: Mapping[str, Any] | None) -> str:
    """One sentence on the ViT that was trained, or nothing."""
    if not training:
        return ""
    epochs = len(training["history"])
    return (
        f"The ViT was trained from scratch for {epochs} epoch{'s' if epochs > 1 else ''}; its own "
        f"classifier is right on {100 * training['held_out']:.1f} % of the held-out images. "
        "It is kept in the study's folder, as model."
    )


def pixel_accuracy(folder: StudyFolder) -> dict[str, Any] | None:
    """The accuracy of the pixels' read-out with its interval, or None."""
    table = folder.table("image_pixels")
    if table is None:
        return None
    rows = table.loc[table["statistic"] == "accuracy"].to_dict("records")
    return rows[0] if rows else None


def advice_words(folder: StudyFolder) -> str:
    """Where the encoder may be cut, or nothing."""
    table = folder.table("image_advice")
    if table is None:
        return ""
    return advice_line(table, folder.study.get("options", {}).get("margin", MARGIN))


def block_facts(
    folder: StudyFolder, learning: pd.DataFrame, prefix: str = PREFIX
) -> list[dict[str, Any]]:
    """Each block's accuracy beside the untrained twins', its noise and its clusters."""
    clusters = folder.table(f"{prefix}clusters")
    rows = []
    for block in sorted(int(b) for b in learning["block"].dropna().unique()):
        here = learning.loc[learning["block"] == block]
        accuracy = here.loc[here["statistic"] == "accuracy"]
        twins = accuracy.loc[accuracy["run"].str.startswith("untrained")]
        own = here.loc[here["run"] == "encoder"]
        found = {row["statistic"]: row for row in own.to_dict("records")}
        rows.append(
            {
                "block": block,
                "accuracy": found["accuracy"],
                "untrained": None if twins.empty else float(twins["value"].mean()),
                "kept": int(found["kept classes"]["value"]),
                "noise": int(found["noise"]["value"]),
                "clusters": _clusters(clusters, block),
            }
        )
    return rows


def _clusters(clusters: pd.DataFrame | None, block: int) -> list[list[str]]:
    """Names of the classes in each cluster of a block, the largest clusters first."""
    if clusters is None:
        return []
    rows = clusters.loc[
        (clusters["run"] == "encoder")
        & (clusters["block"] == block)
        & (clusters["method"] == "cliques")
    ]
    return [[str(name) for name in names] for names in rows["classes"][:MOST_CLUSTERS]]


def threshold(folder: StudyFolder, prefix: str = PREFIX) -> float | None:
    """The threshold of the strong matches, or None where there is no cluster."""
    clusters = folder.table(f"{prefix}clusters")
    return None if clusters is None else float(clusters["theta"].iloc[0])


def examples(folder: StudyFolder) -> list[dict[str, Any]]:
    """Images of each confused pair of classes, as data addresses."""
    table = folder.table("image_examples")
    if table is None:
        return []
    found = []
    for _, rows in table.groupby("pair", sort=True):
        first = rows.iloc[0]
        found.append(
            {
                "true": first["true"],
                "predicted": first["predicted"],
                "images": int(first["images"]),
                "shown": [
                    {
                        "name": row["name"],
                        "url": "data:image/png;base64," + base64.b64encode(row["png"]).decode(),
                        "seeds": float(row["seeds"]),
                    }
                    for row in rows.to_dict("records")
                ],
            }
        )
    return found


def _figures(folder: StudyFolder, learning: pd.DataFrame, last: int) -> list[Figure]:
    figures: list[Figure] = []

    def add(name: str, make: Any, caption: str) -> None:
        try:
            figures.append(Figure(name, make(), caption))
        except UserError:
            return

    add(
        "image-accuracy",
        lambda: charts.along_blocks(learning, "accuracy", quantity="value"),
        along_caption(learning, "accuracy", None),
    )
    confusion = folder.table("image_confusion")
    classes = folder.study.get("images", {}).get("classes")
    if confusion is not None and classes:
        add(
            "image-confusion",
            lambda: charts.class_confusion(confusion, classes),
            f"What the read-outs of block {last} answer (columns) for images of each class (rows), "
            "in per cent of the class; all seeds together.",
        )
    sweep = folder.table("image_cluster_sweep")
    if sweep is not None:
        add(
            "image-clusters",
            lambda: charts.cluster_sizes(sweep, quantity="clustered", labels="classes"),
            cluster_caption("clustered", "classes"),
        )
    heads = folder.table("image_heads")
    if heads is not None:
        for number, (statistic, words) in enumerate(HEADS.items()):
            add(
                f"image-heads-{number}",
                lambda s=statistic: charts.along_blocks(heads, s),
                f"{words}, in each block, against untrained twins of the same shape; bands are "
                "95 % intervals over images, dots single heads.",
            )
    return figures
