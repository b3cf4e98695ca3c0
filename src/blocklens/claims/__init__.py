"""Claims: both papers' statements as tests with an effect, an interval, a control, a verdict."""

from blocklens.claims import (  # noqa: F401 - they register their claims
    confidence,
    p1,
    p2,
    segmenting,
)
from blocklens.claims.registry import REGISTRY, Claim, Finding, claim, evaluate, judge

__all__ = ["REGISTRY", "Claim", "Finding", "claim", "evaluate", "judge"]
