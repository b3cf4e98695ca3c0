"""The head tap: every block's attention maps and head output vectors, while they are hot.

transformers lets a program register an attention function. Ours computes the attention of one
block, text by text, hands that text's maps and output vectors to whoever listens, and returns the
output. So any model on that interface works without a fork, a hook on private modules, or a cache
of activations.

One text's heads at a time is also the fast way on a CPU: heads x tokens^2 numbers (0.8 MB at 128
tokens of BERT-base, 12.6 MB at 512) stay in the cache that cores share until the last measure, and
a few heads' in a core's own from product to softmax to product; padding costs nothing, and the
buffers are the same for every block, so no memory is mapped anew.

Traps of the interface, each met here: without a mask function of the same name the mask arrives as
None and padding is attended to; `layer_idx` is None in ALBERT, DistilBERT and ViT, so blocks are
counted by calls; some models (DeBERTa-v2, MPNet) accept the name and never call (`own_attention`),
so the calls must equal the blocks; some build the mask for a block-local window, so a mask is
applied, not only lengths; T5 hands its relative positions over as `position_bias`; EuroBERT has
fewer heads of keys and values than of queries, each serving several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from blocklens.encoder import matmul

ATTENTION = "blocklens"
"""The name of our attention function in transformers' registries."""

IN_CACHE = 2**18
"""Numbers that stay in a core's cache (1 MB) from one operation to the next."""


HALF = (torch.bfloat16, torch.float16)
"""Types in which a model may come; its heads are seen in float32."""


@dataclass(frozen=True)
class Heads:
    """One block's heads on one text. The tensors are buffers: read them now, copy what must stay.

    Attributes:
        block: 1..L.
        text: which text of the batch.
        attention: attention map A; rows are queries and sum to 1.
        outputs: head output vectors v, before the output projection.

    """

    block: int
    text: int
    attention: Float[Tensor, "heads tokens tokens"]
    outputs: Float[Tensor, "heads tokens width"]


