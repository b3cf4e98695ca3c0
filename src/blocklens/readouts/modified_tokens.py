"""Modified tokens of texts, and the outputs of all blocks at their positions.

The recipe of modification is `masking.modify` with a token's place made from a hash of its text and
its position: which tokens are modified depends on (seed, pass, text) alone, not on the order of the
texts, the batch or the process. A masked-LM read-out needs the outputs of a block at the modified
positions only, about 15 % of the tokens, so these rows of all blocks are gathered in one pass of
the frozen trunk and the heads train on them without the trunk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from blocklens.errors import UserError
from blocklens.inputs.texts import text_key
from blocklens.pretraining.masking import Recipe, modify

if TYPE_CHECKING:
    from blocklens.encoder.trunk import Encoder
    from blocklens.inputs.texts import Text

TOKENS_AT_ONCE = 4096
"""Tokens of a batch, padding included."""

LOOK_AHEAD = 256
"""Texts read ahead and sorted by length, so that batches need little padding."""

MASKED, RANDOM, UNCHANGED = range(3)


@dataclass(frozen=True)
class ModifiedBatch:
    """A batch of modified texts.

    `ids`, `mask` int64 [texts, tokens]; `positions` [rows, 2] = text and token of the modified
    tokens; for each of these rows the original token `labels`, its `kinds` (0 masked, 1 random, 2
    unchanged) and the 63-bit hash `keys` of its text. `tokens`: all original tokens but the special
    ones, in the first pass over a text (none in later passes), for counting frequencies. `begun`:
    texts of which the first window is here.
    """

    ids: Tensor
    mask: Tensor
    positions: NDArray[np.int64]
    labels: NDArray[np.int64]
    kinds: NDArray[np.int8]
    keys: NDArray[np.int64]
    tokens: NDArray[np.int64]
    begun: int


def recipe_for(encoder: Encoder, share: float = 0.15) -> Recipe:
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
    return Recipe(vocabulary=int(encoder.config.vocab_size), mask_id=int(mask_id), share=share)


def modified_batches(
    encoder: Encoder,
    texts: Iterable[str | Text],
    recipe: Recipe,
    *,
    tokens: int,
    long: Literal["windows", "cut"] = "cut",
    passes: int = 1,
    first_pass: int = 0,
    seed: int = 0,
) -> Iterator[ModifiedBatch]:
    """Batches of `texts` in windows of at most `tokens` tokens, each modified `passes` times.

    Passes are numbered from `first_pass` on; another number is another modification.

    `long`: of a long text all "windows", without overlap, or "cut" to the first one alone. Special
    tokens count towards `tokens`. Texts without a token of their own are left out.
    """
    strings = (text if isinstance(text, str) else text.text for text in texts)
    cut = _windows if long == "windows" else _beginnings
    while ahead := list(islice(strings, LOOK_AHEAD)):
        items = list(cut(encoder, ahead, tokens))
        items.sort(key=lambda item: (len(item.ids), item.key, item.start))
        for batch in _split(items):
            for number in range(first_pass, first_pass + passes):
                yield _modified(encoder, batch, recipe, seed=seed, number=number)


@dataclass(frozen=True)
class _Window:
    """`ids` of the text `key` from its token `start` on, and which are `free` to modify."""

    key: int
    start: int
    ids: NDArray[np.int64]
    free: NDArray[np.bool_]


def _beginnings(encoder: Encoder, texts: list[str], tokens: int) -> Iterator[_Window]:
    encoded = encoder.tokenizer(
        texts, truncation=True, max_length=tokens, return_special_tokens_mask=True, verbose=False
    )
    unknown = encoder.tokenizer.unk_token_id
    for text, ids, special in zip(
        texts, encoded["input_ids"], encoded["special_tokens_mask"], strict=True
    ):
        free = (np.asarray(special) == 0) | (np.asarray(ids) == unknown)
        if free.any():
            yield _Window(text_key(text), 0, np.asarray(ids, dtype=np.int64), free)


def _windows(encoder: Encoder, texts: list[str], tokens: int) -> Iterator[_Window]:
    around = encoder.windows(tokens=tokens, overlap=0)
    encoded = encoder.tokenizer(texts, add_special_tokens=False, verbose=False)
    for text, found in zip(texts, encoded["input_ids"], strict=True):
        for start in range(0, len(found), around.room):
            part = np.asarray(found[start : start + around.room], dtype=np.int64)
            ids = np.concatenate([around.prefix, part, around.suffix])
            free = np.zeros(len(ids), dtype=bool)
            free[len(around.prefix) : len(around.prefix) + len(part)] = True
            yield _Window(text_key(text), start, ids, free)


def _split(items: Sequence[_Window]) -> Iterator[Sequence[_Window]]:
    start = 0
    for end in range(1, len(items) + 1):
        full = end == len(items) or (end + 1 - start) * len(items[end].ids) > TOKENS_AT_ONCE
        if full:
            yield items[start:end]
            start = end


def _modified(
    encoder: Encoder, batch: Sequence[_Window], recipe: Recipe, *, seed: int, number: int
) -> ModifiedBatch:
    longest = max(len(window.ids) for window in batch)
    pad = getattr(encoder.tokenizer, "pad_token_id", None) or 0
    original = np.full((len(batch), longest), pad, dtype=np.int64)
    mask = np.zeros_like(original)
    places = np.full_like(original, -1)
    for row, window in enumerate(batch):
        ids, free = window.ids, window.free
        original[row, : len(ids)] = ids
        mask[row, : len(ids)] = 1
        place = (window.key & ~0xFFFF) + window.start + np.arange(len(ids))
        places[row, : len(ids)][free] = place[free]
    changed, chosen = modify(original, places, recipe, seed=seed, epoch=number)
    positions = np.argwhere(chosen)
    labels, now = original[chosen], changed[chosen]
    kinds = np.full(labels.shape, RANDOM, dtype=np.int8)
    kinds[now == labels] = UNCHANGED
    kinds[now == recipe.mask_id] = MASKED
    keys = np.array([window.key for window in batch], dtype=np.int64)
    return ModifiedBatch(
        ids=torch.from_numpy(changed),
        mask=torch.from_numpy(mask),
        positions=positions,
        labels=labels,
        kinds=kinds,
        keys=keys[positions[:, 0]],
        tokens=original[places >= 0] if number == 0 else np.empty(0, dtype=np.int64),
        begun=sum(window.start == 0 for window in batch),
    )


def rows_of_blocks(
    encoder: Encoder, batch: ModifiedBatch, norm: torch.nn.Module | None = None
) -> list[Tensor]:
    """Outputs of blocks 0..L at the modified positions, [rows, width] float32 each.

    `norm`: a pre-norm encoder's final norm, applied to every block but the last.
    """
    device = encoder.model.device
    text, token = (torch.from_numpy(batch.positions[:, axis]).to(device) for axis in (0, 1))
    outputs = encoder.block_outputs(batch.ids.to(device), batch.mask.to(device))
    rows = [output[text, token].float() for output in outputs]
    if norm is not None:
        with torch.inference_mode():
            rows[:-1] = [norm(row) for row in rows[:-1]]
    return [row.cpu() for row in rows]


@dataclass
class Rows:
    """Gathered rows of all blocks.

    `outputs` float16 [blocks, rows, width], a memory map of a temporary file, and int64 `labels`
    [rows]. `close` (or leaving the `with` block) deletes the file.
    """

    outputs: NDArray[np.float16]
    labels: NDArray[np.int64]
    token_counts: NDArray[np.int64]
    """How often each token occurs in the texts that were read, [labels]."""
    folder: Any = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    def __enter__(self) -> Rows:
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
    norm: torch.nn.Module | None = None,
    folder: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Rows:
    """One pass of the frozen trunk: the rows of all blocks at up to `limit` modified tokens.

    The file takes blocks x rows x width x 2 bytes in `folder` (default: the system's temporary
    one). `progress` is called with the rows gathered and the most there can be.

    Raises:
        UserError: no modified token in the texts.

    """
    width, blocks = int(encoder.config.hidden_size), encoder.blocks + 1
    temporary = tempfile.TemporaryDirectory(prefix="blocklens-rows-", dir=folder)
    path = Path(temporary.name) / "rows.f16"
    outputs = np.memmap(path, dtype=np.float16, mode="w+", shape=(blocks, limit, width))
    labels: list[NDArray[np.int64]] = []
    counts = np.zeros(int(encoder.config.vocab_size), dtype=np.int64)
    filled = 0
    for batch in batches:
        take = min(limit - filled, len(batch.labels))
        for block, rows in enumerate(rows_of_blocks(encoder, batch, norm)):
            outputs[block, filled : filled + take] = rows[:take].numpy()
        labels.append(batch.labels[:take])
        counts += np.bincount(batch.tokens, minlength=counts.size)
        filled += take
        if progress is not None:
            progress(filled, limit)
        if filled == limit:
            break
    if progress is not None:
        progress(filled, filled)
    if not filled:
        temporary.cleanup()
        raise UserError("read-outs: the training texts have no token to modify; give more texts")
    return Rows(outputs[:, :filled], np.concatenate(labels), counts, temporary)
