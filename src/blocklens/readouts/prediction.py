"""Answers to new texts, by a sequence classifier that is an ordinary model folder.

    for answer in predict(["A new text."], "finetune-study"):
        answer.label, answer.confidence

What an answer is follows the model's configuration (`problem_type`): one class, several, or plain
numbers. Texts are cut at the length that the classifier was trained with, which its tokenizer
keeps, and at what its positions allow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from blocklens.encoder.fitting import check_tokenizer, check_weights, longest_input
from blocklens.encoder.loading import (
    check_config,
    check_folder,
    load_tokenizer,
    on_device,
    one_line,
    quiet_transformers,
)
from blocklens.errors import UserError
from blocklens.inputs.fields import kind_of, label_of
from blocklens.inputs.in_memory import how_to_give
from blocklens.inputs.texts import Text, TextSource
from blocklens.inputs.tokenising import token_ids
from blocklens.readouts.finetuning import class_scores

TEXTS_AT_ONCE = 512
"""Texts that are read ahead and sorted by length."""

TOKENS = 512
"""Where the tokenizer does not say how long a text may be."""

Task = Literal["one class", "several classes", "numbers"]
TASKS: dict[str, Task] = {
    "single_label_classification": "one class",
    "multi_label_classification": "several classes",
    "regression": "numbers",
}
WANTED = "predict takes a sequence classifier: fine-tune one (blocklens finetune), or give another"
LIKELY = 0.5
"""Probability from which a class is one of a text's several."""


@dataclass(frozen=True)
class Classifier:
    """A sequence classifier in evaluation mode, its tokenizer, and the names of its outputs."""

    model: Any
    tokenizer: Any
    names: list[str]
    tokens: int
    task: Task = "one class"


@dataclass(frozen=True)
class Prediction:
    """The answer to one text.

    Attributes:
        name: the text's.
        label: the likeliest class; None where outputs are numbers.
        confidence: its probability.
        probabilities: of every class, the likeliest first: a softmax over the classes, or where a
            text may have several the sigmoid of each.
        labels: where a text may have several, the classes that are likelier than not.
        values: where outputs are numbers (a regression, a cross-encoder), each as it is.

    """

    name: str
    label: str | None = None
    confidence: float | None = None
    probabilities: dict[str, float] = field(default_factory=dict)
    labels: list[str] | None = None
    values: dict[str, float] | None = None

    def row(self, *, every: bool = False) -> dict[str, Any]:
        """What is written of it, rounded; with `every` class's probability, if asked for."""
        if self.values is not None:
            return {"name": self.name, **{name: round(x, 4) for name, x in self.values.items()}}
        row: dict[str, Any] = {"name": self.name}
        if self.labels is not None:
            row["labels"] = self.labels
        else:
            row |= {"label": self.label, "confidence": round(self.confidence or 0.0, 4)}
        if every:
            row["probabilities"] = {name: round(p, 4) for name, p in self.probabilities.items()}
        return row


