"""Modified tokens of texts, and the outputs of all blocks at their positions.

The recipe of modification is `masking.modify` with a token's place made from a hash of its text and
its position: which tokens are modified depends on (seed, pass, text) alone, not on the order of the
texts, the batch or the process. A masked-LM read-out needs the outputs of a block at the modified
positions only, about 15 % of the tokens, so these rows of all blocks are gathered in one pass of
the frozen trunk and the heads train on them without the trunk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Int8, Int64
from torch import Tensor

from blocklens.distributed import ALONE, Share
from blocklens.encoder.batching import Ids, of_like_lengths, padded, padding_id
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.texts import Text
from blocklens.inputs.tokenising import token_ids
from blocklens.options import LongTexts
from blocklens.pretraining.masking import Recipe, modify
from blocklens.progress import SILENT, Progress
from blocklens.statistics.groups import text_key

LOOK_AHEAD = 256
"""Texts read ahead and sorted by length, so that batches need little padding."""

MASKED, RANDOM, UNCHANGED = range(3)


@dataclass(frozen=True)
class ModifiedBatch:
    """A batch of modified texts.

    `positions`: text and token of each modified token; `labels`: what it was; `kinds`: 0 masked, 1
    random, 2 unchanged; `keys`: the 63-bit hash of its text. `tokens`: all original tokens but the
    special ones, in the first pass over a text (none in later passes), for counting frequencies.
    `begun`: texts of which the first window is here, in the first pass.
    """

    ids: Ids
    mask: Ids
    positions: Int64[np.ndarray, "modified 2"]
    labels: Int64[np.ndarray, " modified"]
    kinds: Int8[np.ndarray, " modified"]
    keys: Int64[np.ndarray, " modified"]
    tokens: Int64[np.ndarray, " tokens"]
    begun: int


def recipe_for(encoder: Encoder) -> Recipe:
    """The modification recipe with this encoder's mask token and vocabulary.

    Raises:
        UserError: the encoder's tokenizer has no mask token.

    """
    mask_id = getattr(encoder.tokenizer, "mask_token_id", None)
    if mask_id is None:
        raise UserError(
            f"{encoder.name}: its tokenizer has no mask token, so accuracy per token is not "
            "defined; use an encoder that was pre-trained with masked-language modelling"
        )
    return Recipe(vocabulary=int(encoder.config.vocab_size), mask_id=int(mask_id))


def modified_batches(
    encoder: Encoder,
    texts: Iterable[str | Text],
    recipe: Recipe,
    *,
    tokens: int,
    long: LongTexts = "cut",
    passes: int = 1,
    first_pass: int = 0,
    seed: int = 0,
) -> Iterator[ModifiedBatch]:
    """Batches of `texts` in windows of at most `tokens` tokens, each modified `passes` times.

    Passes are numbered from `first_pass` on; another number is another modification. Windows come
    in an order that is as good as random, so that the first of them are of many texts.

    `long`: of a long text all "windows", without overlap, or "cut" to the first one alone. Special
    tokens count towards `tokens`. Texts without a token of their own are left out.
    """
    strings = (text if isinstance(text, str) else text.text for text in texts)
    most = 1 if long == "cut" else None
    while ahead := list(islice(strings, LOOK_AHEAD)):
        items = sorted(_pieces(encoder, ahead, tokens, most), key=_place_in_order)
        batches = of_like_lengths(items, lambda item: len(item.ids))
        for batch in sorted(batches, key=lambda batch: _place_in_order(batch[0])):
            for number in range(first_pass, first_pass + passes):
                yield _modified(encoder, batch, recipe, seed=seed, number=number)


@dataclass(frozen=True)
class _Window:
    """`ids` of the text `key` from its token `start` on, and which are `free` to modify."""

    key: int
    start: int
    ids: Int64[np.ndarray, " tokens"]
    free: Bool[np.ndarray, " tokens"]


def _place_in_order(window: _Window) -> int:
    """A window's place among others: by hash, that of a text's next windows far from it."""
    return (window.key + window.start * 0x9E3779B97F4A7C15) % 2**63


def _pieces(encoder: Encoder, texts: list[str], tokens: int, most: int | None) -> Iterator[_Window]:
    """Windows of every text without overlap, at most `most` of each."""
    around = encoder.windows(tokens=tokens, overlap=0)
    before, room = len(around.prefix), around.room
    ids = token_ids(encoder.tokenizer, texts, tokens=most and most * room, special=False)
    for text, of_text in zip(texts, ids, strict=True):
        for start in range(0, len(of_text), room):
            part = np.asarray(of_text[start : start + room], dtype=np.int64)
            whole = np.concatenate([around.prefix, part, around.suffix])
            free = np.zeros(len(whole), dtype=bool)
            free[before : before + len(part)] = True
            yield _Window(text_key(text), start, whole, free)


def _modified(
    encoder: Encoder, batch: Sequence[_Window], recipe: Recipe, *, seed: int, number: int
) -> ModifiedBatch:
    ids, mask = padded([window.ids for window in batch], padding_id(encoder.tokenizer))
    original = ids.numpy()  # [texts, longest]
    places = np.full_like(original, -1)  # a token's place in all texts, -1 where it must stay
    for text, window in enumerate(batch):
        free = np.flatnonzero(window.free)
        places[text, free] = (window.key & ~0xFFFF) + window.start + free
    changed, chosen = modify(original, places, recipe, seed=seed, epoch=number)
    positions = np.argwhere(chosen)
    labels, now = original[chosen], changed[chosen]
    kinds = np.full(labels.shape, RANDOM, dtype=np.int8)
    kinds[now == labels] = UNCHANGED
    kinds[now == recipe.mask_id] = MASKED
    keys = np.array([window.key for window in batch], dtype=np.int64)
    return ModifiedBatch(
        ids=torch.from_numpy(changed),
        mask=mask,
        positions=positions,
        labels=labels,
        kinds=kinds,
        keys=keys[positions[:, 0]],
        tokens=original[places >= 0] if number == 0 else np.empty(0, dtype=np.int64),
        begun=sum(window.start == 0 for window in batch) if number == 0 else 0,
    )


def rows_of_blocks(encoder: Encoder, batch: ModifiedBatch) -> list[Float[Tensor, "modified width"]]:
    """Outputs of blocks 0..L at the modified positions, float32."""
    return rows_at(encoder, batch.ids, batch.mask, batch.positions)


def rows_at(
    encoder: Encoder,
    ids: Ids,
    mask: Ids,
    positions: Int64[np.ndarray, "rows 2"],
) -> list[Float[Tensor, "rows width"]]:
    """Outputs of blocks 0..L at some positions (text and token) of a batch, float32.

    A pre-norm encoder's final norm is applied to every block.
    """
    device = encoder.model.device
    text, token = (torch.from_numpy(positions[:, axis]).to(device) for axis in (0, 1))
    outputs = encoder.block_outputs(ids.to(device), mask.to(device))
    rows = encoder.final_norm.on_every_block([output[text, token] for output in outputs])
    return [row.float().cpu() for row in rows]


@dataclass
class GatheredRows:
    """Gathered rows of all blocks.

    `outputs` is a memory map of a temporary file; `close` (or leaving the `with` block) deletes it.
    """

    outputs: Float16[np.ndarray, "blocks rows width"]
    labels: Int64[np.ndarray, " rows"]
    token_counts: Int64[np.ndarray, " vocabulary"]
    """How often each token occurs in the texts that were read."""
    folder: Any = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    def __enter__(self) -> GatheredRows:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete the file."""
        del self.outputs
        if self.folder is not None:
            self.folder.cleanup()


