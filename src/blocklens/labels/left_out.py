"""A figure of labels, and what it is without each group of inputs and without each seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64, Integer

from blocklens.statistics.intervals import (
    Floats,
    effective_groups,
    jackknife,
    jackknife_error,
    of_shares,
)


@dataclass(frozen=True)
class Factors:
    """What a jackknife leaves out in turn, crossed: groups of inputs, and seeds.

    Attributes:
        parts: for each factor the cells of counts that are left out together.
        weights: how much each part of the first factor holds, if that is the inputs.
        of: to how many groups the inputs were dealt.
        seeds: how many parts the factor of seeds has, the last; 1 where there is none.

    """

    parts: list[list[list[int]]]
    weights: Float64[np.ndarray, " groups"] | None
    of: int
    seeds: int = 1

    def __iter__(self) -> Iterator[list[list[int]]]:
        return iter(self.parts)

    def interval(self, value: Floats, without: Sequence[Floats]) -> tuple[Floats, Floats]:
        """The 95 % interval of a figure, from its values without each part of every factor."""
        return jackknife(value, *without, weights=self.weights, of=self.of)

    def seeds_error(self, value: Floats, without: Sequence[Floats]) -> Floats:
        """What of its standard error is the seeds'; NaN with one seed, which says nothing of it."""
        return jackknife_error(without[-1]) if self.seeds > 1 else np.full(np.shape(value), np.nan)


@dataclass(frozen=True, slots=True)
class Jackknifed:
    """A figure: `value` [...], and its values without each part of each of `factors`, [parts, ...].

    `n` occurrences and `labels` stand behind it.
    """

    value: Floats
    without: tuple[Floats, ...]
    n: int
    labels: int
    factors: Factors

    def interval(self) -> tuple[Floats, Floats]:
        """Lower and upper end of the 95 % interval; NaN where the figure is undefined."""
        return self.factors.interval(self.value, self.without)

    def rows(
        self, name: str, blocks: Iterable[Any], *, share: bool = False
    ) -> list[dict[str, Any]]:
        """One a block as `learning` has them (`tables`); `share`: it lies between 0 and 1."""
        low, high = self.interval()
        if share:
            low, high = of_shares(low, high)
        seeds_error = self.factors.seeds_error(self.value, self.without)
        return [
            {
                "block": block,
                "statistic": name,
                "value": self.value[place],
                "low": low[place],
                "high": high[place],
                "seeds_error": seeds_error[place],
                "n": self.n,
                "n_types": self.labels,
            }
            for place, block in enumerate(blocks)
        ]

    def through(self, change: Callable[[Floats], Floats]) -> Jackknifed:
        """What `change` makes of it, such as a slope: from [..., blocks] to [..., 1]."""
        without = tuple(change(part) for part in self.without)
        return replace(self, value=change(self.value), without=without)


def leave_out_factors(number: Integer[np.ndarray, " cells"], seeds: int = 1) -> Factors:
    """What a jackknife leaves out: each group of inputs in all seeds, and each seed.

    Cell `seed * inputs + group` holds a group of inputs predicted by the read-outs of one seed.

    Args:
        number: how many inputs each cell holds; a part that holds nothing is not left out.
        seeds: number of seeds. A factor of one part says nothing, and is none.

    """
    cells = np.arange(number.size).reshape(seeds, -1)
    by_input, by_seed = (
        [part.tolist() for part in parts if number[part].any()] for parts in (cells.T, cells)
    )
    weights = np.array([number[part].sum() for part in by_input], dtype=np.float64)
    parts = [factor for factor in (by_input, by_seed) if len(factor) > 1]
    weights = weights if len(by_input) > 1 else None
    return Factors(parts, weights, cells.shape[1], max(1, len(by_seed)))


def effective_inputs(number: Integer[np.ndarray, " cells"], seeds: int = 1) -> float:
    """As how many groups of equal weight the inputs count, by the `number` that each cell holds.

    Cells are those of `leave_out_factors`. Below `groups.FEWEST_GROUPS` there is no verdict.
    """
    return float(effective_groups(number.reshape(seeds, -1).sum(axis=0).astype(np.float64)))
