"""Any Hugging Face encoder as one interface: blocks, heads, windows of tokens, block outputs.

An encoder of texts has a tokenizer, an encoder of images an image processor; all else is the same.

`Encoder.load` takes a local folder or a Hub id. Weights come from safetensors; pickles and remote
code are refused unless asked for by name, since both run what their author wrote.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float, Num
from PIL import Image
from torch import Tensor

from blocklens.embedded.bert6 import EMBEDDED
from blocklens.encoder.attention import ATTENTION
from blocklens.encoder.batching import Ids, padded, padding_id
from blocklens.encoder.digests import encoder_digest
from blocklens.encoder.final_norm import FinalNorm
from blocklens.encoder.fitting import (
    check_reads_texts,
    check_sees_both_ways,
    check_tokenizer,
    check_weights,
    encoder_alone,
    kind_of_input,
    longest_input,
    number_of_blocks,
    own_copy,
    width_of_heads,
)
from blocklens.encoder.loading import (
    held_by,
    load_model,
    load_processor,
    load_tokenizer,
    on_device,
)
from blocklens.encoder.matmul import fastest_precision, with_fast_products
from blocklens.encoder.own_attention import OWN_ATTENTION, prepare
from blocklens.encoder.pixels import prepared
from blocklens.encoder.torch_encoder import TorchEncoder
from blocklens.errors import UserError
from blocklens.inputs.sentence_choice import Sentences
from blocklens.inputs.windows import Tokens, Windows
from blocklens.options import LongTexts, Precision
from blocklens.wording import counted


class Encoder:
    """A trunk (embedding and blocks 1..L) in evaluation mode with its tokenizer or processor.

    Attributes:
        name: the folder or Hub id it came from.
        model: the bare Hugging Face trunk, without a head.
        tokenizer: its fast tokenizer, or None for an image encoder.
        processor: its image processor, or None for a text encoder.
        blocks: number of blocks, L. Block 0 is the output of the embedding layer. Of an image
            encoder without blocks (a convolutional or hierarchical one): its stages.
        heads: number of heads of a block, H; 0 where blocks have none, or not the same number.
        head_width: length of a head output vector, d.
        max_tokens: the longest input in tokens, special tokens included.
        precision: "float32", or "bfloat16" where its linear layers' products are taken in it.

    Examples:
        >>> import blocklens
        >>> encoder = blocklens.Encoder.load("embedded")
        >>> encoder
        Encoder(embedded: 6 blocks of 6 heads)
        >>> encoder.max_tokens
        128

    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any = None,
        *,
        processor: Any = None,
        name: str = "encoder",
        precision: Precision = "float32",
    ) -> None:
        self.name = name
        self.precision: Precision = fastest_precision() if precision == "auto" else precision
        self.model = own_copy(encoder_alone(model, name)).eval()
        self.tokenizer = tokenizer
        self.processor = processor
        self.config = self.model.config
        check_weights(self.model, name)
        if tokenizer is not None:
            check_tokenizer(tokenizer, self.model, name)
            if self.config.model_type not in OWN_ATTENTION:  # encoders that are known one by one
                check_sees_both_ways(self.model, tokenizer, name)
        with_fast_products(self.model, narrow=self.precision == "bfloat16")
        self.blocks = number_of_blocks(self.config, name)
        heads = getattr(self.config, "num_attention_heads", None)
        self.heads = heads if isinstance(heads, int) else 0
        self.max_tokens = longest_input(self.model, tokenizer)
        self.calls_counted = False  # by `head_pass.tapped`
        self.final_norm = FinalNorm()
        self.head_width = width_of_heads(self.config, self.heads) if self.heads else 0
        if self.heads:
            if self.config.model_type in OWN_ATTENTION:
                prepare(self.model)
            else:
                self.model.set_attn_implementation(ATTENTION)

    @property
    def family(self) -> str:
        """The family's name, such as ModernBert."""
        return type(self.model).__name__.removesuffix("Model")

    def __repr__(self) -> str:
        """The encoder's name and shape, in a line."""
        shape = f"{counted(self.blocks, 'block')} of {counted(self.heads, 'head')}"
        return f"Encoder({self.name}: {shape})"

    def _repr_html_(self) -> str:
        from blocklens.report.notebook import encoder_html

        return encoder_html(self.name, self.config.model_type, self.blocks, self.heads)

    @classmethod
    def load(
        cls,
        source: str | Path = EMBEDDED,
        *,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        precision: Precision = "float32",
        trust_remote_code: bool = False,
        allow_pickle: bool = False,
    ) -> Encoder:
        """Load a trunk and its tokenizer or processor from a local folder or the Hub.

        Args:
            source: a folder with `config.json` and safetensors weights, or a Hub id; by default
                "embedded", the BERT-6 that comes with the package.
            device: where to compute, such as "cpu" or "cuda".
            dtype: the weights' type.
            precision: of the linear layers' products; weights and all else keep their type.
            trust_remote_code: run model code that comes with the weights.
            allow_pickle: read `pytorch_model.bin`, which may run any code, where there is no
                safetensors file.

        Raises:
            UserError: nothing at that address, damaged weights, a decoder, or a model without an
                attention interface.

        """
        model = load_model(
            source, dtype=dtype, trust_remote_code=trust_remote_code, allow_pickle=allow_pickle
        )
        model = encoder_alone(model, str(source))
        tokenizer = processor = None
        reads = kind_of_input(model)
        if reads == "images":
            processor = load_processor(source, trust_remote_code=trust_remote_code)
        elif reads == "texts":
            tokenizer = load_tokenizer(source, trust_remote_code=trust_remote_code)
        model = on_device(model, device)
        return cls(model, tokenizer, processor=processor, name=str(source), precision=precision)

    @classmethod
    def of(cls, given: Any, **options: Any) -> Encoder:
        """An encoder from whatever a notebook holds; the caller's model is left as it was.

        Args:
            given: an `Encoder`; a folder or Hub id; a pair of a model and its tokenizer (or image
                processor); a pipeline; a `SentenceTransformer`; a model that was loaded from a
                place where its tokenizer is.
            **options: of `load`, where something has to be loaded.

        Raises:
            UserError: none of these.

        """
        if isinstance(given, Encoder):
            return given
        if isinstance(given, str | Path):
            return cls.load(given, **options)
        if isinstance(given, tuple) and len(given) == 2:
            reads = kind_of_input(encoder_alone(given[0], "encoder"))
            return cls(given[0], **{"processor" if reads == "images" else "tokenizer": given[1]})
        model, tokenizer, name = held_by(given)
        return cls(model, tokenizer, name=name)

    def untrained(self, seed: int) -> Encoder:
        """The untrained twin: the same configuration and tokenizer, with fresh weights."""
        # _from_config writes to the config it is given: two models of one config would share it.
        config = copy.deepcopy(self.config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model: Any
            if isinstance(self.model, TorchEncoder):
                model = self.model.fresh()
            else:
                model = type(self.model)._from_config(config, dtype=self.model.dtype)
        name = f"{self.name} untrained, seed {seed}"
        return Encoder(
            model.to(self.model.device), self.tokenizer, processor=self.processor, name=name,
            precision=self.precision,
        )  # fmt: skip

    def fingerprint(self) -> str:
        """A hash of the weights and of all of the tokenizer or processor, to know an encoder again.

        Weights that the trunk can do without are left out: where a file lacks them, every load
        draws them anew.
        """
        return encoder_digest(self.model, self.tokenizer, self.processor, self.precision)

    def windows(
        self,
        *,
        tokens: int | None = None,
        overlap: int | None = None,
        long: LongTexts = "windows",
        most: int | None = None,
        unit: Literal["text", "window"] = "text",
        language: str = "en",
        sentences: Sentences = "language",
    ) -> Windows:
        """How texts become windows for this encoder.

        Args:
            tokens: the window's length, special tokens included; default the longest the encoder
                takes, at most 512.
            overlap: tokens shared by neighbouring windows; default an eighth of the window.
            long: "windows" takes all of a long text, "cut" its first window alone.
            most: take no more windows of a text than this, from its beginning.
            unit: the sampling unit, the "text" or each "window".
            language: the sentence splitter's language.
            sentences: what a sentence is, see `blocklens.inputs.sentence_choice`.

        Raises:
            UserError: a window longer than the encoder takes, or an image encoder.

        """
        check_reads_texts(self.model, self.tokenizer, f"{self.name}: {self.family}")
        tokens = min(512, self.max_tokens) if tokens is None else tokens
        if tokens > self.max_tokens:
            raise UserError(
                f"{self.name}: takes at most {self.max_tokens} tokens, not {tokens}: "
                f"choose a window of at most {self.max_tokens}"
            )
        overlap = tokens // 8 if overlap is None else overlap
        return Windows(
            self.tokenizer, tokens=tokens, overlap=overlap, long=long, most=most, unit=unit,
            language=language, sentences=sentences,
        )  # fmt: skip

    def batch(self, windows: Sequence[Tokens]) -> tuple[Ids, Ids]:
        """Ids and mask of a batch of windows, padded on the right, where the model is."""
        ids, mask = padded([window.ids for window in windows], padding_id(self.config))
        return ids.to(self.model.device), mask.to(self.model.device)

    def block_outputs(self, ids: Ids, mask: Ids) -> list[Float[Tensor, "texts longest width"]]:
        """Outputs of blocks 0..L; mask 1 = token, 0 = padding."""
        return self.outputs(input_ids=ids, attention_mask=mask)

    @torch.inference_mode()
    def outputs(self, **given: Num[Tensor, " ..."]) -> list[Float[Tensor, "inputs tokens width"]]:
        """Outputs of blocks 0..L of texts or images; stages of a convolutional one differ in shape.

        The last block's output comes with the norm that the trunk ends with, if it ends with one
        (ModernBERT, ViT); that of the other blocks without (`final_norm`). Places of a
        feature map are tokens.

        Args:
            **given: what the model takes: `input_ids` and `attention_mask`, or `pixel_values`.

        """
        answer = self.final_norm.watched(self.model, **given, output_hidden_states=True)
        outputs = list(answer.hidden_states)
        if answer.last_hidden_state.shape == outputs[-1].shape:
            outputs[-1] = answer.last_hidden_state
        # [images, channels, height, width]: a feature map of a convolutional model
        return [x.flatten(2).mT if x.ndim == 4 else x for x in outputs]

    def pixels(self, images: list[Image.Image]) -> Float[Tensor, "images channels height across"]:
        """Images as the processor hands them to the model.

        Raises:
            UserError: a text encoder, or an image that the processor cannot take.

        """
        pixels = prepared(
            images, self.processor, getattr(self.config, "num_channels", 3), self.name
        )
        return pixels.to(self.model.device, self.model.dtype)
