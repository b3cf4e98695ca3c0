"""Builders for the tests: a small tokenizer, random encoders, and one with known answers."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import vl_convert
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AlbertConfig,
    AlbertModel,
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    ElectraConfig,
    ElectraModel,
    ModernBertConfig,
    ModernBertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from blocklens.encoder.trunk import Encoder
from blocklens.storage import manifest
from blocklens.studies.study_record import Kind, StudyRecord

WORDS = list("abcdefghijklmnopqrstuvwxyz")
VOCABULARY = [*["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", "!", ";"], *WORDS]

SMALL = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}

FAMILIES = {
    "BERT": (BertModel, BertConfig, {}),
    "RoBERTa": (RobertaModel, RobertaConfig, {"max_position_embeddings": 65}),
    "DistilBERT": (DistilBertModel, DistilBertConfig, {}),
    "ALBERT": (AlbertModel, AlbertConfig, {"embedding_size": 16}),
    "ELECTRA": (ElectraModel, ElectraConfig, {"embedding_size": 16}),
    "ModernBERT": (
        ModernBertModel,
        ModernBertConfig,
        {
            "local_attention": 8,
            "cls_token_id": 2,
            "sep_token_id": 3,
            "bos_token_id": 2,
            "eos_token_id": 3,
        },
    ),
}
"""Text encoders by family: model class, configuration class, what differs from SMALL."""


def small_model(family: str = "BERT", seed: int = 0, **changes) -> torch.nn.Module:
    """A random model of a family. Weights are spread wide so that heads differ visibly."""
    model_class, config_class, differs = FAMILIES[family]
    torch.manual_seed(seed)
    model = model_class(config_class(**{**SMALL, **differs, **changes})).eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim == 2 and "position" not in name:
                weights.normal_(0, 0.15)
    return model


def small_tokenizer() -> PreTrainedTokenizerFast:
    """One token a letter or punctuation mark, with [CLS] and [SEP] around."""
    words = {word: number for number, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def small_encoder(family: str = "BERT", seed: int = 0, double: bool = False, **changes) -> Encoder:
    """A random encoder with the small tokenizer."""
    model = small_model(family, seed, **changes)
    return Encoder(model.double() if double else model, small_tokenizer(), name=f"small {family}")


def random_texts(count: int, seed: int = 0, longest: int = 5) -> list[str]:
    """Texts of 1 to `longest` sentences of 3 to 9 letters each, one a line."""
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(count):
        sentences = []
        for _ in range(rng.integers(1, longest + 1)):
            letters = rng.choice(WORDS, size=rng.integers(3, 10)).tolist()
            if len(letters) > 5:
                letters.insert(3, ",")
            sentences.append(" ".join(letters) + " .")
        texts.append("\n".join(sentences))
    return texts


def made_up_texts(count: int = 300) -> list[str]:
    """Sentences in which the verb follows from the subject."""
    rng = np.random.default_rng(0)
    verbs = {"cats": "purr", "dogs": "bark", "birds": "sing", "cows": "graze", "bees": "hum"}
    names = list(verbs)
    texts = []
    for _ in range(count):
        chosen = [names[n] for n in rng.integers(0, 5, rng.integers(2, 12))]
        texts.append(" ".join(f"the {name} {verbs[name]} today ." for name in chosen))
    return texts


def write_record(folder: Path, kind: Kind = "study", **said: Any) -> Path:
    """Write a made-up study's `study.json`, with every table and example that lies there."""
    files = {**manifest(folder / "tables", of=folder), **manifest(folder / "examples", of=folder)}
    record = StudyRecord.model_validate({"finished": True, **said, "kind": kind, "files": files})
    record.write(folder)
    return folder


def known_encoder(sentence_of_position: list[int]) -> Encoder:
    """One block of three heads whose answers are known by construction.

    Head 0 attends to the token itself and carries what it is: similar pairs repeat a token.
    Head 1 attends to [SEP] alone: all its output vectors are equal.
    Head 2 attends to the token itself and carries the sentence that its position belongs to.

    Word and position embeddings are unit vectors of their own dimensions, so the layer norm takes
    the same mean and divides by the same deviation everywhere.
    """
    words, positions = len(VOCABULARY), len(sentence_of_position)
    width = 3 * (words + positions)
    model = BertModel(
        BertConfig(
            vocab_size=words,
            hidden_size=width,
            num_hidden_layers=1,
            num_attention_heads=3,
            intermediate_size=4,
            max_position_embeddings=positions,
            pad_token_id=0,
        )
    ).eval()
    head = width // 3
    strong = 30.0
    with torch.no_grad():
        for weights in model.parameters():
            weights.zero_()
        embeddings = model.embeddings
        embeddings.LayerNorm.weight.fill_(1.0)
        embeddings.word_embeddings.weight[:, :words] = torch.eye(words)
        embeddings.position_embeddings.weight[:, words : words + positions] = torch.eye(positions)
        attention = model.encoder.layer[0].attention.self
        word, position = slice(0, words), slice(words, words + positions)
        for first in (0, 2 * head):  # heads 0 and 2: query and key are the position
            for projection in (attention.query, attention.key):
                projection.weight[first : first + positions, position] = strong * torch.eye(
                    positions
                )
        attention.value.weight[:words, word] = torch.eye(words)
        attention.query.bias[head] = strong * strong
        attention.key.weight[head, 3] = 1.0  # the key that answers is [SEP]
        attention.value.weight[head : head + words, word] = torch.eye(words)
        sentences = torch.tensor(sentence_of_position)
        for number in range(max(sentence_of_position) + 1):
            row = 2 * head + number
            attention.value.weight[row, position] = (sentences == number).float()
        for layer in (model.encoder.layer[0].attention.output, model.encoder.layer[0].output):
            layer.LayerNorm.weight.fill_(1.0)
    return Encoder(model, small_tokenizer(), name="known")


def until(page, expression: str, seconds: float = 30) -> None:
    """Wait for an expression to be true; the page's policy forbids to evaluate it in the page."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)


def drawn(page) -> None:
    """Wait until every chart of a page is drawn."""
    charts = "[...document.querySelectorAll('.chart[data-chart]')]"
    until(page, f"{charts}.every((chart) => chart.dataset.drawn)")


def marks_of(svg: str) -> set[str]:
    """The kinds of marks that are drawn in a chart's SVG; a mark without data is none."""
    return set(re.findall(r'<g class="mark-(\w+) role-mark[^>]*[^/>]><', svg))


def marks_in(chart: Any) -> set[str]:
    """The marks of a chart that vl-convert compiled and drew (`to_dict` holds to the schema)."""
    return marks_of(vl_convert.vegalite_to_svg(chart.to_dict()))
