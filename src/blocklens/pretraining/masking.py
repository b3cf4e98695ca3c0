"""Which tokens are modified, as a pure function of (seed, epoch, token's place in the corpus).

Neither the batch, nor the packing, nor the number of processes, nor what was drawn before enters:
a run that stopped and goes on draws the same modifications without any generator state to keep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, Integer
from numpy.typing import NDArray


@dataclass(frozen=True)
class Recipe:
    """Modification recipe (docs/definitions.md: Modification).

    Every token but the special ones is chosen with probability `share`; of the chosen,
    `masked` become [MASK], `random` become a uniformly random id, and the rest stay.
    """

    vocabulary: int
    mask_id: int
    share: float = 0.15
    masked: float = 0.8
    random: float = 0.1


def modify(
    ids: Integer[np.ndarray, "*shape"],
    places: Int64[np.ndarray, "*shape"],
    recipe: Recipe,
    *,
    seed: int,
    epoch: int,
) -> tuple[Int64[np.ndarray, "*shape"], Bool[np.ndarray, "*shape"]]:
    """Modified copy of `ids` and the truth values of the chosen tokens.

    `places`: the index of each token in the corpus; negative for tokens that must not be chosen
    (special tokens, padding).
    """
    stream = _mix(np.array([(seed + 0x9E3779B97F4A7C15 * (epoch + 1)) % 2**64], dtype=np.uint64))
    random = _mix(places.astype(np.uint64) ^ stream)
    chosen = (_uniform(random) < recipe.share) & (places >= 0)
    out = ids.astype(np.int64)
    where = np.flatnonzero(chosen)
    random = _mix(random.reshape(-1)[where])
    kind = _uniform(random)
    replacement = out.reshape(-1)[where]
    replacement[kind < recipe.masked] = recipe.mask_id
    is_random = (kind >= recipe.masked) & (kind < recipe.masked + recipe.random)
    drawn = (_uniform(_mix(random)) * recipe.vocabulary).astype(np.int64)
    replacement[is_random] = drawn[is_random]
    out.reshape(-1)[where] = replacement
    return out, chosen


def shuffled(count: int, *, seed: int, epoch: int) -> Int64[np.ndarray, " rows"]:
    """The order in which an epoch visits `count` rows: a permutation given by seed and epoch."""
    return np.random.Generator(np.random.Philox(key=[seed % 2**64, epoch])).permutation(count)


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's step (Steele, Lea and Flood 2014): a bijection of 64 bits that looks random."""
    with np.errstate(over="ignore"):
        value = value + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))


def _uniform(value: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Numbers in [0, 1) from the upper 53 bits."""
    return (value >> np.uint64(11)).astype(np.float64) * 2.0**-53
