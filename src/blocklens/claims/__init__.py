"""Claims: the statements of both papers as tests with an effect, an interval, a control, a verdict."""

from blocklens.claims import p1  # noqa: F401 - registers its claims
from blocklens.claims.registry import REGISTRY, Claim, Estimate, Finding, claim, evaluate, verdict

__all__ = ["REGISTRY", "Claim", "Estimate", "Finding", "claim", "evaluate", "verdict"]
