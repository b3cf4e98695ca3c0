"""One vector a sentence from an encoder: of every head's outputs, and of every block's.

Each sentence goes through the encoder by itself. In one window with its neighbours a sentence's
vectors carry what the heads fetched from them, across true borders as well: the context similarity
of MiniLM-L6's heads then finds borders far worse (see docs/segmentation.md). By itself it also
costs less, and the time is linear in the length of the text.

A sentence's vector is the weighted mean over its tokens. A token's weight is
log((n + 1) / (f + 0.5)), with f the number of the text's n sentences it occurs in: tokens that
occur everywhere say little about the topic. No list of words and no other text is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64

from blocklens.encoder.attention import Heads, Workspace
from blocklens.encoder.batching import padded, padding_id
from blocklens.encoder.head_pass import tapped
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.tokenising import token_ids
from blocklens.progress import SILENT, Progress

TOKENS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class SentenceVectors:
    """Mean vectors of a text's sentences.

    Attributes:
        heads: of head output vectors, of blocks 1..L.
        blocks: of block outputs 0..L, or None if not asked for.
        last: of the last block's outputs with equal weights.
        tokens: tokens that went through the encoder, special tokens included.

    """

    heads: Float32[np.ndarray, "sentences blocks heads head_width"]
    blocks: Float32[np.ndarray, "sentences blocks+1 width"] | None
    last: Float32[np.ndarray, "sentences width"]
    tokens: int


def sentence_ids(encoder: Encoder, sentences: list[str]) -> list[Int64[np.ndarray, " _"]]:
    """Ids of each sentence without special tokens; an unknown token where there would be none."""
    if encoder.tokenizer is None:
        raise UserError(f"{encoder.name}: no tokenizer; texts need an encoder that has one")
    tokens = token_ids(encoder.tokenizer, sentences, special=False)
    unknown = encoder.tokenizer.unk_token_id or 0
    return [np.asarray(ids or [unknown], dtype=np.int64) for ids in tokens]


def token_weights(ids: list[Int64[np.ndarray, " _"]]) -> list[Float32[np.ndarray, " _"]]:
    """Weight of every token of every sentence: log((n + 1) / (f + 0.5)), always above 0."""
    unique = [np.unique(sentence) for sentence in ids]
    tokens, counts = np.unique(np.concatenate(unique), return_counts=True)
    weights = np.log((len(ids) + 1) / (counts + 0.5)).astype(np.float32)
    return [weights[np.searchsorted(tokens, sentence)] for sentence in ids]


@torch.inference_mode()
def sentence_vectors(
    encoder: Encoder,
    sentences: list[str],
    *,
    blocks: bool = False,
    progress: Progress = SILENT,
) -> SentenceVectors:
    """Mean vectors of each sentence, every sentence by itself.

    A sentence longer than the encoder takes goes through in pieces.

    Args:
        encoder: any text encoder.
        sentences: the text's sentences, at least one.
        blocks: whether block outputs are wanted as well.
        progress: counts the sentences, and the further pieces of long ones.

    """
    ids = sentence_ids(encoder, sentences)
    weights = token_weights(ids)
    plan = encoder.windows()
    before, after = plan.prefix, plan.suffix
    room = min(512, encoder.max_tokens) - len(before) - len(after)
    pieces = [(s, at) for s, row in enumerate(ids) for at in range(0, len(row), room)]
    pieces.sort(key=lambda piece: -len(ids[piece[0]][piece[1] : piece[1] + room]))

    count, levels = len(sentences), encoder.blocks
    heads = np.zeros((count, levels, encoder.heads, encoder.head_width), dtype=np.float32)
    outputs: np.ndarray | None = None
    last: np.ndarray | None = None
    workspace = Workspace()
    total = start = 0
    with progress.stage("sentences", len(pieces), "sentences") as stage:
        while start < len(pieces):
            s, at = pieces[start]
            longest = len(ids[s][at : at + room]) + len(before) + len(after)
            batch = pieces[start : start + max(1, TOKENS_AT_ONCE // longest)]
            start += len(batch)
            rows = [np.concatenate([before, ids[s][at : at + room], after]) for s, at in batch]
            inputs, mask = padded(rows, padding_id(encoder.config, encoder.tokenizer))
            lengths = [len(row) for row in rows]
            device = encoder.model.device
            weigh = torch.zeros(inputs.shape, device=device)  # [batch, tokens]
            for i, (s, at) in enumerate(batch):
                own = torch.from_numpy(weights[s][at : at + room])
                weigh[i, len(before) : len(before) + len(own)] = own

            def receive(
                hot: Heads, weigh: torch.Tensor = weigh, batch: list[tuple[int, int]] = batch
            ) -> None:
                mean = weigh[hot.text, : hot.outputs.shape[1]].to(hot.outputs.dtype) @ hot.outputs
                heads[batch[hot.text][0], hot.block - 1] += mean.float().cpu().numpy()

            with tapped(encoder, lengths, receive, workspace):
                output = encoder.model(
                    input_ids=inputs.to(device),
                    attention_mask=mask.to(device),
                    output_hidden_states=blocks,
                )
            which = [s for s, _ in batch]
            if last is None:
                last = np.zeros((count, output[0].shape[-1]), dtype=np.float32)
            even = (weigh > 0).to(output[0].dtype)
            sums = torch.einsum("bn,bnw->bw", even, output[0])
            np.add.at(last, which, sums.float().cpu().numpy())
            if blocks:
                states = torch.stack(output.hidden_states, dim=1)  # [batch, L + 1, tokens, width]
                mean = torch.einsum("bn,blnw->blw", weigh.to(states.dtype), states)
                if outputs is None:
                    outputs = np.zeros((count, *mean.shape[1:]), dtype=np.float32)
                np.add.at(outputs, which, mean.float().cpu().numpy())
            total += sum(lengths)
            stage.advance(len(batch))
    assert last is not None
    return SentenceVectors(heads, outputs, last, total)
