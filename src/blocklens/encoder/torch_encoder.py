"""A plain `torch.nn.TransformerEncoder` as an encoder like any other.

    model = TorchEncoder(embedding, blocks, max_tokens=128)
    encoder = blocklens.Encoder(model, tokenizer)

`embedding` turns ids [texts, tokens] into vectors [texts, tokens, width], positions included. The
layers' arithmetic is PyTorch's own, but for attention, which goes where the head tap listens.
"""

from __future__ import annotations

import copy
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from blocklens.encoder.attention import attention_function
from blocklens.encoder.batching import Ids
from blocklens.errors import UserError


class TorchEncoder(PreTrainedModel):
    """An embedding and the layers of a `torch.nn.TransformerEncoder`.

    Args:
        embedding: a module from ids to vectors.
        blocks: the encoder; its layers may be pre-norm or post-norm, batch first or not.
        max_tokens: the longest input.
        padding: id of the padding token.

    Raises:
        UserError: layers that are no `nn.TransformerEncoderLayer`, or attention with extra keys.

    """

    config_class = PretrainedConfig
    main_input_name = "input_ids"

    def __init__(
        self,
        embedding: nn.Module,
        blocks: nn.TransformerEncoder,
        *,
        max_tokens: int,
        padding: int = 0,
    ) -> None:
        layers = list(blocks.layers)
        if not all(isinstance(layer, nn.TransformerEncoderLayer) for layer in layers):
            raise UserError("expected nn.TransformerEncoderLayer in every place of blocks.layers")
        first: Any = layers[0].self_attn
        tables = [part for part in embedding.modules() if isinstance(part, nn.Embedding)]
        config: Any = PretrainedConfig
        super().__init__(
            config(
                num_hidden_layers=len(layers),
                num_attention_heads=first.num_heads,
                hidden_size=first.embed_dim,
                vocab_size=max((table.num_embeddings for table in tables), default=0),
                max_position_embeddings=max_tokens,
                pad_token_id=padding,
            )
        )
        self.embedding = embedding
        self.layers = nn.ModuleList(copy.copy(layer) for layer in layers)
        for layer in self.layers:
            # A module of its own list of parts, so that the caller's layer keeps its attention.
            layer._modules = {**layer._modules, "self_attn": _Attention(layer.self_attn)}
        self.norm = blocks.norm

    def get_input_embeddings(self) -> Any:
        """The largest table of the embedding: that of the tokens."""
        tables = [part for part in self.embedding.modules() if isinstance(part, nn.Embedding)]
        return max(tables, key=lambda table: table.num_embeddings)

    def set_attn_implementation(self, *_: Any, **__: Any) -> None:
        """Nothing to choose."""

    def fresh(self) -> TorchEncoder:
        """The same shape with weights drawn anew, each part in PyTorch's own way."""
        other = copy.deepcopy(self)
        for part in other.modules():
            for draw in ("reset_parameters", "_reset_parameters"):
                if callable(getattr(part, draw, None)):
                    getattr(part, draw)()
        return other

    def forward(
        self,
        input_ids: Ids,
        attention_mask: Ids | None = None,
        output_hidden_states: bool = False,
        **_: Any,
    ) -> BaseModelOutput:
        """Block outputs 0..L; mask 1 = token, 0 = padding."""
        x = self.embedding(input_ids)
        seen = None
        if attention_mask is not None:
            seen = attention_mask.bool()[:, None, None, :].expand(-1, 1, x.shape[1], -1)
        states = [x]
        for layer in self.layers:
            attention: Any = layer.self_attn
            attention.seen = seen
            x = layer(x)
            states.append(x)
        if self.norm is not None:
            x = self.norm(x)
        kept = tuple(states) if output_hidden_states else None
        return BaseModelOutput(last_hidden_state=x, hidden_states=kept)  # type: ignore[arg-type]


class _Attention(nn.Module):
    """`nn.MultiheadAttention` by way of the attention function that can be tapped."""

    batch_first = False  # this, and not the layout, keeps a layer off PyTorch's fused path
    seen: Bool[Tensor, "texts 1 tokens tokens"] | None = None

    def __init__(self, given: Any) -> None:
        super().__init__()
        if given.in_proj_weight is None or given.bias_k is not None or given.add_zero_attn:
            raise UserError("attention with keys of another width, or extra keys, is not supported")
        self.heads = given.num_heads
        self.in_proj_weight, self.in_proj_bias = given.in_proj_weight, given.in_proj_bias
        self.out_proj = given.out_proj

    def _reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.in_proj_weight)
        if self.in_proj_bias is not None:
            nn.init.zeros_(self.in_proj_bias)

    def forward(
        self, x: Float[Tensor, "texts tokens width"], *_: Any, **__: Any
    ) -> tuple[Float[Tensor, "texts tokens width"], None]:
        """Attention of the layer's tokens to each other."""
        parts = functional.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts
        )  # [texts, heads, tokens, head width]
        output, _none = attention_function(self, query, key, value, self.seen, is_causal=False)
        return self.out_proj(output.flatten(2)), None
