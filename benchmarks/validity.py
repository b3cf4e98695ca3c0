# ruff: noqa: E501 - the page it writes has lines of its own
"""Can the verdicts be trusted? Coverage, false verdicts and power, measured; writes docs/validity.md.

`make validity`. Three questions, each with its table:

1. How often does a 95 % interval cover the truth? Simulated texts, whose truth is known.
2. How often is an untrained encoder said to do what the papers say of trained ones? Small untrained
   encoders, measured once; each in turn is judged against five others as its twins.
3. How often is a true statement found? The same encoders with the statistic multiplied by a factor.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from blocklens.claims.head_sums import Run
from blocklens.claims.registry import LEARNED, REGISTRY, Claim, Finding, judge
from blocklens.statistics.estimate import Estimate, population
from blocklens.statistics.groups import GROUPS
from blocklens.statistics.intervals import Floats
from blocklens.storage import write_table

BLOCKS, HEADS = 3, 4
TEXTS = (10, 20, 50, 100, 250)
PAGE = Path(__file__).parents[1] / "docs" / "validity.md"


def simulated_sums(
    rng: np.random.Generator, texts: int, truth: Floats, noise: float = 0.5
) -> tuple[Floats, Floats]:
    """Observed and expected [groups, blocks, heads] of texts of unlike lengths.

    `truth` [blocks, heads] is each head's ratio; a text's own ratio is skewed around it, and a part
    of that is the same for all heads, as it is with real texts.
    """
    size = rng.lognormal(0, 0.6, texts)
    shared = rng.lognormal(-(noise**2) / 2, noise, (texts, 1, 1))
    own = rng.lognormal(-(noise**2) / 2, noise, (texts, *truth.shape))
    each = size[:, None, None] * truth * shared * own * 100
    group = rng.integers(GROUPS, size=texts)
    observed, expected = np.zeros((2, GROUPS, *truth.shape))
    np.add.at(observed, group, each)
    np.add.at(expected, group, np.broadcast_to(size[:, None, None] * 100, each.shape))
    there = np.unique(group)
    return observed[there], expected[there]


def run_of(sums: tuple[Floats, Floats]) -> Run:
    """The sums as a run whose quantities claims take."""
    made = Run.__new__(Run)
    made.observed, made.expected = sums
    made.blocks = sums[0].shape[1]
    return made


SIMULATED: dict[str, tuple[Callable[[Run], Estimate], Callable[[Floats], float]]] = {
    "ratio, final third": (Run.final_third, lambda truth: float(truth[-1].mean())),
    "first over final third": (
        Run.first_over_final,
        lambda truth: float(truth[0].mean() / truth[-1].mean()),
    ),
    "strongest head": (Run.strongest_head, lambda truth: float(truth.max())),
    "spread over heads": (
        Run.spread_over_heads,
        lambda truth: float(np.sqrt(np.log2(truth).var(axis=1, ddof=1).mean())),
    ),
}
"""Each statistic with its true value."""


def coverage(statistic: str, texts: int, simulations: int, seed: int = 0) -> dict[str, float]:
    """How often the interval covers the truth, and the bias of the estimate, of its size."""
    rng = np.random.default_rng([seed, texts])
    quantity, of_truth = SIMULATED[statistic]
    truth = np.exp(np.random.default_rng(1).normal(0, 0.3, (BLOCKS, HEADS)))
    truth[1, 2] = 4.0  # a head that is clearly the strongest
    true, values, covered, groups = of_truth(truth), [], [], []
    for _ in range(simulations):
        found = quantity(run_of(simulated_sums(rng, texts, truth)))
        values.append(found.value)
        covered.append(found.low <= true <= found.high)
        groups.append(found.inputs.groups if found.inputs else 0)
    return {
        "coverage": float(np.mean(covered)),
        "bias": float(np.mean(values) / true - 1),
        "groups": float(np.mean(groups)),
    }


def untrained_sums(encoders: int, texts: int, kept: Path) -> list[pd.DataFrame]:
    """The sums of small untrained encoders on the same prose, seed by seed, kept for another run."""
    from transformers import BertConfig, BertModel

    from blocklens.embedded.bert6 import EMBEDDED
    from blocklens.embedded.prose import prose
    from blocklens.encoder.trunk import Encoder
    from blocklens.heads.head_options import HeadOptions
    from blocklens.heads.measurement import measure

    embedded = Encoder.load(EMBEDDED)
    config = BertConfig(
        vocab_size=embedded.config.vocab_size, hidden_size=48, num_hidden_layers=BLOCKS,
        num_attention_heads=HEADS, intermediate_size=96, max_position_embeddings=64,
    )  # fmt: skip
    base = Encoder(BertModel(config), embedded.tokenizer, name="small")
    chosen = list(prose())[:texts]
    options = HeadOptions(sweep=(0.01,))
    kept.mkdir(parents=True, exist_ok=True)
    found = []
    for seed in range(encoders):
        file = kept / f"{texts}-texts-seed-{seed}.parquet"
        if not file.exists():
            measured = measure(
                chosen, base.untrained(seed), options=options, window=48, long="cut", unit="text"
            )
            write_table(measured.groups, file)
        found.append(pd.read_parquet(file))
    return found


def p1_claims() -> list[Claim]:
    """P1's claims, which read sums alone."""
    return [made for made in REGISTRY.values() if made.id.startswith("p1-")]


