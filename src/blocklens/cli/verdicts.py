"""Claims in the terminal: what a study found, and what there is to find."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

    from blocklens.studies.runner import Study

WIDTH = 80
ORDER = ("holds", "does not hold", "undecided", "not applicable")
SOURCES = {"P1": "arXiv 2512.21956", "P2": "arXiv 2509.03407", "ours": "our own, no paper's"}


def summarise(study: Study, *, figures: bool = False) -> None:
    """Print every claim's verdict, write the figures asked for, and say where the report is."""
    print_verdicts(study.claims)
    if figures:
        from blocklens.report import write_figures

        write_figures(study.folder)
    typer.echo(f"\nReport: {study.report}")


def print_verdicts(claims: pd.DataFrame) -> None:
    """Claims with their verdicts, those with an answer first, 80 columns wide."""
    rows: list[Any] = claims.to_dict("records")
    for row in sorted(rows, key=lambda row: ORDER.index(row["verdict"])):
        typer.echo(f"\n{row['verdict'].upper()}  ({row['id']})")
        said = sentence(row["statement"])
        if row["effect"] == row["effect"]:  # not NaN
            said += f" Measured: {figure(row, '')}."
            if row["control_effect"] == row["control_effect"]:
                said += f" In comparison: {figure(row, 'control_')}."
        for name, before in (("reason", ""), ("decides", "What would decide it: ")):
            if row[name]:
                said += f" {sentence(before + row[name])}"
        typer.echo(wrapped(said))


def claims() -> None:
    """List all statements that a study can judge, with what is measured for each."""
    from blocklens.claims import REGISTRY

    for paper, source in SOURCES.items():
        typer.echo(f"\n{paper} ({source})")
        for claim in REGISTRY.values():
            if claim.paper == paper:
                typer.echo(f"\n  {claim.id}")
                typer.echo(wrapped(sentence(claim.statement), 4))
                typer.echo(wrapped(f"Measured: {sentence(claim.statistic)}", 4))
                typer.echo(wrapped(f"Compared with: {sentence(claim.control)}", 4))


def figure(row: dict[str, Any], which: str) -> str:
    """Such as "1.32 (1.28 to 1.36)"."""
    interval = [row[f"{which}{end}"] for end in ("low", "high")]
    value = row[f"{which}effect"]
    if any(end != end for end in interval):
        return f"{value:.3g}"
    return f"{value:.3g} ({interval[0]:.3g} to {interval[1]:.3g})"


def sentence(words: str) -> str:
    """With a capital letter and a full stop."""
    return words[:1].upper() + words[1:] + "." * (not words.endswith((".", "?")))


def wrapped(words: str, indent: int = 2) -> str:
    """Within 80 columns."""
    return textwrap.fill(words, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent)
