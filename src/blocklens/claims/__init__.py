"""Claims: both papers' statements as tests with an effect, an interval, a control, a verdict."""

# isort: off
# They register their claims, and tables hold the claims in this order.
from blocklens.claims import p2, confidence, p1, segmenting  # noqa: F401
# isort: on

from blocklens.claims.registry import REGISTRY, Claim, Finding, claim, evaluate, judge

__all__ = ["REGISTRY", "Claim", "Finding", "claim", "evaluate", "judge"]
