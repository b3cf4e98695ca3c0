"""Any Hugging Face encoder as one interface: blocks, heads, windows of tokens, block outputs.

An encoder of texts has a tokenizer, an encoder of images an image processor; all else is the same.

`Encoder.load` takes a local folder or a Hub id. Weights come from safetensors; pickles and remote
code are refused unless asked for by name, since both run what their author wrote.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from blocklens.embedded.bert6 import EMBEDDED
from blocklens.encoder.attention import ATTENTION
from blocklens.encoder.batching import Ids, padded, padding_id
from blocklens.encoder.digests import tensors_digest, tokenizer_digest
from blocklens.encoder.loading import OPTIONAL_WEIGHTS, load_model, load_processor, load_tokenizer
from blocklens.encoder.matmul import with_fast_products
from blocklens.errors import UserError
from blocklens.inputs.windows import Tokens, Windows


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

    """

    def __init__(
        self, model: Any, tokenizer: Any = None, *, processor: Any = None, name: str = "encoder"
    ) -> None:
        self.name = name
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.processor = processor
        self.config = model.config
        check_is_encoder(model, name)
        with_fast_products(model)
        self.blocks = number_of_blocks(self.config, name)
        heads = getattr(self.config, "num_attention_heads", None)
        self.heads = heads if isinstance(heads, int) else 0
        self.max_tokens = longest_input(model, tokenizer)
        self.calls_counted = False  # by `head_pass.tapped`
        self.head_width = 0
        if self.heads:
            width = int(self.config.hidden_size)
            self.head_width = int(getattr(self.config, "head_dim", None) or width // self.heads)
            self.model.set_attn_implementation(ATTENTION)

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
        trust_remote_code: bool = False,
        allow_pickle: bool = False,
    ) -> Encoder:
        """Load a trunk and its tokenizer or processor from a local folder or the Hub.

        Args:
            source: a folder with `config.json` and safetensors weights, or a Hub id; by default
                "embedded", the BERT-6 that comes with the package.
            device: where to compute, such as "cpu" or "cuda".
            dtype: the weights' type.
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
        tokenizer = processor = None
        if reads_images(model):
            processor = load_processor(source, trust_remote_code=trust_remote_code)
        else:
            tokenizer = load_tokenizer(source, trust_remote_code=trust_remote_code)
        return cls(model.to(device), tokenizer, processor=processor, name=str(source))

    def untrained(self, seed: int) -> Encoder:
        """The untrained twin: the same configuration and tokenizer, with fresh weights."""
        # _from_config writes to the config it is given: two models of one config would share it.
        config = copy.deepcopy(self.config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = type(self.model)._from_config(config, dtype=self.model.dtype)
        name = f"{self.name} untrained, seed {seed}"
        return Encoder(
            model.to(self.model.device), self.tokenizer, processor=self.processor, name=name
        )

    def fingerprint(self) -> str:
        """A hash of the weights and of all of the tokenizer or processor, to know an encoder again.

        Weights that the trunk can do without are left out: where a file lacks them, every load
        draws them anew.
        """
        weights = {
            name: tensor
            for name, tensor in self.model.state_dict().items()
            if not any(word in name for word in OPTIONAL_WEIGHTS)
        }
        used = [repr(sorted(self.config.to_diff_dict().items())), tensors_digest(weights)]
        if self.tokenizer is not None:
            used.append(tokenizer_digest(self.tokenizer))
        if self.processor is not None:
            used.append(self.processor.to_json_string())
        return hashlib.sha256("\n".join(used).encode()).hexdigest()

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

    def batch(self, windows: Sequence[Tokens]) -> tuple[Ids, Ids]:
        """Ids and mask of a batch of windows, padded on the right, where the model is."""
        ids, mask = padded([window.ids for window in windows], padding_id(self.config))
        return ids.to(self.model.device), mask.to(self.model.device)

    def block_outputs(self, ids: Ids, mask: Ids) -> list[Float[Tensor, "texts longest width"]]:
        """Outputs of blocks 0..L; mask 1 = token, 0 = padding."""
        return self.outputs(input_ids=ids, attention_mask=mask)

    @torch.inference_mode()
    def outputs(self, **given: Tensor) -> list[Float[Tensor, "inputs tokens width"]]:
        """Outputs of blocks 0..L of texts or images; stages of a convolutional one differ in shape.

        The last block's output comes with the norm that the trunk ends with, if it ends with one
        (ModernBERT, ViT); that of the other blocks without. Places of a feature map are tokens.

        Args:
            **given: what the model takes: `input_ids` and `attention_mask`, or `pixel_values`.

        """
        answer = self.model(**given, output_hidden_states=True)
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
        if self.processor is None:
            raise UserError(f"{self.name}: no image processor; images need an encoder that has one")
        mode = "L" if getattr(self.config, "num_channels", 3) == 1 else "RGB"
        try:
            prepared = self.processor(
                images=[image.convert(mode) for image in images], return_tensors="pt"
            )
        except (ValueError, TypeError) as error:
            raise UserError(
                f"{self.name}: its processor cannot take the images ({error}): "
                "give images of another size, or repair preprocessor_config.json"
            ) from error
        return prepared["pixel_values"].to(self.model.device, self.model.dtype)


def reads_images(model: Any) -> bool:
    """Whether a trunk takes pixels."""
    return getattr(model, "main_input_name", "") == "pixel_values"


def number_of_blocks(config: Any, name: str) -> int:
    """Blocks of a trunk, or the stages of one that is built of stages.

    Raises:
        UserError: the configuration tells neither.

    """
    blocks = getattr(config, "num_hidden_layers", None)
    if isinstance(blocks, int):
        return blocks
    if getattr(config, "depths", None):
        return len(config.depths)
    raise UserError(
        f"{name}: {config.model_type} does not say how many blocks it has; give a transformer "
        "encoder, such as BERT or ViT"
    )


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
