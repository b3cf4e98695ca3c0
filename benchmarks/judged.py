"""Encoders measured and judged: how often a claim holds. Part of `validity`.

An encoder's sums are measured once and kept, and its estimates are judged beside drawn twins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.built_encoders import SHAPES, TOKENS, Shape, built, texts, untrained
from benchmarks.coverage import ONE_CUT
from blocklens.claims.registry import LEARNED, REGISTRY, Claim, Finding, judge
from blocklens.heads.measurement import measure
from blocklens.statistics.estimate import TWINS as OF_SEEDS
from blocklens.statistics.estimate import Estimate, population
from blocklens.storage import write_table

COUNTS = (40, 100)
"""Texts that encoders are judged on: the first so many."""
TWINS = 12
"""As many as a study has by default."""
DEGREES = (0.5, 1.0, 4.0)
BUILT_SHAPE = SHAPES[2]
"""Wide enough for what heads are told to carry: at width 64 and 1,000 words none carries a word."""

CLAIMS = [made for made in REGISTRY.values() if made.id.startswith("p1-")]
"""P1's claims, which read sums of heads alone."""


@dataclass(frozen=True)
class Made:
    """One encoder to measure: untrained, or built for a claim to a degree."""

    shape: Shape
    seed: int
    claim: str = ""
    degree: float = 0.0

    def file(self, kept: Path, count: int, table: str = "") -> Path:
        """Where the sums of the first `count` texts are kept."""
        s = self.shape
        what = f"{self.claim}-{self.degree:g}" if self.claim else "untrained"
        shape = f"{s.blocks}-{s.heads}-{s.width}-{s.words}-{s.spread:g}"
        return kept / f"{what}-{shape}-{self.seed}-{count}{table}.parquet"


def measure_once(made: Made, kept: Path, counts: Sequence[int] = COUNTS) -> None:
    """Measure one encoder on all numbers of texts, unless that is kept; sums add up."""
    if made.file(kept, counts[-1]).exists():
        return
    torch.set_num_threads(1)
    encoder = untrained(made.shape, made.seed)
    if made.claim:
        encoder = built(made.claim, made.degree, made.shape, made.seed)
    of_all, so_far = texts(made.shape.words, counts[-1]), pd.DataFrame()
    for before, count in zip((0, *counts), counts, strict=False):
        found = measure(
            encoder, of_all[before:count], options=ONE_CUT, window=TOKENS,
            sentences="lines", unit="text",
        )  # fmt: skip
        so_far = pd.concat([so_far, found.groups])
        keys = ["measure", "statistic", "group", "block", "head"]
        so_far = so_far.groupby(keys, sort=False, dropna=False, as_index=False)[
            ["observed", "expected", "weight"]
        ].sum()
        write_table(so_far, made.file(kept, count))
    write_table(found.table, made.file(kept, count, "-heads"))


def estimates(sums: pd.DataFrame) -> dict[str, Estimate | None]:
    """Every claim's estimate for one encoder by itself."""
    tables = {"sums": sums.assign(run="encoder")}
    found = {claim.id: claim.find(tables) for claim in CLAIMS}
    return {name: finding.effect if finding else None for name, finding in found.items()}


Estimates = dict[str, Estimate | None]
Control = Callable[[Sequence[Estimate]], Estimate]


def known(twins: Sequence[Estimate]) -> Estimate:
    """A rule that was replaced: the twins' mean as known, with an interval over texts alone."""
    control = population(twins)
    of_texts = [source for source in control.sources if source.unit != OF_SEEDS]
    return Estimate.of(control.value, of_texts, ratio=control.ratio)


def findings(
    own: Estimates, twins: Sequence[Estimates], control: Control
) -> list[tuple[Claim, Finding]]:
    """What each claim finds of one encoder and its twins."""
    found = []
    for claim in CLAIMS:
        effect = own.get(claim.id)
        beside = [one for twin in twins if (one := twin.get(claim.id)) is not None]
        if effect is not None and len(beside) == len(twins):
            found.append((claim, Finding(effect, {LEARNED: control(beside)})))
    return found


def verdicts(
    judged: Sequence[tuple[Estimates, Sequence[Estimates]]], control: Control = population
) -> pd.DataFrame:
    """The verdict on each claim of every (encoder, twins): claim, alone, in a study."""
    said = []
    for own, twins in judged:
        asked = findings(own, twins, control)
        for one, together in zip(asked, judge(asked), strict=True):
            said.append((one[0].id, judge([one])[0].verdict, together.verdict))
    return pd.DataFrame(said, columns=["claim", "alone", "study"])


def with_twins(pool: Sequence[Estimates], seed: int = 0) -> list[tuple[Estimates, list[Estimates]]]:
    """Every untrained encoder, beside others of its shape drawn as its twins."""
    rng = np.random.default_rng(seed)
    found = []
    for number, own in enumerate(pool):
        others = rng.choice(np.delete(np.arange(len(pool)), number), TWINS, replace=False)
        found.append((own, [pool[other] for other in others]))
    return found


def rate(verdicts: pd.DataFrame, column: str, word: str) -> pd.Series:
    """How often each claim has a verdict."""
    return verdicts[column].eq(word).groupby(verdicts["claim"], sort=False).mean()


def read(made: Made, kept: Path, count: int) -> Estimates:
    """One encoder's estimates."""
    return estimates(pd.read_parquet(made.file(kept, count)))
