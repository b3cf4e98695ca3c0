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


def claims_section(folder: StudyFolder) -> Section | None:
    """All claims of the study, each with its verdict and figure."""
    table = folder.table("claims")
    if table is None:
        return None
    claims = [_claim(row, folder) for row in table.to_dict("records")]
    counts = {verdict: list(table["verdict"]).count(verdict) for verdict in VERDICTS}
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
            f"these {'images' if 'images' in folder.study else 'texts'}. A claim holds when the "
            "effect reaches the smallest one that counts and exceeds what untrained encoders and "
            "the simplest system show, does not hold when it does not, and is undecided where the "
            "intervals allow neither; the chance of any wrong verdict in a study is 5 %. The "
            "dotted line means no effect."
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
            (
                control_name(str(row["control"])),
                strips[1],
                number(control[0]),
                interval(*control[1:]),
            ),
        ],
        "choices": str(row.get("choices") or ""),
        "figure": claim_figure(row, folder),
    }


def control_name(control: str) -> str:
    """What stands before the control's interval."""
    return "control: not run" if control == "not run" else control


def _float(value: Any) -> float:
    return float("nan") if value is None or value is pd.NA else float(value)
