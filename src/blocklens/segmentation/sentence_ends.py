"""The attention that the separator at the end of each sentence receives.

P1 suggests it as a sign of a strong boundary (docs/definitions.md: segmentation from attention).
Here sentences need their neighbours: whole sentences fill windows of the encoder's length, each
window starts in the middle of the one before, and a sentence's figure comes from the window in
which it lies most centrally. Time and memory are linear in the length of the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32
from numpy.typing import NDArray

from blocklens.encoder.attention import Heads, Workspace
from blocklens.encoder.head_pass import tapped
from blocklens.encoder.trunk import Encoder
from blocklens.inputs.windows import OTHER, token_kind
from blocklens.progress import SILENT, Progress
from blocklens.segmentation.sentence_vectors import sentence_ids


@dataclass(frozen=True, eq=False)
class SeparatorAttention:
    """What the separators of a text receive.

    Attributes:
        received: of blocks 1..L the mean attention that the last separator of
            each sentence receives from non-separator queries, times the window's tokens; 1 is what
            even attention would give.
        others: the same for tokens that are no separators, mean.
        tokens: tokens that went through the encoder.

    """

    received: Float32[np.ndarray, "sentences blocks heads"]
    others: Float32[np.ndarray, "blocks heads"]
    tokens: int


def windows_of_sentences(lengths: list[int], room: int) -> Iterator[tuple[int, int]]:
    """Sentences [a, b) of each window: as many as fit, the next from the middle of the last."""
    a = 0
    while a < len(lengths):
        b, filled = a + 1, lengths[a]
        while b < len(lengths) and filled + lengths[b] <= room:
            filled += lengths[b]
            b += 1
        yield a, b
        if b == len(lengths):
            return
        middle, passed = a, 0
        while middle < b and passed + lengths[middle] <= filled / 2:
            passed += lengths[middle]
            middle += 1
        a = max(middle, a + 1)


def _separator(kinds: NDArray[np.int8]) -> int:
    """Position of a sentence's separator: its last token that is one, else its last token."""
    separators = np.flatnonzero(kinds[-3:] != OTHER)
    return len(kinds) - len(kinds[-3:]) + int(separators[-1]) if len(separators) else len(kinds) - 1


@torch.inference_mode()
def separator_attention(
    encoder: Encoder,
    sentences: list[str],
    *,
    progress: Progress = SILENT,
) -> SeparatorAttention:
    """Attention that the separator at the end of each sentence receives, for every head.

    Separators are punctuation tokens; queries are all tokens that are neither separators nor
    special. Of a sentence longer than a window its end alone is taken.

    Args:
        encoder: any text encoder.
        sentences: the text's sentences, at least one.
        progress: counts the sentences.

    """
    plan = encoder.windows()
    before, after, room = plan.prefix, plan.suffix, plan.room
    ids = [row[-room:] for row in sentence_ids(encoder, sentences)]
    surfaces = {
        token: token_kind(encoder.tokenizer.decode([token]))
        for token in np.unique(np.concatenate(ids)).tolist()
    }
    kinds = [np.asarray([surfaces[t] for t in row.tolist()], dtype=np.int8) for row in ids]
    places = [_separator(row) for row in kinds]

    shape = (len(ids), encoder.blocks, encoder.heads)
    received = np.zeros(shape, dtype=np.float32)
    others, windows, tokens = np.zeros(shape[1:]), 0, 0
    central = np.full(len(ids), -1.0)
    workspace = Workspace()
    with progress.stage("separators", len(ids), "sentences") as stage:
        for a, b in windows_of_sentences([len(row) for row in ids], room):
            whole = np.concatenate([before, *ids[a:b], after])
            starts = len(before) + np.cumsum([0, *(len(row) for row in ids[a : b - 1])])
            at = starts + np.asarray(places[a:b])
            nearness = np.minimum(at, len(whole) - 1 - at)
            take = np.flatnonzero(nearness > central[a:b])
            central[a:b][take] = nearness[take]
            query = np.zeros(len(whole), dtype=bool)
            query[len(before) : len(whole) - len(after)] = np.concatenate(kinds[a:b]) == OTHER
            if not query.any():
                query[:] = True
            rows = torch.from_numpy(np.flatnonzero(query))

            def receive(
                hot: Heads,
                rows: torch.Tensor = rows,
                at: NDArray[np.int64] = at,
                take: NDArray[np.int64] = take,
                first: int = a,
            ) -> None:
                weight = hot.attention.new_zeros(hot.attention.shape[-1])
                weight[rows.to(weight.device)] = len(weight) / len(rows)
                mean = (weight @ hot.attention).float().cpu().numpy()  # [heads, tokens]
                received[first + take, hot.block - 1] = mean[:, at[take]].T
                others[hot.block - 1] += mean[:, rows.numpy()].mean(axis=1)

            with tapped(encoder, [len(whole)], receive, workspace):
                inputs = torch.from_numpy(whole[None]).to(encoder.model.device)
                encoder.model(input_ids=inputs, attention_mask=torch.ones_like(inputs))
            windows += 1
            stage.reach(b)
            tokens += len(whole)
    return SeparatorAttention(received, (others / windows).astype(np.float32), tokens)
