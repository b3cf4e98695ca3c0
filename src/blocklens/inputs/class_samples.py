"""Balanced samples of labelled texts: as many of each class, drawn by the seed alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from blocklens.errors import UserError
from blocklens.inputs.labelled_texts import LabelledTexts
from blocklens.wording import counted

TEST_SHARE = 0.2
"""Of each class, where neither sizes nor test texts are given."""


@dataclass(frozen=True)
class Samples:
    """Each seed's training and test texts: numbers into the texts.

    `short`: classes that have fewer training texts than `at_most` asked for, with their number.
    """

    train: Int64[np.ndarray, "seeds train"]
    test: Int64[np.ndarray, "seeds test"]
    short: dict[str, int] = field(default_factory=dict)

    @property
    def used(self) -> Int64[np.ndarray, " used"]:
        """The texts that any seed uses, rising."""
        return np.unique(np.concatenate([self.train.ravel(), self.test.ravel()]))


def samples(
    data: LabelledTexts,
    *,
    seeds: int,
    train: int | None = None,
    test: int | None = None,
    at_most: bool = False,
) -> Samples:
    """Training and test texts of every seed, drawn by the seed alone.

    `train`, `test`: texts a class. Without them all are used, a fifth of each class for the test
    where no test texts were given: a stratified split. `at_most`: a class with fewer training texts
    than `train` gives all that it has (a preset's sizes: FewRel repeats some of its sentences).

    Raises:
        UserError: a class with fewer texts than asked for.

    """
    given = data.given_test
    drawn: dict[str, list[NDArray[np.int64]]] = {"train": [], "test": []}
    short: dict[str, int] = {}
    for seed in range(seeds):
        chosen: dict[str, list[NDArray[np.int64]]] = {"train": [], "test": []}
        for label, name in enumerate(data.names):
            rng = np.random.default_rng([seed, label])
            of_class = rng.permutation(np.flatnonzero(data.labels == label))
            if given is None:
                sizes = _sizes(len(of_class), train, test, name, at_most, data)
                parts = np.split(of_class, [sizes["test"], sizes["test"] + sizes["train"]])
                pools = {"test": parts[0], "train": parts[1]}
            else:
                free = of_class[~given[of_class]]
                asked = min(train, len(free)) if train and at_most else train
                pools = {
                    "train": _first(free, asked, name, "training", data),
                    "test": _first(of_class[given[of_class]], test, name, "test", data),
                }
            for part, rows in pools.items():
                chosen[part].append(rows)
            if train and len(pools["train"]) < train:
                short[name] = len(pools["train"])
        for part, rows in chosen.items():
            drawn[part].append(np.concatenate(rows))
    return Samples(np.stack(drawn["train"]), np.stack(drawn["test"]), short)


def _sizes(
    count: int,
    train: int | None,
    test: int | None,
    name: str,
    at_most: bool,
    data: LabelledTexts,
) -> dict[str, int]:
    """How many texts of a class of `count` are for training and for the test."""
    if test is None:
        free = count if train is None else count - train
        test = max(1, min(round(count * TEST_SHARE), free))
    if train is None:
        train = max(1, count - test)
    elif at_most:
        train = max(1, min(train, count - test))
    if count < 2:
        raise UserError(
            f"class {name!r} has {counted(count, 'text')}, and one is needed to train on and one "
            "to test on: delete its records, or give them another class" + data.without()
        )
    if train + test > count:
        raise UserError(
            f"class {name!r} has {counted(count, 'text')}, {train + test} asked for ({train} to "
            f"train and {test} to test): ask for fewer with --train and --test-size, or leave the "
            f"class out{data.without()}"
        )
    return {"train": train, "test": test}


def _first(
    rows: NDArray[np.int64], asked: int | None, name: str, what: str, data: LabelledTexts
) -> NDArray[np.int64]:
    if asked is not None and asked > len(rows):
        advice = "ask for fewer with --train and --test-size" if len(rows) else "add some"
        raise UserError(
            f"class {name!r} has {counted(len(rows), f'{what} text')}, {asked} asked for: "
            f"{advice}, or leave the class out{data.without()}"
        )
    return rows[:asked]
