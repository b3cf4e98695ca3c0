"""Text classifiers as ordinary Hugging Face models: a shortened trunk with its family's own head.

`new_classifier` shortens a trunk and gives it a fresh head of its family (what is fine-tuned), and
`with_read_out` puts a trained read-out there. A folder that `save_classifier`
writes is loaded by `AutoModelForSequenceClassification`, which is how `predict` reads it too.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

from blocklens.encoder.shortened import load_trunk, save_model, shorter_config
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.readouts.class_heads import Activation, ClassHead


@dataclass(frozen=True)
class HeadPlaces:
    """Where a family's classification head keeps its two layers, and what is between them."""

    dense: str
    classifier: str
    activation: Activation


_BERT = HeadPlaces("{trunk}.pooler.dense", "classifier", "tanh")
_ROBERTA = HeadPlaces("classifier.dense", "classifier.out_proj", "tanh")
FAMILIES: dict[str, HeadPlaces] = {
    "bert": _BERT,
    "albert": HeadPlaces("{trunk}.pooler", "classifier", "tanh"),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "esm": _ROBERTA,
    "electra": HeadPlaces("classifier.dense", "classifier.out_proj", "gelu"),
    "distilbert": HeadPlaces("pre_classifier", "classifier", "relu"),
}
"""Families whose own head is a dense layer, an activation and a classifier, as a read-out is."""


def new_classifier(
    encoder: Encoder, names: Sequence[str], *, blocks: int | None = None, seed: int = 0
) -> Any:
    """A sequence classifier on the trunk shortened to block `blocks`, its whole head fresh.

    Raises:
        UserError: the encoder's family has no sequence classifier.

    """
    config = shorter_config(encoder, encoder.blocks if blocks is None else blocks, names)
    config.problem_type = "single_label_classification"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            model = AutoModelForSequenceClassification.from_config(config)
        except ValueError as error:
            raise UserError(
                f"{encoder.name}: transformers has no text classifier for {config.model_type}; "
                "read-outs still work, without a model to save"
            ) from error
    load_trunk(getattr(model, model.base_model_prefix), encoder)
    model.set_attn_implementation("sdpa")
    return model


def head_activation(encoder: Encoder) -> Activation:
    """The activation in the head of the encoder's family; BERT's for one we do not know."""
    places = FAMILIES.get(encoder.config.model_type)
    return places.activation if places else "tanh"


def with_read_out(encoder: Encoder, head: ClassHead, names: Sequence[str], *, blocks: int) -> Any:
    """The trunk shortened to block `blocks` with a trained read-out in the place of its head.

    Raises:
        UserError: a family whose own head has another form, or a linear read-out.

    """
    places = FAMILIES.get(encoder.config.model_type)
    if places is None or head.dense is None or head.dense_bias is None:
        why = (
            f"the classifier of {encoder.config.model_type} has another form than a read-out"
            if places is None
            else "a linear read-out has no place in its classifier"
        )
        raise UserError(f"{encoder.name}: {why}, so it cannot be saved as one; fine-tune with "
                        "--variant truncate to have a model to save")  # fmt: skip
    model = new_classifier(encoder, names, blocks=blocks)
    layers = [
        (places.dense, head.dense, head.dense_bias),
        (places.classifier, head.classifier, head.bias),
    ]
    with torch.no_grad():
        for place, weight, bias in layers:
            layer = model.get_submodule(place.format(trunk=model.base_model_prefix))
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    return model.eval()


def save_classifier(folder: Path, model: Any, tokenizer: Any, card: str, *, tokens: int) -> None:
    """Write a classifier, its tokenizer and a card as a Hugging Face folder, whole or not at all.

    `tokens`: length at which texts were cut in training; the tokenizer keeps it.
    """
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.model_max_length = tokens
    save_model(folder, model.cpu(), tokenizer, card)
