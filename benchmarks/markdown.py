"""Tables of Markdown, for the pages that benchmarks write."""

from __future__ import annotations


def percent(value: float) -> str:
    """A rate as a reader sees it."""
    return f"{100 * value:.1f} %"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table of Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
