"""Best-fit packing: several texts share a row, and none sees another.

A text longer than a row is divided into pieces, or with `shorten` its beginning alone is used. Each
piece gets its own [CLS] and [SEP]. Pieces are placed longest first, each into the fullest row that
still has room; so hardly any padding is computed (docs/pretraining.md has the share).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Int64, Integer
from torch import Tensor

from blocklens.pretraining.masking import Recipe, modify

ASKED_STEP = 64
IGNORED = -100


@dataclass(frozen=True)
class PackedRows:
    """Packed rows: row r holds the pieces `first[r]` to `first[r + 1]` of `starts` and `lengths`.

    `starts`: index of the piece's first token in the corpus; `lengths`: its tokens, [CLS] and [SEP]
    not counted; `width`: positions of a row.
    """

    starts: Int64[np.ndarray, " pieces"]
    lengths: Int64[np.ndarray, " pieces"]
    first: Int64[np.ndarray, " bounds"]
    width: int

    def __len__(self) -> int:
        return len(self.first) - 1

    @property
    def tokens(self) -> int:
        """Real tokens of all rows, [CLS] and [SEP] counted, padding not."""
        return int(self.lengths.sum() + 2 * len(self.lengths))

    @property
    def fill(self) -> float:
        """Share of the positions that are not padding."""
        return self.tokens / (len(self) * self.width)


@dataclass(frozen=True)
class Batch:
    """One batch of packed rows, made on the CPU.

    `ids`, `positions`, `texts`: modified ids, position within the piece, and
    number of the piece within the row (-1 for padding). `chosen`: flat indices of the
    modified positions; `labels`: their original ids. Both are filled up to a multiple of
    ASKED_STEP with index 0 and label IGNORED, because matrix products of a new shape have to be
    prepared first. `tokens`: real tokens, padding not counted. `modified`: modified positions.
    `alone`: no row holds more than one piece, and there is no padding.
    """

    ids: Int64[Tensor, "rows width"]
    positions: Int64[Tensor, "rows width"]
    texts: Int64[Tensor, "rows width"]
    chosen: Int64[Tensor, " asked"]
    labels: Int64[Tensor, " asked"]
    tokens: int
    modified: int
    alone: bool

    def to(self, device: torch.device) -> Batch:
        """The batch where the model is."""
        names = ("ids", "positions", "texts", "chosen", "labels")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def pieces(
    offsets: Int64[np.ndarray, " bounds"],
    texts: Int64[np.ndarray, " texts"],
    width: int,
    *,
    shorten: bool,
) -> tuple[Int64[np.ndarray, " pieces"], Int64[np.ndarray, " pieces"]]:
    """Starts and lengths of the pieces of `texts` that fit into rows of `width` positions.

    With `shorten` a text gives one piece, its beginning; without, as many as it takes.
    """
    room = width - 2
    begin, length = offsets[texts], offsets[texts + 1] - offsets[texts]
    if shorten:
        return begin, np.minimum(length, room)
    count = -(-length // room)
    owner = np.repeat(np.arange(len(texts)), count)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    return begin[owner] + number * room, np.minimum(length[owner] - number * room, room)


def pack(
    starts: Int64[np.ndarray, " pieces"], lengths: Int64[np.ndarray, " pieces"], width: int
) -> PackedRows:
    """Place the pieces into rows by best fit, longest first; ties keep their order.

    `lengths` are without [CLS] and [SEP] and at most `width` - 2.
    """
    if len(lengths) and int(lengths.max()) > width - 2:
        raise ValueError(f"a piece of {int(lengths.max())} tokens in rows of {width}")
    waiting: list[list[int]] = [[] for _ in range(width + 1)]  # rows by the room they have left
    rows: list[list[int]] = []
    for piece in np.argsort(-lengths, kind="stable").tolist():
        need = int(lengths[piece]) + 2
        room = next((free for free in range(need, width) if waiting[free]), width)
        if room == width:
            row = len(rows)
            rows.append([piece])
        else:
            row = waiting[room].pop()
            rows[row].append(piece)
        waiting[room - need].append(row)
    order = np.fromiter((piece for row in rows for piece in row), np.int64, len(lengths))
    first = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in rows], out=first[1:])
    return PackedRows(starts[order], lengths[order], first, width)


def batch_of(
    rows: PackedRows,
    numbers: Int64[np.ndarray, " rows"],
    tokens: Integer[np.ndarray, " tokens"],
    recipe: Recipe,
    *,
    cls: int,
    sep: int,
    pad: int,
    seed: int,
    epoch: int,
) -> Batch:
    """The rows `numbers` with the modifications of (`seed`, `epoch`)."""
    shape = (len(numbers), rows.width)
    ids = np.full(shape, pad, dtype=np.int64)
    positions = np.zeros(shape, dtype=np.int64)
    texts = np.full(shape, -1, dtype=np.int64)
    places = np.full(shape, -1, dtype=np.int64)
    count = np.arange(rows.width)
    real = 0
    for line, number in enumerate(numbers):
        here = 0
        for text, piece in enumerate(range(rows.first[number], rows.first[number + 1])):
            start, length = int(rows.starts[piece]), int(rows.lengths[piece])
            end = here + length + 2
            ids[line, here] = cls
            ids[line, here + 1 : end - 1] = tokens[start : start + length]
            ids[line, end - 1] = sep
            positions[line, here:end] = count[: length + 2]
            texts[line, here:end] = text
            places[line, here + 1 : end - 1] = start + count[:length]
            here = end
        real += here
    changed, chosen = modify(ids, places, recipe, seed=seed, epoch=epoch)
    where = np.flatnonzero(chosen)
    missing = -len(where) % ASKED_STEP
    labels = np.pad(ids.reshape(-1)[where], (0, missing), constant_values=IGNORED)
    return Batch(
        ids=torch.from_numpy(changed),
        positions=torch.from_numpy(positions),
        texts=torch.from_numpy(texts),
        chosen=torch.from_numpy(np.pad(where, (0, missing))),
        labels=torch.from_numpy(labels),
        tokens=real,
        modified=len(where),
        alone=real == ids.size and bool((texts == 0).all()),
    )
