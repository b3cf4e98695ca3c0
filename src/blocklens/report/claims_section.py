"""The claims: statement, verdict, effect beside its control, and the figure that shows it."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from blocklens.errors import UserError
from blocklens.report import charts
from blocklens.report.folder import StudyFolder
from blocklens.report.interval_plot import interval_rows
from blocklens.report.numbers import interval, number
from blocklens.report.rendering import render
from blocklens.report.section import Figure, Section

PAPERS = {
    "P1": "arXiv 2512.21956",
    "P2": "arXiv 2509.03407",
}
VERDICTS = ("holds", "does not hold", "inconclusive")


def claims_section(folder: StudyFolder) -> Section | None:
    """All claims of the study, each with its verdict and figure."""
    table = folder.table("claims")
    if table is None:
        return None
    claims = [_claim(row, folder) for row in table.to_dict("records")]
    counts = {verdict: int((table["verdict"] == verdict).sum()) for verdict in VERDICTS}
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
            "Each statement of the two papers, tested on this encoder and these texts. A claim "
            "holds when the effect's whole 95 % interval lies above the control's and above the "
            "value that means no preference (dotted line), does not hold when it lies below "
            "either, and is inconclusive otherwise."
        ),
        html=render("claims.html.j2", claims=claims, counts=counts),
        figures=(overview, *figures),
    )


def _claim(row: Mapping[str, Any], folder: StudyFolder) -> dict[str, Any]:
    effect = tuple(_float(row.get(key)) for key in ("effect", "low", "high"))
    control = tuple(
        _float(row.get(key)) for key in ("control_effect", "control_low", "control_high")
    )
    bound = _float(row.get("bound"))
    strips = interval_rows(effect, control, bound)  # type: ignore[arg-type]
    return {
        "id": slug(str(row["id"])),
        "name": str(row["id"]),
        "paper": row["paper"],
        "paper_link": PAPERS.get(str(row["paper"]), ""),
        "statement": row["statement"],
        "tag": str(row["tag"]).strip("[]"),
        "statistic": row["statistic"],
        "verdict": row["verdict"],
        "rows": [
            ("this encoder", strips[0], number(effect[0]), interval(*effect[1:])),
            (str(row["control"]), strips[1], number(control[0]), interval(*control[1:])),
        ],
        "choices": str(row.get("choices") or ""),
        "figure": claim_figure(row, folder),
    }


def _float(value: Any) -> float:
    return float("nan") if value is None or value is pd.NA else float(value)


def slug(name: str) -> str:
    """A name as letters, digits and hyphens, for file names and HTML ids."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "claim"


def claim_figure(row: Mapping[str, Any], folder: StudyFolder) -> Figure | None:
    """The chart that a claim asks for, or None where its table has not got the rows."""
    wish = row.get("figure")
    wish = json.loads(wish) if isinstance(wish, str) and wish else wish
    if not isinstance(wish, Mapping):
        return None
    table = folder.table(str(wish.get("table", "heads")))
    statistic = wish.get("statistic", row["statistic"])
    if table is None or not {"block", "statistic"} <= set(table.columns):
        return None
    name = f"claim-{slug(str(row['id']))}"
    try:
        if isinstance(statistic, list):
            chart = charts.compare_along_blocks(table, statistic)
            return Figure(name, chart, "Each curve along the blocks, with its 95 % band.", "html")
        quantity = wish.get("quantity", "effect" if "effect" in table else "value")
        chart = charts.along_blocks(
            table, statistic, measure=wish.get("measure"), cut=wish.get("cut"), quantity=quantity
        )
    except UserError:
        return None
    return Figure(name, chart, along_caption(table, statistic, wish.get("cut")), "html")


def along_caption(table: pd.DataFrame, statistic: str, cut: float | None) -> str:
    """One sentence: what the figure along the blocks compares with what."""
    runs = set(table["run"]) if "run" in table else {"encoder"}
    twins = sum(run.startswith("untrained") for run in runs)
    controls = []
    if twins:
        controls.append(f"{twins} untrained twin{'s' if twins > 1 else ''} of the same shape")
    if "shuffled" in runs:
        controls.append("the same texts with their tokens shuffled")
    text = statistic[0].upper() + statistic[1:] + " in each block of the encoder"
    if controls:
        text += ", against " + " and ".join(controls)
    if cut is not None:
        text += f", over the top {100 * cut:g} % of the pairs"
    dots = "head" in table and table.loc[table["statistic"] == statistic, "head"].notna().any()
    return text + "; bands are 95 % intervals" + (", dots single heads." if dots else ".")
