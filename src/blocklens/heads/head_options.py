"""What can be chosen in measuring heads. Defaults are ours: the papers' choices are not known."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class HeadOptions(BaseModel):
    """Options of the head measures; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    similarity: Literal["raw", "cosine", "centered", "max"] = Field(
        default="raw", description="how two head output vectors are compared"
    )
    rule: Literal["top", "relative"] = Field(
        default="top",
        description="high pairs are the top fraction of all pairs, or those above a share of the "
        "largest similarity",
    )
    cut: float = Field(default=0.01, gt=0, lt=1, description="the fraction, or the share")
    sweep: tuple[float, ...] = Field(
        default=(0.005, 0.01, 0.02, 0.05), description="further cuts, for the sweep"
    )
    shifts: int = Field(
        default=0,
        ge=0,
        description="circular shifts drawn for the spread of the distance-matched null",
    )

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
