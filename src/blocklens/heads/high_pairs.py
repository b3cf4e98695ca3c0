"""High-similarity pairs: which tokens a head makes most alike, found once for all measures.

The context similarity matrix of a head is S_ij = <v_i, v_j> (docs/definitions.md: context
similarity matrix). Its high pairs are the unordered pairs i < j of content tokens in the top
fraction q of the text's n(n-1)/2, at least ceil(n/2) pairs; ties at the cut are all in, so that no
order of tokens matters. All cuts of the sweep come from one selection at the loosest; each pair
knows the tightest cut it makes.

Found in NumPy (`largest`), whose state they feed.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int64, Integer
from torch import Tensor

from blocklens.encoder import matmul
from blocklens.encoder.attention import Workspace, heads_at_once
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.largest import largest
from blocklens.heads.pairs import Pairs, PairTable, all_pairs, numbers_wanted
from blocklens.inputs.windows import Tokens


@lru_cache(maxsize=4)
def places_on(tokens: int, device: str) -> Int64[Tensor, " pairs"]:
    """The places of all pairs, sent to a device once."""
    return all_pairs(tokens)[2].to(device)


def context_similarity(
    outputs: Float[Tensor, "heads tokens width"], similarity: str, workspace: Workspace
) -> Float[Tensor, "heads tokens tokens"]:
    """S [heads, tokens, tokens] from output vectors [heads, tokens, head width].

    Args:
        outputs: v, content tokens only.
        similarity: "raw" scalar product, "cosine", "centered" (the text's mean vector subtracted
            first) or "max" (divided by the size of the largest off-diagonal element).
        workspace: where S may be written.

    """
    if similarity == "centered":
        outputs = outputs - outputs.mean(dim=1, keepdim=True)
    elif similarity == "cosine":
        outputs = torch.nn.functional.normalize(outputs, dim=-1)
    heads, tokens, _ = outputs.shape
    matrix = workspace.get("similarity", (heads, tokens, tokens), outputs)
    matrix = matmul.batched(outputs, outputs.mT, matrix)
    if similarity == "max":
        diagonal = torch.diagonal(matrix, dim1=1, dim2=2)
        kept = diagonal.clone()
        diagonal.fill_(float("-inf"))
        largest = matrix.amax(dim=(1, 2), keepdim=True)
        diagonal.copy_(kept)
        matrix /= largest.abs()  # so that the order stays where no product is positive
    return matrix


def content_rows(
    outputs: Float[Tensor, "heads tokens width"], content: Integer[np.ndarray, " content"]
) -> Float[Tensor, "heads content width"]:
    """The content tokens' rows of [heads, tokens, width]; a view where they stand in one run."""
    if content[-1] - content[0] + 1 == len(content):
        return outputs[:, content[0] : content[-1] + 1]
    return outputs[:, torch.from_numpy(content).to(outputs.device, non_blocking=outputs.is_cuda)]


def high_pairs(
    outputs: Float[Tensor, "heads tokens width"],
    tokens: Tokens,
    options: HeadOptions,
    workspace: Workspace,
) -> Pairs:
    """The high-similarity pairs of every head of one block on one window.

    Args:
        outputs: head output vectors [heads, tokens, head width] of the whole window.
        tokens: the window.
        options: similarity, cuts and the rule that makes them.
        workspace: buffers.

    """
    similar = similarities(outputs, tokens, options, workspace)
    return highest_of(similar.cpu().numpy(), tokens, options)


def similarities(
    outputs: Float[Tensor, "heads tokens width"],
    tokens: Tokens,
    options: HeadOptions,
    workspace: Workspace,
) -> Float[Tensor, "heads pairs"]:
    """The similarity of every pair of one window, where the outputs are; see `high_pairs`."""
    table = PairTable.of(tokens)
    outputs = content_rows(outputs, tokens.content)
    upper = workspace.get("upper", (len(outputs), table.pairs), outputs)
    places = places_on(table.tokens, str(outputs.device))
    for some in heads_at_once(outputs):
        matrices = context_similarity(outputs[some], options.similarity, workspace)
        # One by one: gathering along the second dimension of two is slower.
        for matrix, place in zip(matrices, upper[some], strict=True):
            torch.index_select(matrix.view(-1), 0, places, out=place)
    return upper


def highest_of(
    values: Float[np.ndarray, "heads pairs"], tokens: Tokens, options: HeadOptions
) -> Pairs:
    """The high ones of all pairs' similarities; see `high_pairs`."""
    table = PairTable.of(tokens)
    if options.rule == "top":
        head, pair, picked, thresholds = largest(values, numbers_wanted(tokens, options))
    else:
        thresholds = values.max(axis=1, keepdims=True) * np.asarray(options.cuts)
        place = np.flatnonzero(values > thresholds[:, -1:])
        head, pair = np.divmod(place, table.pairs)
        picked = values.reshape(-1)[place]
    return by_cut(table, head, pair, picked, thresholds, options)


def by_cut(
    table: PairTable,
    head: Int64[np.ndarray, " selected"],
    pair: Int64[np.ndarray, " selected"],
    picked: Float[np.ndarray, " selected"],
    thresholds: Float[np.ndarray, "heads cuts"],
    options: HeadOptions,
) -> Pairs:
    """Pairs selected at the loosest cut, with their similarities, and the tightest that each makes.

    `thresholds`: what a pair must reach at each cut, or exceed where the rule is relative.
    """
    cut = np.zeros(len(pair), dtype=np.int64)
    inclusive = options.rule == "top"
    heads = len(thresholds)
    of_head = np.bincount(head, minlength=heads)
    for tighter in range(len(options.cuts) - 1):
        limit = np.repeat(thresholds[:, tighter], of_head)
        cut += picked < limit if inclusive else picked <= limit
    return Pairs(table, head, pair, cut, heads, len(options.cuts))
