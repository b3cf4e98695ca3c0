"""The report's first screen: what was measured, three findings in plain words, the words used."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from blocklens.report.claim_figures import slug
from blocklens.report.claims_section import DECIDED, SINK_CLAIM, sink_caveat
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.formatting import interval, number
from blocklens.report.interval_plot import interval_rows
from blocklens.safe_text import public_name
from blocklens.wording import counted

MOST_FINDINGS = 3
EMBEDDED = "embedded"
"""What a study calls the encoder that comes with blocklens."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A claim with a verdict as the first screen tells it."""

    anchor: str
    verdict: str
    statement: str
    sentence: str
    strip: Markup
    caveat: str = ""


def model_name(source: str) -> str:
    """The model's own name: of a folder its last part, of a Hub id that after the owner.

    A folder called after a step or "model" says nothing alone, so the folder above is named too.
    """
    if source == EMBEDDED:
        return "BERT-6 (comes with blocklens)"
    parts = Path(source).parts
    if len(parts) > 1 and re.fullmatch(
        r"(checkpoint|step|epoch|block)?-?\d+|model|final", parts[-1]
    ):
        return f"{parts[-2]}, {parts[-1]}"
    return parts[-1] if parts else source


def shape_words(blocks: int, heads: int | None) -> str:
    """Such as "6 blocks of 12 heads"; an encoder that is known by its blocks alone has no heads."""
    return counted(blocks, "block") + (f" of {counted(heads, 'head')}" if heads else "")


def measured(study: dict[str, Any]) -> str:
    """One sentence: which blocks and heads were measured, on what."""
    noun = "image" if "images" in study else "text"
    inputs = study.get(f"{noun}s", {})
    shape = shape_words(int(study["blocks"]), study.get("heads"))
    count = inputs.get("count", inputs.get("test"))
    amount = "" if count is None else counted(count, noun)
    if inputs.get("tokens") is not None:
        amount += f" ({inputs['tokens']:,} tokens)"
    source = public_name(str(inputs.get("description", "")))
    on = " of ".join(part for part in (amount, source) if part)
    return f"{shape}, measured on {on}." if on else f"{shape}."


def findings(folder: StudyFolder) -> list[Shown]:
    """At most three claims that hold or do not, the papers taking turns."""
    table = folder.table("claims")
    if table is None:
        return []
    decided = [row for row in table.to_dict("records") if row["verdict"] in DECIDED]
    seen: dict[str, int] = {}
    turns = []
    for row in decided:
        turn = seen.setdefault(row["paper"], 0)
        seen[row["paper"]] += 1
        turns.append(turn)
    order = sorted(range(len(decided)), key=lambda i: turns[i])
    return [_shown(decided[i], folder) for i in sorted(order[:MOST_FINDINGS])]


def _shown(row: dict[Any, Any], folder: StudyFolder) -> Shown:
    effect = (row["effect"], row["low"], row["high"])
    control = (row["control_effect"], row["control_low"], row["control_high"])
    said = f"{number(effect[0])} {interval(*effect[1:])}".strip()
    beside = f"{number(control[0])} {interval(*control[1:])}".strip()
    statistic = str(row["statistic"])
    sentence = f"{statistic[0].upper()}{statistic[1:]}: {said}."
    if beside != "–":
        sentence += f" To compare, {row['control']}: {beside}."
    strips = interval_rows(effect, control, row["bound"])
    return Shown(
        f"claim-{slug(str(row['id']))}", row["verdict"], row["statement"], sentence, strips[0],
        sink_caveat(folder) if row["id"] == SINK_CLAIM else "",
    )  # fmt: skip


def words_used(folder: StudyFolder) -> list[tuple[str, str]]:
    """What block, null and verdict mean, in a line each."""
    blocks = folder.study.get("blocks")
    words = [
        ("Block", f"One layer of the encoder: block 0 is its embedding, block {blocks} its last."),
        (
            "Null",
            "What chance alone gives on the same inputs. An effect of 1 is no effect where effects "
            "are ratios; the dotted line marks it.",
        ),
    ]
    if folder.study.get("intervals", True):
        words.append(
            ("Interval", "[low, high] is where the value lies for 95 of 100 such samples.")
        )
    if folder.table("claims") is not None:
        words.append(
            (
                "Verdict",
                "A statement holds where its effect reaches the smallest one that counts and "
                "exceeds what untrained encoders and the simplest system show; it does not hold "
                "where it does not; it is undecided where the intervals allow neither.",
            )
        )
    return words
