"""Vocabulary heads: from the outputs of one block to a score for every label.

A head is a `transform` (a linear map and a LayerNorm; in BERT's own head a GELU between them) and a
decoder, one vector and one bias per label. They are kept apart because the decoder is what costs:
its scores [rows, labels] are computed a few rows at a time and never all held.

A model's own masked-LM head is taken from the model itself: its trunk is replaced by one that hands
over what it is given and its decoder by the identity, so what is left computes the transform. This
works for every architecture of transformers with an output embedding, without knowing its names.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64, Integer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForMaskedLM
from transformers.modeling_outputs import BaseModelOutput

from blocklens.embedded.bert6 import address
from blocklens.encoder import matmul
from blocklens.encoder.digests import tensors_digest
from blocklens.encoder.fitting import check_weights
from blocklens.encoder.highest import highest
from blocklens.encoder.loading import quiet_transformers
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError


class Head(nn.Module):
    """A transform and a decoder: scores = transform(x) @ weight.T + bias.

    The decoder is tied (a buffer shared by all heads
    and never trained) or a parameter of this head. The transform's linear layers are changed to
    compute by `matmul.linear`.
    """

    weight: Float[Tensor, "labels features"]
    bias: Float[Tensor, " labels"]

    def __init__(
        self,
        transform: nn.Module,
        weight: Float[Tensor, "labels features"],
        bias: Float[Tensor, " labels"],
        *,
        tied: bool,
    ) -> None:
        super().__init__()
        matmul.with_fast_products(transform)
        self.transform = transform
        if tied:
            self.register_buffer("weight", weight.detach(), persistent=False)
        else:
            self.weight = nn.Parameter(weight.detach().clone())
        self.bias = nn.Parameter(bias.detach().clone())

    @property
    def labels(self) -> int:
        """Number of labels."""
        return self.weight.shape[0]

    def copy(self, *, tied: bool) -> Head:
        """A head of its own with the same transform and bias; a tied decoder stays shared."""
        return Head(copy.deepcopy(self.transform), self.weight, self.bias, tied=tied)

    def scores(self, x: Float[Tensor, "rows width"]) -> Float[Tensor, "rows labels"]:
        """The score of every label for each row."""
        return matmul.linear(self.transform(x), self.weight, self.bias)

    @torch.inference_mode()
    def predict(self, x: Float[Tensor, "rows width"]) -> Int64[Tensor, " rows"]:
        """The label of the highest score for each row, on the processor."""
        return highest(self.transform(x.to(self.bias.device)), self.weight, self.bias)


def fresh_head(
    encoder: Encoder, *, seed: int, counts: Integer[np.ndarray, " labels"] | None = None
) -> Head:
    """A new head, its decoder tied to the encoder's token embeddings (docs/learned.md; ours).

    A linear map that starts as the identity, a LayerNorm, and the token embeddings scaled to length
    1 on average: blocks pass on what they are given, so that the output of a block lies near the
    space of the embeddings even in an untrained trunk, whose embeddings are short. Where they are
    narrower than the blocks, the map starts at random (`seed`) and ends at their width. `counts`
    [labels], how often each label is to be expected, starts the bias at the logarithm of its share.
    """
    weight = encoder.model.get_input_embeddings().weight.detach().float()
    weight = weight / weight.norm(dim=1).mean()
    width = int(encoder.config.hidden_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        dense = nn.Linear(width, weight.shape[1])
        if width == weight.shape[1]:
            nn.init.eye_(dense.weight)
        else:
            nn.init.normal_(dense.weight, std=width**-0.5)
        nn.init.zeros_(dense.bias)
    bias = torch.zeros(weight.shape[0])
    if counts is not None:
        bias = torch.from_numpy(np.log((counts + 0.5) / (counts + 0.5).mean())).float()
    transform = nn.Sequential(dense, nn.LayerNorm(weight.shape[1]))
    return Head(transform, weight, bias, tied=True).to(weight.device)


def own_head(of: Encoder | str | Path) -> Head:
    """The masked-LM head that comes with an encoder, from where it was loaded (a folder or Hub id).

    Raises:
        UserError: the model has none, its architecture has no masked-LM form, or the encoder's
            weights are no longer those that the head was trained with.

    """
    source = of.name if isinstance(of, Encoder) else of
    try:
        config = AutoConfig.from_pretrained(address(source))
        named = " ".join(getattr(config, "architectures", None) or [])
        if "MaskedLM" in named or "PreTraining" in named:
            with quiet_transformers():
                model, report = AutoModelForMaskedLM.from_pretrained(
                    address(source), dtype=torch.float32, use_safetensors=True,
                    output_loading_info=True,
                )  # fmt: skip
            missing = [key for key in report["missing_keys"] if "pooler" not in key]
            if not missing:
                check_weights(model, str(source))
                if isinstance(of, Encoder):
                    _check_same_trunk(model, of)
                return split_head(model)
            why = f"its weights lack {sorted(missing)[0]}"
        else:
            why = "its configuration names no masked-LM architecture"
    except UserError:
        raise
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())[:160]
    raise UserError(
        f"{source}: no masked-LM head ({why}): the lens needs the model's own head; "
        "use the read-out instead"
    )


def _check_same_trunk(model: Any, encoder: Encoder) -> None:
    """A head from the disk says nothing of a trunk that was changed in memory.

    Raises:
        UserError: other weights.

    """
    saved = getattr(model, model.base_model_prefix, model).state_dict()
    for name, weight in encoder.model.state_dict().items():
        there = saved.get(name)
        if there is None or there.shape != weight.shape:
            continue
        if not torch.equal(there.to(weight.dtype), weight.detach().cpu()):
            raise UserError(
                f"{encoder.name}: the model in memory has other weights than those saved there "
                f"({name}), so the masked-LM head there is not its own: save it, and give the "
                "folder"
            )


def own_head_digest(encoder: Encoder) -> str | None:
    """A hash of the masked-LM head that comes with an encoder; None where none does."""
    try:
        head = own_head(encoder)
    except UserError:
        return None
    return tensors_digest({**head.state_dict(), "decoder": head.weight})


def split_head(model: Any) -> Head:
    """The head of a masked-LM model; the model gives up its trunk and its decoder.

    Raises:
        UserError: the model's head cannot be run without its trunk.

    """
    name = type(model).__name__
    decoder = model.get_output_embeddings()
    if decoder is None or not hasattr(model, model.base_model_prefix):
        raise UserError(f"{name}: no output embedding to take a head from; use the read-out")
    setattr(model, model.base_model_prefix, _GivenOutputs())
    labels = decoder.weight.shape[0]
    bias = decoder.bias
    for module in list(model.modules()):
        for child, layer in list(module.named_children()):
            if layer is not decoder:
                continue
            setattr(module, child, nn.Identity())
            beside = getattr(module, "bias", None)  # the bias again, or (ESM) the only one there is
            if isinstance(beside, nn.Parameter) and beside.shape == (labels,):
                bias = beside if bias is None else bias
                module.bias = nn.Parameter(torch.zeros(1), requires_grad=False)
    bias = torch.zeros(labels) if bias is None else bias
    transform = _Transform(model.eval())
    return Head(transform, decoder.weight.float(), bias.float(), tied=True)


class _GivenOutputs(nn.Module):
    """Stands where the trunk was and returns the embeddings it is given as its output."""

    def forward(self, *_: Any, inputs_embeds: Tensor, **__: Any) -> BaseModelOutput:
        return BaseModelOutput(last_hidden_state=inputs_embeds)  # type: ignore[arg-type]


class _Transform(nn.Module):
    """A masked-LM model without trunk and decoder, as a function of rows [rows, width]."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(inputs_embeds=x[None]).logits[0]
