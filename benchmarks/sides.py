"""The sides of every comparison: each takes one batch of windows through the same weights.

Plain: the model with PyTorch's fused attention, and nothing measured. Alike: the same on our matrix
products, up to the last block's attention, where ours ends. Ours: what
`blocklens.measure` does with a batch, which ends with the last block's heads. Hooks:
`output_attentions=True`, hooks that catch the head output vectors, an ordinary NumPy script over
heads. Lens: TransformerLens' bridge caching attention patterns and head outputs, the same NumPy.
Tuned: hooks, and NumPy made as fast as we could.

Windows are made beforehand on every side (tokenising is in no figure); whatever a side derives
from a window, it derives inside the measured time.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor
from transformers import BertModel

from benchmarks.numpy_everyday import EverydayWindow
from benchmarks.numpy_way import Figures, Window
from benchmarks.workload import encoder_of, masked_language_model, twin, unseen, word_tokenizer
from blocklens.encoder.attention import Heads, Workspace
from blocklens.encoder.head_pass import run_heads
from blocklens.encoder.matmul import with_fast_products
from blocklens.encoder.trunk import Encoder
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.measures import HeadMeasures
from blocklens.heads.streaming import Shape
from blocklens.inputs.windows import Tokens

OPTIONS = HeadOptions()


class Plain:
    """The forward pass alone."""

    def __init__(self, model: BertModel, tokens: int) -> None:
        self.model = twin(model, "sdpa")
        self.encoder = encoder_of(model)

    @torch.inference_mode()
    def __call__(self, batch: list[Tokens]) -> None:
        """Run one batch."""
        ids, mask = self.encoder.batch(batch)
        output = self.model(input_ids=ids, attention_mask=mask)[0]
        assert torch.isfinite(output.sum())


class Alike(Plain):
    """The forward pass alone, on the same products as ours and ending at the same place."""

    def __init__(self, model: BertModel, tokens: int) -> None:
        super().__init__(model, tokens)
        with_fast_products(self.model)
        self.model.encoder.layer[-1].attention.self.register_forward_hook(self._end)

    def _end(self, module: Any, inputs: Any, output: tuple[Tensor, ...]) -> None:
        assert torch.isfinite(output[0].sum())
        raise _Enough

    def __call__(self, batch: list[Tokens]) -> None:
        """Run one batch."""
        with suppress(_Enough):
            super().__call__(batch)


class _Enough(Exception):  # noqa: N818
    """Ends a pass with the last block's attention."""


class Ours:
    """All head measures with their default options."""

    def __init__(self, model: BertModel, tokens: int) -> None:
        self.encoder = encoder_of(model)
        encoder = self.encoder
        shape = Shape(encoder.blocks, encoder.heads, tokens, int(encoder.config.vocab_size))
        self.sums = HeadMeasures(shape, OPTIONS)
        self.workspace = Workspace()

    def __call__(self, batch: list[Tokens]) -> None:
        """Measure one batch."""
        batch = unseen(batch)

        def receive(heads: Heads) -> None:
            self.sums.update(heads, batch[heads.text], self.workspace)

        run_heads(self.encoder, batch, receive, self.workspace)


class _NumPy:
    """What both NumPy sides do with a batch's maps and vectors."""

    encoder: Encoder
    figures: Figures
    window: type[Window] = EverydayWindow

    def count(self, batch: list[Tokens], maps: list[Tensor], vectors: list[Tensor]) -> None:
        """Add maps [texts, heads, n, n] and vectors [texts, heads, n, width] of each block."""
        for text, tokens in enumerate(batch):
            window = self.window(tokens, OPTIONS, self.encoder.heads)
            for block in range(self.encoder.blocks):
                self.figures.add(
                    block,
                    window,
                    tokens.group(),
                    maps[block][text].numpy(),
                    vectors[block][text].numpy(),
                )


class Hooks(_NumPy):
    """`output_attentions=True`, forward hooks and NumPy."""

    def __init__(self, model: BertModel, tokens: int) -> None:
        self.encoder = encoder_of(model)
        self.model = twin(model, "eager")
        self.figures = Figures(self.encoder.blocks, self.encoder.heads, tokens, OPTIONS)
        self.caught: list[Tensor] = []
        for layer in self.model.encoder.layer:
            # The output projection's input is the heads' output vectors side by side.
            layer.attention.output.dense.register_forward_pre_hook(self._catch)

    def _catch(self, module: Any, inputs: tuple[Tensor, ...]) -> None:
        self.caught.append(inputs[0])

    @torch.inference_mode()
    def __call__(self, batch: list[Tokens]) -> None:
        """Measure one batch."""
        ids, mask = self.encoder.batch(batch)
        self.caught.clear()
        found = self.model(input_ids=ids, attention_mask=mask, output_attentions=True)
        heads = self.encoder.heads
        vectors = [v.unflatten(-1, (heads, -1)).transpose(1, 2) for v in self.caught]
        self.count(batch, list(found.attentions), vectors)
        self.caught.clear()


class Tuned(Hooks):
    """As `Hooks`, with blocklens' own tricks in NumPy."""

    window = Window


class Lens(_NumPy):
    """TransformerLens' `TransformerBridge` with a cache of patterns and head outputs, and NumPy.

    Its BERT comes with a vocabulary head, cut to one entry here: no other side computes any.
    """

    def __init__(self, model: BertModel, tokens: int) -> None:
        from transformer_lens.model_bridge import TransformerBridge

        self.encoder = encoder_of(model)
        self.figures = Figures(self.encoder.blocks, self.encoder.heads, tokens, OPTIONS)
        whole = masked_language_model(model)
        self.bridge = TransformerBridge.boot_transformers(
            "BERT", hf_model=whole, tokenizer=word_tokenizer(), dtype=model.dtype, device="cpu"
        )
        kinds = ("hook_pattern", "hook_z")
        self.names = [f"blocks.{b}.attn.{k}" for b in range(self.encoder.blocks) for k in kinds]

    @torch.inference_mode()
    def __call__(self, batch: list[Tokens]) -> None:
        """Measure one batch."""
        ids, _ = self.encoder.batch(batch)
        _, cache = self.bridge.run_with_cache(ids, names_filter=self.names, return_type=None)
        blocks = range(self.encoder.blocks)
        maps = [cache[f"blocks.{b}.attn.hook_pattern"] for b in blocks]
        vectors = [cache[f"blocks.{b}.attn.hook_z"].transpose(1, 2) for b in blocks]
        self.count(batch, maps, vectors)


SIDES = {"plain": Plain, "ours": Ours, "hooks": Hooks, "lens": Lens, "tuned": Tuned}