def load_classifier(source: str | Path, *, device: str = "cpu") -> Classifier:
    """Load a text classifier from a model folder, a study's folder, or the Hub.

    Raises:
        UserError: nothing there, a model that is no trained text classifier, one whose tokenizer
            does not fit it, or damaged weights.

    """
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
            check_task(check_config(source), str(source))
            model, report = AutoModelForSequenceClassification.from_pretrained(
                str(source), dtype=torch.float32, use_safetensors=True, output_loading_info=True
            )
    except UserError:
        raise
    except Exception as error:  # whatever the libraries below raise: many kinds, all theirs
        raise UserError(
            f"{source}: no text classifier could be loaded ({one_line(error)}); {WANTED}"
        ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise UserError(
            f"{source}: its weights lack {missing[0]}, so it is no trained text classifier; "
            f"{WANTED}"
        )
    tokenizer = load_tokenizer(source, trust_remote_code=False)
    check_weights(model, str(source))
    check_tokenizer(tokenizer, model, str(source))
    names, task = outputs_of(model.config, str(source))
    tokens = min(longest_input(model, tokenizer), TOKENS)
    return Classifier(on_device(model.eval(), device), tokenizer, names, tokens, task)


def check_task(config: Any, name: str) -> None:
    """Refuse a model of which the configuration says that it was made for another task.

    Its weights may fit all the same: some classifiers of tokens name theirs as those of texts do.

    Raises:
        UserError: it was.

    """
    made = (config.architectures or ["ForSequenceClassification"])[0]
    if "ForSequenceClassification" not in made:
        _, made_for, task = made.partition("For")
        words = (
            re.sub(r"(?<=[a-z])(?=[A-Z])", " ", task).lower().replace(" lm", " language modelling")
        )
        what = f"made for {words}" if made_for else "without a classifier"
        raise UserError(f"{name}: a model {what} ({made}); {WANTED}")


def outputs_of(config: Any, name: str) -> tuple[list[str], Task]:
    """The names of a classifier's outputs in order, and what they are.

    Raises:
        UserError: classes that are not numbered 0 to n - 1, have no name or share one, or outputs
            of a kind that is not known.

    """
    numbers = sorted(int(number) for number in config.id2label)
    if numbers != list(range(len(numbers))):
        raise UserError(
            f"{name}: config.json numbers its classes {', '.join(map(str, numbers[:5]))}; expected "
            f"0 to {len(numbers) - 1}: renumber id2label"
        )
    names = [str(config.id2label[number]) for number in numbers]
    seen = [label_of(config.id2label[number]) for number in numbers]
    if None in seen:
        raise UserError(
            f"{name}: config.json has no name for class {seen.index(None)}: give it one in id2label"
        )
    if twice := [one for one in seen if seen.count(one) > 1]:
        raise UserError(
            f"{name}: config.json calls several classes {twice[0]!r}: give each a name in id2label"
        )
    if config.problem_type is None:
        return names, "numbers" if len(names) == 1 else "one class"
    if config.problem_type not in TASKS:
        raise UserError(
            f"{name}: config.json has the problem_type {config.problem_type!r}; expected "
            f"{', '.join(TASKS)}"
        )
    return names, TASKS[config.problem_type]


def predict(texts: Any, classifier: Any) -> Iterator[Prediction]:
    """Answers to texts, in their order; texts are read as they are needed.

    `texts`: what `TextSource` reads (a path, a table, records), or strings, each of which gets an
    answer. `classifier`: one that `load_classifier` loaded, or what it would load.

    Raises:
        UserError: what `load_classifier` raises, or an item that is no text.

    Examples:
        >>> import blocklens
        >>> import pandas as pd
        >>> words = ["good", "fine", "bad", "poor"] * 20
        >>> labels = ["up", "up", "down", "down"] * 20
        >>> texts = [f"Day {number} was {word}." for number, word in enumerate(words)]
        >>> table = pd.DataFrame({"text": texts, "label": labels})
        >>> study = blocklens.finetune(
        ...     table, "embedded", "up-or-down", export=2, seeds=1, untrained=0, confidence=False
        ... )
        >>> for answer in blocklens.predict(["Day 100 was good."], study.folder / "block-2"):
        ...     print(answer.label)
        up

    """
    if isinstance(texts, Classifier) or not isinstance(classifier, Classifier | str | Path):
        texts, classifier = classifier, texts
    remaining = _each(texts)
    if not isinstance(classifier, Classifier):
        classifier = load_classifier(classifier)
    count = 0
    while some := list(islice(remaining, TEXTS_AT_ONCE)):
        given = [_text(one, f"text {count + number}") for number, one in enumerate(some, start=1)]
        count += len(given)
        ids = token_ids(classifier.tokenizer, [one.text for one in given], tokens=classifier.tokens)
        scores = class_scores(classifier.model, classifier.tokenizer, ids)
        for one, of_text in zip(given, torch.from_numpy(scores), strict=True):
            yield answer(classifier, one.name, of_text)


def _each(texts: Any) -> Iterator[Any]:
    """Texts or strings, one at a time; what is neither (a path, a table, records) is read."""
    if isinstance(texts, str | Path) or hasattr(texts, "itertuples") or how_to_give(texts):
        return iter(TextSource(texts))
    remaining = iter(texts)
    first = list(islice(remaining, 1))
    remaining = chain(first, remaining)
    records = any(isinstance(one, Mapping) for one in first)
    return iter(TextSource(remaining)) if records else remaining


def _text(given: Any, name: str) -> Text:
    """One text. Raises `UserError` for what is none."""
    given = Text(name, given) if isinstance(given, str) else given
    if not isinstance(given, Text):
        raise UserError(f"{name}: is {kind_of(given)}; expected a string")
    return given


def answer(classifier: Classifier, name: str, scores: Float[Tensor, " outputs"]) -> Prediction:
    """What the model's outputs for one text say."""
    if classifier.task == "numbers":
        return Prediction(name, values=dict(zip(classifier.names, scores.tolist(), strict=True)))
    several = classifier.task == "several classes"
    shares = scores.sigmoid() if several else scores.softmax(0)
    pairs = zip(classifier.names, shares.tolist(), strict=True)
    ordered = sorted(pairs, key=lambda pair: -pair[1])
    likely = [label for label, share in ordered if share >= LIKELY] if several else None
    return Prediction(name, *ordered[0], dict(ordered), likely)
