"""What a study says, in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blocklens.studies.runner import Study


def summarise(found: Study, *, figures: bool = False) -> None:
    """Print every claim's verdict, write the figures asked for, and say where the report is."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("claim", "effect", "95 % interval", "control", "verdict"):
        table.add_column(name, justify="left" if name in ("claim", "verdict") else "right")
    for row in found.claims.to_dict("records"):
        table.add_row(
            row["id"],
            f"{row['effect']:.3g}",
            f"{row['low']:.3g} to {row['high']:.3g}",
            f"{row['control_low']:.3g} to {row['control_high']:.3g}",
            row["verdict"],
        )
    if figures:
        from blocklens.report import write_figures

        write_figures(found.folder)
    console = Console()
    console.print(table)
    console.print(f"\nReport: {found.report}", soft_wrap=True, highlight=False)
