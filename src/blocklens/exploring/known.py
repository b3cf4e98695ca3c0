"""What is known of an encoder before a text is typed: its heads, and its tokens' APT and clusters.

From a study's folder, or from a small measurement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.heads.measurement import measure
from blocklens.inputs.texts import TextSource
from blocklens.labels.tasks import TOKENS
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.formatting import rounded
from blocklens.report.heads_section import head_facts
from blocklens.report.label_browser import cluster_names, last_of_encoder

MEASURED = 40
"""Texts of the small measurement: enough for a label, for BERT-base a few seconds."""
WINDOW = 128


@dataclass(frozen=True)
class Known:
    """`heads`: as `head_facts` gives them. `told`: where they are from, in words.

    `tokens`: by id the token's APT at the last block, its occurrences and its cluster.
    """

    heads: dict[str, Any]
    told: str
    tokens: dict[int, tuple[float, int, list[str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, encoder: Encoder, source: TextSource, study: Path | None) -> Known:
        """From the study, and from the texts what the study does not have.

        Raises:
            UserError: a study of another encoder.

        """
        if study is None:
            return cls(*measured(encoder, source))
        folder = StudyFolder.read(study)
        if folder.study.get("hashes", {}).get("encoder") != encoder.fingerprint():
            raise UserError(
                f"{study}: a study of another encoder ({folder.study['encoder']}): explore that "
                "one, or leave out --study"
            )
        heads = head_facts(folder)
        told = f"Labels and scores are those of the study {study.name}."
        if heads is None:
            heads, told = measured(encoder, source)
        return cls(heads, told, tokens_of(folder))


def measured(encoder: Encoder, source: TextSource) -> tuple[dict[str, Any], str]:
    """The facts of every head on the first texts, without controls."""
    texts = TextSource([text.text for text in islice(source, MEASURED)])
    heads = measure(texts, encoder, window=min(WINDOW, encoder.max_tokens), long="cut")
    tables = {"heads": heads.table, "labels": heads.labels, "anchors": heads.anchors}
    shape = {"blocks": encoder.blocks, "heads": encoder.heads}
    heads = head_facts(StudyFolder(Path(), shape, tables))
    assert heads is not None
    told = (
        f"Labels and scores come from up to {MEASURED} texts of {source.description}, without "
        "untrained twins beside: blocklens study measures more, and --study shows it here."
    )
    return heads, told


def tokens_of(folder: StudyFolder) -> dict[int, tuple[float, int, list[str]]]:
    """Every measured token's APT at the last block, occurrences and cluster, by id."""
    accuracy = folder.of_task("accuracy", TOKENS)
    if accuracy is None:
        return {}
    rows = last_of_encoder(accuracy)
    block = int(rows["block"].iloc[0])
    clusters = {name: names for names in cluster_names(folder, TOKENS, block) for name in names}
    return {
        int(row["label_id"]): (
            rounded([row["value"]])[0],
            int(row["n"]),
            clusters.get(str(row["label"]), []),
        )
        for row in rows.to_dict("records")
    }
