"""What can be chosen in measuring heads. Defaults are ours: the papers' choices are not known."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from blocklens.options import Options, option

MOST_WINDOWS = 4
"""Of a text that is measured among others: with all of them a long text that differs from the rest
decides the figures, and where it is not drawn no interval tells of it (docs/validity.md)."""


class HeadOptions(Options):
    """Options of the head measures; unknown keys are errors."""

    similarity: Literal["raw", "cosine", "centered", "max"] = option(
        "raw", "How head output vectors are compared."
    )
    rule: Literal["top", "relative"] = option(
        "top", "High pairs: the top share of all, or above a share of the largest."
    )
    cut: float = option(0.01, "That share.", shown="0.01; 0.5 where --rule relative", gt=0, lt=1)
    sweep: tuple[float, ...] = Field(
        default=(0.005, 0.01, 0.02, 0.05), description="Further cuts, for the sweep."
    )
    shifts: int = option(0, "Shifts drawn for the spread of the same-sentence null.", ge=0)

    @model_validator(mode="before")
    @classmethod
    def _relative_defaults(cls, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("rule") == "relative":
            return {"cut": 0.5, "sweep": (0.3, 0.5, 0.7, 0.9), **given}
        return given

    @field_validator("sweep")
    @classmethod
    def _cuts_are_shares(cls, sweep: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < cut < 1 for cut in sweep):
            raise ValueError("cuts lie between 0 and 1")
        return sweep

    @property
    def cuts(self) -> tuple[float, ...]:
        """All cuts, from the tightest to the loosest, each once."""
        return tuple(sorted({self.cut, *self.sweep}, reverse=self.rule == "relative"))

    @property
    def default_cut(self) -> int:
        """Index of the chosen cut in `cuts`."""
        return self.cuts.index(self.cut)
