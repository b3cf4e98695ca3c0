"""Replacing tokens by their strong match partners, against random tokens of the same frequency.

P2's cause for confidence's independence of APT (docs/definitions.md): a token that the pre-trained
model takes for its partner serves the classifier as well as the token itself. The test (ours): a
share of the tokens of an input that have a partner is replaced, by

- `partner`: the token that it matches most strongly, N(i, j) > theta, j != i;
- `random`: a random token as frequent as the partner, within one doubling. The same places, the
  same frequency of what comes in, only the match is missing;
- `random, own frequency`: a random token as frequent as the one that goes out.

and the classifier's answer is compared with its answer to the input as it was. Which tokens are
replaced, and by which, is given by the seed and the text; a larger share takes in all of a smaller
one's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Float64, Int64, Integer
from numpy.typing import NDArray
from scipy import sparse

from blocklens.labels.confusion import Sparse
from blocklens.labels.kept_matrix import kept_matrix
from blocklens.labels.left_out import effective_inputs, leave_out_factors
from blocklens.labels.nulls import frequency_bins
from blocklens.labels.tasks import TOKENS
from blocklens.statistics.groups import GROUPS
from blocklens.statistics.intervals import of_shares

Integers = NDArray[np.integer]

ARMS = ("partner", "random", "random, own frequency")
SHARES = (0.25, 0.5, 0.75, 1.0)
STATISTICS = ("prediction change", "changed predictions", "accuracy")


@dataclass(frozen=True)
class Matches:
    """What tokens may be replaced by.

    `partner` [vocabulary]: the token's strongest match, -1 for a token without one. `bins`
    [vocabulary]: its frequency's doubling, -1 for a token that was never seen.
    """

    partner: Int64[np.ndarray, " vocabulary"]
    bins: Int64[np.ndarray, " vocabulary"]

    @classmethod
    def of(
        cls,
        counts: Sparse,
        frequency: Integer[np.ndarray, " vocabulary"],
        *,
        theta: float = TOKENS.theta,
        n_min: int = 10,
    ) -> Matches:
        """From the confusion counts M of the last block and the tokens' frequency.

        Tokens that were never modified stand in for none: nothing is known of them.
        """
        kept = kept_matrix(counts, n_min)
        elements: Any = sparse.coo_array(kept.lower)
        strong = (elements.row != elements.col) & (elements.data > theta)
        partner = np.full(counts.shape[0], -1, dtype=np.int64)
        order = np.argsort(elements.data[strong], kind="stable")  # the strongest is written last
        true, other = elements.row[strong][order], elements.col[strong][order]
        partner[kept.labels[true]] = kept.labels[other]
        measured = np.diff(counts.indptr) > 0
        return cls(partner, frequency_bins(np.where(measured, frequency, 0)))

    @property
    def tokens(self) -> int:
        """Number of tokens with a partner."""
        return int((self.partner >= 0).sum())

    @cached_property
    def replaceable(self) -> Bool[np.ndarray, " vocabulary"]:
        """Tokens that every arm can replace: with a partner, and others as frequent as both."""
        _, own, size = np.unique(self.bins, return_inverse=True, return_counts=True)
        other = own[self.partner]
        among = 1 + (own == other)  # token and partner themselves, where they lie in the bin
        return (self.partner >= 0) & (size[own] > among) & (size[other] > among)


def replace_tokens(
    ids: Sequence[int], matches: Matches, share: float, arm: str, rng: np.random.Generator
) -> tuple[list[int], int]:
    """One input with a share of its replaceable tokens replaced, and how many were.

    Raises:
        ValueError: an arm that is not one of ARMS.

    """
    replaced = np.asarray(ids, dtype=np.int64).copy()
    places = rng.permutation(np.flatnonzero(matches.replaceable[replaced]))
    places = places[: int(np.ceil(share * places.size))]
    for place in places:
        token = replaced[place]
        partner = matches.partner[token]
        if arm == "partner":
            replaced[place] = partner
            continue
        if arm not in ARMS:
            raise ValueError(f"arm {arm!r}; expected one of {ARMS}")
        like = partner if arm == "random" else token
        alike = np.flatnonzero(matches.bins == matches.bins[like])
        alike = alike[(alike != token) & (alike != partner)]
        replaced[place] = alike[rng.integers(alike.size)]
    return replaced.tolist(), int(places.size)


@dataclass(frozen=True)
class Replaced:
    """The inputs of one arm and share: `ids` of every input, `number` of tokens replaced [n]."""

    arm: str
    share: float
    ids: list[list[int]]
    number: Int64[np.ndarray, " inputs"]


def replaced_inputs(
    ids: Sequence[Sequence[int]],
    keys: Integer[np.ndarray, " inputs"],
    matches: Matches,
) -> list[Replaced]:
    """Every arm at every share, for inputs `ids` with their hashes `keys`."""
    arms = []
    for arm in ARMS:
        for share in SHARES:
            pairs = [
                replace_tokens(one, matches, share, arm, np.random.default_rng([0, int(key)]))
                for one, key in zip(ids, keys, strict=True)
            ]
            number = np.array([count for _, count in pairs], dtype=np.int64)
            arms.append(Replaced(arm, share, [one for one, _ in pairs], number))
    return arms


def replacement_table(
    before: Float[np.ndarray, "seeds inputs classes"],
    after: Sequence[Float[np.ndarray, "seeds inputs classes"]],
    replaced: Sequence[Replaced],
    labels: Integer[np.ndarray, " inputs"],
    lengths: Integer[np.ndarray, " inputs"],
    keys: Integer[np.ndarray, " inputs"],
    tested: Bool[np.ndarray, "seeds inputs"],
) -> pd.DataFrame:
    """How far the answers move, per arm and share, and how much further at random.

    Args:
        before: class probabilities of the inputs as they were, [seeds, n, classes].
        after: the same for every element of `replaced`.
        replaced: what was put in their place.
        labels: class of every input, [n].
        lengths: tokens of every input, special ones not counted, [n].
        keys: hash of every input, [n].
        tested: whether the input was not trained on by a seed, [seeds, n].

    Returns:
        Columns arm, share (of the tokens with a partner), tokens (share of all tokens that were
        replaced), statistic, value, low, high, seeds_error (the seeds' part of the standard
        error), n, groups (as how many groups of equal weight the inputs count), seeds.
        Statistics: "prediction change" (total variation between the class probabilities),
        "changed predictions", "accuracy". The rows of arm "random - partner" (and that of own
        frequency) hold the difference, input by input.

    """
    seeds = len(tested)
    changes = {
        (one.arm, one.share): measured(before, probabilities, labels)
        for one, probabilities in zip(replaced, after, strict=True)
    }
    cell = np.arange(seeds)[:, None] * GROUPS + np.asarray(keys) % GROUPS
    some = np.array([one.number for one in replaced]).max(axis=0) > 0
    chosen = tested & some
    counted = effective_inputs(np.bincount(cell[chosen], minlength=seeds * GROUPS), seeds)
    rows = []
    for one in replaced:
        arms = {one.arm: changes[one.arm, one.share]}
        if one.arm != "partner":
            arms[f"{one.arm} - partner"] = (
                changes[one.arm, one.share] - changes["partner", one.share]
            )
        for arm, values in arms.items():
            value, low, high, seeds_error = crossed_mean(values, cell, chosen, GROUPS)
            if arm == one.arm:
                low, high = of_shares(low, high)
            for number, statistic in enumerate(STATISTICS):
                rows.append(
                    {
                        "arm": arm,
                        "share": one.share,
                        "tokens": one.number[some].sum() / max(np.sum(lengths[some]), 1),
                        "statistic": statistic,
                        "value": value[number],
                        "low": low[number],
                        "high": high[number],
                        "seeds_error": seeds_error[number],
                        "n": int(chosen.sum()),
                        "groups": counted,
                        "seeds": seeds,
                    }
                )
    return pd.DataFrame(rows)


def measured(
    before: Float[np.ndarray, "seeds inputs classes"],
    after: Float[np.ndarray, "seeds inputs classes"],
    labels: Integer[np.ndarray, " inputs"],
) -> Float64[np.ndarray, "statistics seeds inputs"]:
    """STATISTICS of every input, [statistics, seeds, n]."""
    return np.stack(
        [
            np.abs(after - before).sum(axis=-1) / 2,
            after.argmax(axis=-1) != before.argmax(axis=-1),
            after.argmax(axis=-1) == labels,
        ]
    ).astype(np.float64)


def crossed_mean(
    values: Float64[np.ndarray, "statistics seeds inputs"],
    cell: Integer[np.ndarray, "seeds inputs"],
    chosen: Bool[np.ndarray, "seeds inputs"],
    groups: int,
) -> tuple[
    Float64[np.ndarray, " statistics"],
    Float64[np.ndarray, " statistics"],
    Float64[np.ndarray, " statistics"],
    Float64[np.ndarray, " statistics"],
]:
    """Mean over the chosen of `values` [statistics, seeds, n], with its interval over seeds and n.

    And the part of its standard error that is the seeds'.
    `cell` [seeds, n]: group of texts and seed, as `left_out.leave_out_factors` numbers them.
    """
    at, seeds = cell[chosen], len(cell)
    number = np.bincount(at, minlength=seeds * groups)
    sums = np.stack([np.bincount(at, weights=v[chosen], minlength=number.size) for v in values])

    def mean(left_out: Sequence[int]) -> NDArray[np.float64]:
        rest = ~np.isin(np.arange(number.size), left_out)
        return sums[:, rest].sum(axis=1) / number[rest].sum()

    factors = leave_out_factors(number, seeds)
    left = [np.array([mean(part) for part in factor]) for factor in factors]
    value = mean(())
    return value, *factors.interval(value, left), factors.seeds_error(value, left)