def gather(
    encoder: Encoder,
    batches: Iterable[ModifiedBatch],
    *,
    limit: int,
    folder: str | Path | None = None,
    share: Share = ALONE,
    progress: Progress = SILENT,
) -> GatheredRows:
    """One pass of the frozen trunk: the rows of all blocks at up to `limit` modified tokens.

    The file takes blocks x rows x width x 2 bytes in `folder` (default: the system's temporary
    one). Each of several processes computes the rows of its batches, and has those of all in the
    end.

    Raises:
        UserError: no modified token in the texts, or outputs that are not finite.

    """
    width, blocks = int(encoder.config.hidden_size), encoder.blocks + 1
    temporary = tempfile.TemporaryDirectory(prefix="blocklens-rows-", dir=folder)
    path = Path(temporary.name) / "rows.f16"
    outputs = np.memmap(path, dtype=np.float16, mode="w+", shape=(blocks, limit, width))
    labels: list[np.ndarray] = []
    counts = np.zeros(int(encoder.config.vocab_size), dtype=np.int64)
    filled = 0
    with progress.stage("gathering", limit, "modified tokens") as stage:
        for number, batch in enumerate(batches):
            take = min(limit - filled, len(batch.labels))
            if share.takes(number):
                for block, rows in enumerate(rows_of_blocks(encoder, batch)):
                    if rows.abs().max() > np.finfo(np.float16).max or not rows.isfinite().all():
                        raise UserError(
                            f"{encoder.name}: outputs of block {block} are not finite, or beyond "
                            "what half precision holds: its weights are damaged, or it needs "
                            "another --dtype"
                        )
                    outputs[block, filled : filled + take] = rows[:take].numpy()
            labels.append(batch.labels[:take])
            counts += np.bincount(batch.tokens, minlength=counts.size)
            filled += take
            stage.reach(filled)
            if filled == limit:
                break
    if not filled:
        temporary.cleanup()
        raise UserError("read-outs: the training texts have no token to modify; give more texts")
    outputs = outputs[:, :filled]
    for of_block in outputs:  # where other processes have rows there are zeros here
        share.total(torch.from_numpy(of_block.view(np.uint8)))
    return GatheredRows(outputs, np.concatenate(labels), counts, temporary)
