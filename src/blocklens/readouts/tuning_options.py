"""What can be chosen in fine-tuning a classifier."""

from __future__ import annotations

from pydantic import Field

from blocklens.options import Options, option

TUNING = "Fine-tuning (--variant truncate)"
"""Panel of the help."""


class FineTuning(Options):
    """How a shortened trunk is fine-tuned; the group's is 50 epochs at 5e-5 (code)."""

    epochs: int = option(5, "Epochs.", panel=TUNING, ge=1)
    rate: float = option(2e-4, "Learning rate.", panel=TUNING, gt=0)
    batch: int = option(32, "Texts of a step.", panel=TUNING, ge=1)
    weight_decay: float = Field(default=0.01, ge=0)
    warm_up: float = Field(default=0.1, ge=0, le=1, description="Share of the steps.")
    clip: float = Field(default=1.0, gt=0, description="Largest norm of a gradient (ours).")
