"""Labels with confidences on new texts, by a text classifier that is an ordinary model folder.

    for answer in predict("finetune-study", ["A new text."]):
        answer.label, answer.confidence

Texts are cut at the length that the classifier was trained with, which its tokenizer keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from blocklens.encoder.loading import check_folder, load_tokenizer, one_line, quiet_transformers
from blocklens.errors import UserError
from blocklens.inputs.texts import Text
from blocklens.readouts.finetuning import class_probabilities

TEXTS_AT_ONCE = 512
"""Texts that are read ahead and sorted by length."""

TOKENS = 512
"""Where the tokenizer does not say how long a text may be."""


@dataclass(frozen=True)
class Classifier:
    """A text classifier in evaluation mode, its tokenizer, and the names of its classes."""

    model: Any
    tokenizer: Any
    names: list[str]
    tokens: int


@dataclass(frozen=True)
class Prediction:
    """The answer to one text: the likeliest class, and every class's probability in order."""

    name: str
    label: str
    confidence: float
    probabilities: dict[str, float]


def load_classifier(source: str | Path, *, device: str = "cpu") -> Classifier:
    """Load a text classifier from a model folder, a study's folder, or the Hub.

    Raises:
        UserError: nothing there, or a model that is no trained text classifier.

    """
    import torch
    from transformers import AutoModelForSequenceClassification

    folder = Path(source)
    if (folder / "study.json").is_file():
        folder = folder / "model"
        if not folder.is_dir():
            raise UserError(
                f"{source}: this study kept no classifier; run finetune, or give a model folder"
            )
        source = folder
    check_folder(str(source), allow_pickle=False)
    try:
        with quiet_transformers():
            model, report = AutoModelForSequenceClassification.from_pretrained(
                str(source), dtype=torch.float32, use_safetensors=True, output_loading_info=True
            )
    except Exception as error:  # whatever the libraries below raise: many kinds, all theirs
        raise UserError(
            f"{source}: no text classifier could be loaded ({one_line(error)}); give a folder that "
            "finetune wrote, or another sequence classifier"
        ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise UserError(
            f"{source}: no trained text classifier: its weights lack {missing[0]}; fine-tune it "
            "first (blocklens finetune)"
        )
    tokenizer = load_tokenizer(source, trust_remote_code=False)
    names = [str(model.config.id2label[number]) for number in range(model.config.num_labels)]
    longest = getattr(model.config, "max_position_embeddings", None) or TOKENS
    tokens = int(min(tokenizer.model_max_length, longest, TOKENS))
    return Classifier(model.eval().to(device), tokenizer, names, tokens)


def predict(
    classifier: Classifier | str | Path, texts: Iterable[Text | str]
) -> Iterator[Prediction]:
    """Answers to texts, in their order; texts are read as they are needed.

    `classifier`: one that `load_classifier` loaded, or what it would load.

    Raises:
        UserError: what `load_classifier` raises.

    """
    if not isinstance(classifier, Classifier):
        classifier = load_classifier(classifier)
    count = 0
    remaining = iter(texts)
    while some := list(islice(remaining, TEXTS_AT_ONCE)):
        given = [
            one if isinstance(one, Text) else Text(f"text {count + number}", one)
            for number, one in enumerate(some, start=1)
        ]
        count += len(given)
        ids = classifier.tokenizer(
            [one.text for one in given], truncation=True, max_length=classifier.tokens,
            return_attention_mask=False, return_token_type_ids=False,
        )["input_ids"]  # fmt: skip
        found = class_probabilities(classifier.model, classifier.tokenizer, ids)
        for one, row in zip(given, found.tolist(), strict=True):
            ordered = sorted(zip(classifier.names, row, strict=True), key=lambda pair: -pair[1])
            yield Prediction(one.name, *ordered[0], dict(ordered))
