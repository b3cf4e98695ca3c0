"""Any Hugging Face encoder as one interface: blocks, heads, windows of tokens, block outputs.

`Encoder.load` takes a local folder or a Hub id. Weights come from safetensors; pickles and remote
code are refused unless asked for by name, since both run what their author wrote.
"""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from blocklens.errors import UserError
from blocklens.heads import ATTENTION
from blocklens.tokens import Tokens, Windows


class Encoder:
    """A trunk (embedding and blocks 1..L) in evaluation mode with its tokenizer.

    Attributes:
        name: the folder or Hub id it came from.
        model: the bare Hugging Face trunk, without a head.
        tokenizer: its fast tokenizer, or None for an image encoder.
        blocks: number of blocks, L. Block 0 is the output of the embedding layer.
        heads: number of heads of a block, H.
        head_width: length of a head output vector, d.
        max_tokens: the longest input in tokens, special tokens included.

    """

    def __init__(self, model: Any, tokenizer: Any = None, *, name: str = "encoder") -> None:
        self.name = name
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.config = model.config
        check_is_encoder(model, name)
        self.blocks = int(self.config.num_hidden_layers)
        self.heads = int(self.config.num_attention_heads)
        width = int(self.config.hidden_size)
        self.head_width = int(getattr(self.config, "head_dim", None) or width // self.heads)
        self.max_tokens = longest_input(model, tokenizer)
        self.model.set_attn_implementation(ATTENTION)

    @classmethod
    def load(
        cls,
        source: str | Path,
        *,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        trust_remote_code: bool = False,
        allow_pickle: bool = False,
    ) -> Encoder:
        """Load a trunk and its tokenizer from a local folder or the Hugging Face Hub.

        Args:
            source: a folder with `config.json` and safetensors weights, or a Hub id.
            device: where to compute, such as "cpu" or "cuda".
            dtype: the weights' type.
            trust_remote_code: run model code that comes with the weights.
            allow_pickle: read `pytorch_model.bin`, which may run any code, where there is no
                safetensors file.

        Raises:
            UserError: nothing at that address, damaged weights, a decoder, or a model without an
                attention interface.

        """
        from blocklens.loading import load_model, load_tokenizer

        model = load_model(
            source, dtype=dtype, trust_remote_code=trust_remote_code, allow_pickle=allow_pickle
        )
        tokenizer = load_tokenizer(source, trust_remote_code=trust_remote_code)
        return cls(model.to(device), tokenizer, name=str(source))

    def untrained(self, seed: int) -> Encoder:
        """The untrained twin: the same configuration and tokenizer with fresh weights."""
        # _from_config writes to the config it is given: two models of one config would share it.
        config = copy.deepcopy(self.config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = type(self.model)._from_config(config, dtype=self.model.dtype)
        name = f"{self.name} untrained, seed {seed}"
        return Encoder(model.to(self.model.device), self.tokenizer, name=name)

    def fingerprint(self) -> str:
        """A hash of the weights and of what the tokenizer does, to know an encoder again."""
        digest = hashlib.sha256(repr(sorted(self.config.to_diff_dict().items())).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.cpu().contiguous().view(torch.uint8).numpy().data)
        if self.tokenizer is not None:
            digest.update(self.tokenizer.backend_tokenizer.to_str().encode())
        return digest.hexdigest()

    def windows(
        self,
        *,
        tokens: int | None = None,
        overlap: int | None = None,
        long: Literal["windows", "cut"] = "windows",
        unit: Literal["text", "window"] = "text",
        language: str = "en",
    ) -> Windows:
        """How texts become windows for this encoder.

        Args:
            tokens: the window's length, special tokens included; default the longest the encoder
                takes, at most 512.
            overlap: tokens shared by neighbouring windows; default an eighth of the window.
            long: "windows" takes all of a long text, "cut" its first window alone.
            unit: the sampling unit, the "text" or each "window".
            language: the sentence splitter's language.

        Raises:
            UserError: a window longer than the encoder takes, or an image encoder.

        """
        if self.tokenizer is None:
            raise UserError(f"{self.name}: no tokenizer; texts need an encoder that has one")
        tokens = min(512, self.max_tokens) if tokens is None else tokens
        if tokens > self.max_tokens:
            raise UserError(
                f"{self.name}: takes at most {self.max_tokens} tokens, not {tokens}: "
                f"choose a window of at most {self.max_tokens}"
            )
        overlap = tokens // 8 if overlap is None else overlap
        return Windows(
            self.tokenizer, tokens=tokens, overlap=overlap, long=long, unit=unit, language=language
        )

    def batch(self, windows: list[Tokens]) -> tuple[Tensor, Tensor]:
        """Ids and mask of a batch, int64 [texts, longest], padded on the right; mask 1 = token."""
        longest = max(len(window) for window in windows)
        pad = getattr(self.config, "pad_token_id", None) or 0
        ids = np.full((len(windows), longest), pad, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, window in enumerate(windows):
            ids[row, : len(window)] = window.ids
            mask[row, : len(window)] = 1
        device = self.model.device
        return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)

    @torch.inference_mode()
    def block_outputs(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        """Outputs of blocks 0..L, each [texts, tokens, width].

        Args:
            ids: int64 [texts, tokens].
            mask: int64 [texts, tokens], 1 = token, 0 = padding.

        """
        found = self.model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        return list(found.hidden_states)


def longest_input(model: Any, tokenizer: Any) -> int:
    """The longest input in tokens that the position embeddings and the tokenizer allow."""
    positions = getattr(model.config, "max_position_embeddings", None) or 512
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            # RoBERTa counts positions from the padding index on.
            offset = 0 if module.padding_idx is None else module.padding_idx + 1
            positions = min(positions, module.num_embeddings - offset)
    return int(min(positions, getattr(tokenizer, "model_max_length", None) or positions))


def check_is_encoder(model: Any, name: str) -> None:
    """Refuse decoders: their tokens see only what stands before them.

    Raises:
        UserError: a decoder or an encoder-decoder.

    """
    config = model.config
    causal = any(getattr(module, "is_causal", False) for module in model.modules())
    if getattr(config, "is_encoder_decoder", False):
        kind = "an encoder-decoder"
    elif getattr(config, "is_decoder", False) or causal:
        kind = "a decoder"
    else:
        return
    raise UserError(
        f"{name}: {config.model_type} is {kind}; blocklens measures encoders, such as BERT, "
        "RoBERTa or ModernBERT"
    )