class HeadTap:
    """While active, hands every block's heads to `receive`, text by text.

    Args:
        lengths: tokens of each text of the batch; texts are padded on the right. None where nothing
            is padded, as with images.
        receive: called once per block and text, blocks in order.
        workspace: buffers to use again from batch to batch.
        blocks: number of blocks.
        stop_after_heads: whether nothing is wanted of the pass but the heads, so that it ends with
            the last block's attention.

    Attributes:
        calls: blocks that were seen.
        finite: whether the last block's output vectors are numbers.

    """

    def __init__(
        self,
        lengths: Sequence[int] | None,
        receive: Callable[[Heads], None],
        workspace: Workspace | None = None,
        blocks: int | None = None,
        *,
        stop_after_heads: bool = False,
    ) -> None:
        self.lengths = lengths
        self.receive = receive
        self.workspace = workspace or Workspace()
        self.blocks = blocks
        self.stop_after_heads = stop_after_heads
        self.calls = 0
        self.finite = True
        self._masks: dict[int, tuple[Tensor, list[bool]]] = {}

    def __enter__(self) -> HeadTap:
        self._token = _active.set(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        _active.reset(self._token)
        return kind is _Enough

    def attend(
        self,
        query: Float[Tensor, "texts heads tokens width"],
        key: Float[Tensor, "texts key_heads tokens width"],
        value: Float[Tensor, "texts key_heads tokens width_of_values"],
        mask: Bool[Tensor, "#texts #heads tokens tokens"] | None,
        scaling: float,
        bias: Float[Tensor, "#texts #heads tokens tokens"] | None = None,
    ) -> Float[Tensor, "texts tokens heads width_of_values"]:
        """Attention of one block for the whole batch; `bias` is added to the scores."""
        self.calls += 1
        given = query.dtype
        if given in HALF:
            query, key, value = query.float(), key.float(), value.float()
        texts, heads, longest, _ = query.shape
        output = query.new_zeros(texts, longest, heads, value.shape[-1])
        lengths = self.lengths or [longest] * texts
        hides = [False] * texts if mask is None else self._hides(mask, lengths)
        for text, n in enumerate(lengths):
            attention = self.workspace.get("attention", (heads, n, n), query)
            outputs = self.workspace.get("outputs", (heads, n, value.shape[-1]), value)
            queries = self.workspace.get("queries", (heads, n, query.shape[-1]), query)
            torch.mul(query[text, :, :n], scaling, out=queries)
            keys, values = (_for_every_head(x[text, :, :n], heads) for x in (key, value))
            allowed, added = _of_text(mask, text, n), _of_text(bias, text, n)
            for some in heads_at_once(queries):
                maps = attention[some]
                scores = matmul.batched(queries[some], keys[some].mT, maps)
                if added is not None:
                    scores += added[some] if len(added) > 1 else added
                if allowed is not None and hides[text]:  # a local window
                    hidden = ~(allowed[some] if len(allowed) > 1 else allowed)
                    scores.masked_fill_(hidden, float("-inf"))
                torch.softmax(scores, dim=-1, out=maps)
                outputs[some] = matmul.batched(maps, values[some], outputs[some])
            output[text, :n] = outputs.transpose(0, 1)
            self.receive(Heads(self.calls, text, attention, outputs))
        self._end_of_block(output)
        return output.to(given)

    def _hides(
        self, mask: Bool[Tensor, "#texts #heads tokens tokens"], lengths: Sequence[int]
    ) -> list[bool]:
        """Of each text whether the mask hides more than padding, which is cut off anyway.

        Asked once a mask: blocks share them, and an answer from another device is waited for.
        """
        if id(mask) not in self._masks:
            whole = mask.expand(len(lengths), *mask.shape[1:])
            allowed = [of[:, :n, :n].all() for of, n in zip(whole, lengths, strict=True)]
            self._masks[id(mask)] = mask, (~torch.stack(allowed)).tolist()
        return self._masks[id(mask)][1]

    def take(
        self,
        maps: Float[Tensor, "texts heads longest longest"],
        vectors: Float[Tensor, "texts longest heads width"],
    ) -> None:
        """Hand over one block's heads that the model computed itself."""
        self.calls += 1
        if maps.dtype in HALF:
            maps, vectors = maps.float(), vectors.float()
        for text, n in enumerate(self.lengths or [maps.shape[-1]] * len(maps)):
            outputs = vectors[text, :n].transpose(0, 1).contiguous()
            self.receive(Heads(self.calls, text, maps[text, :, :n, :n].contiguous(), outputs))
        self._end_of_block(vectors)

    def _end_of_block(self, vectors: Tensor) -> None:
        if self.calls == self.blocks:
            self.finite = bool(torch.isfinite(vectors.sum()))
            if self.stop_after_heads:
                raise _Enough


def _for_every_head(
    x: Float[Tensor, "key_heads tokens width"], heads: int
) -> Float[Tensor, "heads tokens width"]:
    """Keys or values for every head of queries; grouped-query attention has fewer of them."""
    return x.contiguous() if len(x) == heads else x.repeat_interleave(heads // len(x), dim=0)


def _of_text(
    x: Tensor | None, text: int, n: int
) -> Shaped[Tensor, "heads_or_one tokens tokens"] | None:
    """One text's part of a mask or bias, which may be the same for all texts."""
    return None if x is None else x[text if len(x) > 1 else 0, :, :n, :n]


class _Enough(Exception):  # noqa: N818
    """Ends a forward pass after the last block's attention: what follows changes no head."""


def heads_at_once(vectors: Float[Tensor, "heads tokens width"]) -> Iterator[slice]:
    """Heads a few at a time, so that their matrices of tokens x tokens stay in a core's cache.

    All heads at once where the vectors lie on another device.
    """
    heads, tokens, _ = vectors.shape
    some = max(1, IN_CACHE // tokens**2) if vectors.device.type == "cpu" else heads
    for start in range(0, heads, some):
        yield slice(start, min(start + some, heads))


class Workspace:
    """Buffers by name, grown when needed and never given back.

    Mapping memory anew costs more than the arithmetic done in it.
    """

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}

    def get(
        self, name: str, shape: tuple[int, ...], like: Shaped[Tensor, " ..."]
    ) -> Shaped[Tensor, " ..."]:
        """An uninitialised tensor of that shape and of the type and device of `like`."""
        size = 1
        for length in shape:
            size *= length
        buffer = self._buffers.get(name)
        if buffer is None or buffer.numel() < size or buffer.dtype != like.dtype:
            buffer = torch.empty(size, dtype=like.dtype, device=like.device)
            self._buffers[name] = buffer
        return buffer[:size].view(shape)


_active: ContextVar[HeadTap | None] = ContextVar("blocklens head tap", default=None)


def attention_function(
    module: Any,
    query: Float[Tensor, "texts heads queries width"],
    key: Float[Tensor, "texts key_heads keys width"],
    value: Float[Tensor, "texts key_heads keys width_of_values"],
    attention_mask: Shaped[Tensor, "#texts #heads queries keys"] | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    position_bias: Float[Tensor, "#texts #heads queries keys"] | None = None,
    **kwargs: Any,
) -> tuple[Float[Tensor, "texts queries heads width_of_values"], None]:
    """The function registered with transformers: ours under a tap, the fused one without."""
    tap = _active.get()
    if tap is None:
        output, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling,
            position_bias=position_bias, **kwargs,
        )  # fmt: skip
        return output, None
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    mask = attention_mask
    if mask is not None and mask.is_floating_point():  # BEiT's relative positions, say
        position_bias = mask if position_bias is None else position_bias + mask
        mask = None
    return tap.attend(query, key, value, mask, scale, position_bias), None


AttentionInterface.register(ATTENTION, attention_function)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
