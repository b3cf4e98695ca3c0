"""The claims: statement, verdict, effect beside its control, and the figure that shows it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from blocklens.report import charts
from blocklens.report.claim_figures import claim_figure, slug
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.formatting import interval, number
from blocklens.report.interval_plot import interval_rows
from blocklens.report.rendering import render
from blocklens.report.section import Figure, Section

PAPERS = {
    "P1": "arXiv 2512.21956",
    "P2": "arXiv 2509.03407",
}
VERDICTS = ("holds", "does not hold", "undecided", "not applicable")
DECIDED = VERDICTS[:2]
QUESTIONS = {
    "there": "beyond its null",
    "learned": "beyond untrained encoders",
    "beyond_simplest": "beyond the simplest system",
    "from_words": "beyond shuffled tokens",
}
SINK_CLAIM = "p1-separator"
SINK_STATISTICS = ("attention to separator", "attention to start token")


def claims_section(folder: StudyFolder) -> Section | None:
    """All claims of the study, those with a verdict first, each with its figure."""
    table = folder.table("claims")
    if table is None:
        return None
    rows = sorted(table.to_dict("records"), key=lambda row: row["verdict"] not in DECIDED)
    claims = [_claim(row, folder) for row in rows]
    drawn: dict[str, str] = {}
    for row, claim in zip(rows, claims, strict=True):  # one chart for claims about one statistic
        if claim["figure"] is not None:
            first = drawn.setdefault(str(row["figure"]), claim["id"])
            if first != claim["id"]:
                claim |= {"figure": None, "figure_of": first}
    groups = {True: [], False: []}
    for claim in claims:
        groups[claim["verdict"] in DECIDED].append(claim)
    counts = table["verdict"].value_counts()
    figures = tuple(claim["figure"] for claim in claims if claim["figure"] is not None)
    overview = Figure(
        "claims",
        charts.claims(table),
        "Effect of every claim beside its control's, with 95 % intervals.",
        place="files",
    )
    return Section(
        id="claims",
        title="Claims",
        intro=(
            "Statements of the two papers, or ours where it says so, tested on this encoder and "
            f"these {'images' if 'images' in folder.study else 'texts'}. Of these verdicts at "
            "most 5 % are expected to be wrong; the dotted line means no effect."
        ),
        html=render(
            "claims.html.j2",
            decided=groups[True],
            others=groups[False],
            counts=sorted(counts.items(), key=lambda pair: VERDICTS.index(pair[0])),
        ),
        figures=(overview, *figures),
    )


def _claim(row: Mapping[Any, Any], folder: StudyFolder) -> dict[str, Any]:
    effect = tuple(_float(row.get(key)) for key in ("effect", "low", "high"))
    control = tuple(
        _float(row.get(key)) for key in ("control_effect", "control_low", "control_high")
    )
    strips = interval_rows(effect, control, _float(row.get("bound")))  # type: ignore[arg-type]
    answers = {words: row.get(column) for column, words in QUESTIONS.items()}
    return {
        "id": slug(str(row["id"])),
        "paper": row["paper"],
        "paper_link": PAPERS.get(str(row["paper"]), ""),
        "statement": row["statement"],
        "tag": str(row["tag"]).strip("[]"),
        "statistic": row["statistic"],
        "verdict": row["verdict"],
        "reason": row.get("reason") or "",
        "decides": row.get("decides") or "",
        "answers": {
            words: said for words, said in answers.items() if said in ("yes", "no", "open")
        },
        "rows": [
            ("this encoder", strips[0], number(effect[0]), interval(*effect[1:])),
            (
                control_name(str(row["control"])),
                strips[1],
                number(control[0]),
                interval(*control[1:]),
            ),
        ],
        "caveat": sink_caveat(folder) if row["id"] == SINK_CLAIM else "",
        "counts_from": counts_from(row),
        "choices": str(row.get("choices") or ""),
        "figure": claim_figure(row, folder),
        "figure_of": "",
    }


def counts_from(row: Mapping[Any, Any]) -> str:
    """The smallest effect that counts with its reason, and the simplest system."""
    said = []
    if row.get("least_reason"):
        said.append(f"Counts from {number(row['least'])}: {row['least_reason']}")
    if row.get("simplest"):
        said.append(f"The simplest system that could score as high: {row['simplest']}")
    return " ".join(said)


def control_name(control: str) -> str:
    """What stands before the control's interval."""
    return "control: not run" if control == "not run" else control


def sink_caveat(folder: StudyFolder) -> str:
    """What else receives as much attention as the separator: then it may be a mere sink.

    Attention that finds nothing to attend to goes to a token that is always there. The final third
    of the blocks is meant, as in the claim.
    """
    heads = folder.table("heads")
    if heads is None:
        return ""
    rows = heads.loc[heads["head"].isna() & heads["statistic"].isin(SINK_STATISTICS)]
    blocks = int(folder.study["blocks"])
    rows = rows.loc[rows["block"] > blocks - max(1, round(blocks / 3))]
    means: Any = rows.groupby(["statistic", "run"])["effect"].mean()
    separator, start = SINK_STATISTICS
    others = {
        "the start token": means.get((start, "encoder")),
        "the separator among shuffled tokens": means.get((separator, "shuffled")),
    }
    said = [f"{name} {number(value)}" for name, value in others.items() if value is not None]
    if (separator, "encoder") not in means or not said:
        return ""
    return (
        f"A sink for attention would look the same. In the final blocks the separator receives "
        f"{number(means[(separator, 'encoder')])} times its share, {' and '.join(said)}."
    )


def _float(value: Any) -> float:
    return float("nan") if value is None or value is pd.NA else float(value)