def estimates(sums: list[pd.DataFrame], claim: Claim) -> list[Estimate | None]:
    """The claim's estimate for each encoder by itself."""
    found = [claim.find({"sums": of_one.assign(run="encoder")}) for of_one in sums]
    return [finding.effect if finding else None for finding in found]


def multiplied(estimate: Estimate, factor: float) -> Estimate:
    """The estimate with its effect a number of times as large."""
    shift = {"value": estimate.value * factor}
    if estimate.ratio:
        shift |= {"low": estimate.low * factor, "high": estimate.high * factor}
    return replace(estimate, **shift)


def verdict_rates(
    claims: list[Claim],
    pool: dict[str, list[Estimate]],
    *,
    factor: float = 1.0,
    twins: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """How often each claim holds and does not, every encoder judged once beside drawn twins.

    Columns claim, holds, fails (alone, each by its own 95 %), and the same with the error
    controlled over all claims of a study (`holds, study`, `fails, study`).
    """
    rng = np.random.default_rng(seed)
    count = min(len(found) for found in pool.values())
    said: list[dict[str, object]] = []
    for number in range(count):
        others = rng.choice(np.delete(np.arange(count), number), twins, replace=False)
        findings = []
        for claim in claims:
            own = multiplied(pool[claim.id][number], factor)
            control = population([pool[claim.id][other] for other in others])
            findings.append((claim, Finding(own, {LEARNED: control})))
        for together in (True, False):
            judged = judge(findings) if together else [judge([one])[0] for one in findings]
            said += [
                {"claim": one.claim.id, "study": together, "verdict": one.verdict} for one in judged
            ]
    frame = pd.DataFrame(said)
    rates = {
        f"{word}{', study' if together else ''}": frame[frame["study"] == together]
        .assign(hit=lambda rows, word=word: rows["verdict"] == word)
        .groupby("claim", sort=False)["hit"]
        .mean()
        for together in (False, True)
        for word in ("holds", "does not hold")
    }
    return pd.DataFrame(rates)


def texts_alone_rate(pool: list[Estimate], least: float, *, twins: int = 3, seed: int = 0) -> float:
    """How often an untrained encoder would hold by the former rule: intervals over texts alone."""
    rng = np.random.default_rng(seed)
    held = []
    for number, own in enumerate(pool):
        others = rng.choice(np.delete(np.arange(len(pool)), number), twins, replace=False)
        held.append(own.low > max(*(pool[other].high for other in others), min(least, 1.0)))
    return float(np.mean(held))


def percent(value: float) -> str:
    """A rate as a reader sees it."""
    return f"{100 * value:.1f} %"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table of Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Measure everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--encoders", type=int, default=200)
    parser.add_argument("--texts", type=int, default=40)
    parser.add_argument("--kept", type=Path, default=Path(".validity"), help="measured encoders")
    parser.add_argument("--out", type=Path, default=PAGE)
    given = parser.parse_args()
    began = time.perf_counter()
    covered = {
        (statistic, texts): coverage(statistic, texts, given.simulations)
        for statistic in SIMULATED
        for texts in TEXTS
    }
    sums = untrained_sums(given.encoders, given.texts, given.kept)
    claims = p1_claims()
    pool: dict[str, list[Estimate]] = {}
    for claim in claims:
        found = [one for one in estimates(sums, claim) if one is not None]
        if len(found) == len(sums):
            pool[claim.id] = found
    claims = [claim for claim in claims if claim.id in pool]
    rates = verdict_rates(claims, pool)
    power = {factor: verdict_rates(claims, pool, factor=factor) for factor in (1.5, 2.0, 4.0)}
    minutes = (time.perf_counter() - began) / 60
    given.out.write_text(page(given, covered, rates, power, pool, minutes), encoding="utf-8")


def page(given, covered, rates, power, pool, minutes) -> str:  # noqa: ANN001 - what main measured
    """The page, with the command that made it."""
    ends = stats.binom.interval(0.95, given.encoders, 0.05)
    of_coverage = table(
        ["statistic", *(f"{texts} texts" for texts in TEXTS)],
        [
            [statistic]
            + [
                f"{percent(covered[statistic, texts]['coverage'])} "
                f"(bias {100 * covered[statistic, texts]['bias']:+.1f} %)"
                for texts in TEXTS
            ]
            for statistic in SIMULATED
        ],
    )
    of_rates = table(
        ["claim", "holds", "does not hold", "holds, in a study", "by texts alone, 3 twins"],
        [
            [
                f"`{claim}`",
                percent(row["holds"]),
                percent(row["does not hold"]),
                percent(row["holds, study"]),
                percent(texts_alone_rate(pool[claim], REGISTRY[claim].null)),
            ]
            for claim, row in rates.iterrows()
        ],
    )
    of_power = table(
        ["claim", *(f"{factor:g} times" for factor in power)],
        [
            [f"`{claim}`", *(percent(each.loc[claim, "holds, study"]) for each in power.values())]
            for claim in rates.index
        ],
    )
    return f"""# Can the verdicts be trusted?

Measured by `make validity` (`python -m benchmarks.validity --simulations {given.simulations}
--encoders {given.encoders} --texts {given.texts}`; {minutes:.0f} minutes on two cores). The rule is in
[definitions.md](definitions.md#a-claim).

## Do 95 % intervals cover the truth?

Simulated texts of unlike lengths, whose own ratios are skewed around a known truth;
{given.simulations:,} simulations each. No verdict is given below ten groups of texts: ten texts fill
about {covered["ratio, final third", 10]["groups"]:.0f} of the twenty groups, twenty about
{covered["ratio, final third", 20]["groups"]:.0f}. The strongest head is one that is clearly the
strongest.

{of_coverage}

## How often does an untrained encoder pass?

{given.encoders} untrained encoders ({BLOCKS} blocks of {HEADS} heads) on the same {given.texts} texts, each judged
against five others drawn as its twins. No claim may hold for more than 5 % of them; of
{given.encoders} encoders at a true rate of 5 % between {ends[0]:.0f} and {ends[1]:.0f} pass by chance. "Does not hold" is
right of an untrained encoder. The third column controls the error over the statements of one study
(Holm). The last column is the rule that this one replaced: intervals that know of texts and not of
seeds.

{of_rates}

## How often is a true statement found?

The same encoders with each statistic multiplied by a factor, five twins as they are, error
controlled over the study: how often the claim holds.

{of_power}
"""


if __name__ == "__main__":
    main()
