"""What is measured: models of BERT-base's shape with random weights, and windows like real text.

One set of weights serves every side of a comparison: the models share their tensors and differ in
how they compute attention alone.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, BertModel, PreTrainedTokenizerFast
from transformers.models.bert.modeling_bert import BertOnlyMLMHead

from blocklens.encoder.trunk import Encoder
from blocklens.inputs.windows import COMMA, FULL_STOP, OTHER, SEPARATOR, START, Tokens

VOCABULARY = 30_522
CLS, SEP, STOP, COMMA_ID = 101, 102, 1012, 1010
FIRST_WORD = 1996

SHAPES = {
    "base": {
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
    },
    "small": {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 128,
    },
}
"""BERT-base, and a shape to try the benchmarks out with."""

TOKENS_AT_ONCE = 1024
"""Tokens of a batch on every side: 8 windows of 128 or 2 of 512, as in `blocklens.measure`."""


def random_bert(shape: str, *, double: bool = False) -> BertModel:
    """A BERT trunk with random weights.

    Queries and keys are drawn 2.5 times wider than the library draws them, so that attention is
    neither flat nor all on one token and the heads' vectors differ, as in a trained encoder.
    """
    torch.manual_seed(0)
    model = BertModel(BertConfig(vocab_size=VOCABULARY, **SHAPES[shape]), add_pooling_layer=False)
    with torch.no_grad():
        for layer in model.encoder.layer:
            for projection in (layer.attention.self.query, layer.attention.self.key):
                projection.weight.mul_(2.5)
    model = model.double() if double else model
    return model.eval().requires_grad_(False)


def twin(model: BertModel, attention: str) -> BertModel:
    """A model of the same weights (shared, not copied) with one of the library's own attentions."""
    config = copy.deepcopy(model.config)
    config._attn_implementation = attention
    with torch.device("meta"):
        other = BertModel(config, add_pooling_layer=False)
    return _shared(other, model)


def masked_language_model(model: BertModel) -> BertForMaskedLM:
    """The same trunk (weights shared) under a vocabulary head, as other libraries want it.

    The head has one entry instead of the whole vocabulary, so that it costs next to nothing.
    """
    config = copy.deepcopy(model.config)
    config._attn_implementation = "eager"
    config.tie_word_embeddings = False
    config.architectures = ["BertForMaskedLM"]
    with torch.device("meta"):
        whole = BertForMaskedLM(config)
    _shared(whole.bert, model)
    one = BertConfig(vocab_size=1, hidden_size=config.hidden_size, pad_token_id=None)
    whole.cls = BertOnlyMLMHead(one).to(model.dtype)
    return whole.eval().requires_grad_(False)


def _shared(other: BertModel, model: BertModel) -> BertModel:
    other.load_state_dict(model.state_dict(), assign=True)
    for name, buffer in model.named_buffers():
        owner, _, last = name.rpartition(".")
        other.get_submodule(owner)._buffers[last] = buffer
    return other.eval().requires_grad_(False)


def encoder_of(model: BertModel) -> Encoder:
    """Our encoder on the same weights; no tokenizer, since windows are made directly."""
    return Encoder(twin(model, "eager"), name="random BERT")


def word_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of the words w0, w1, ... up to the vocabulary's size, full stop and comma."""
    words = {"[PAD]": 0, "[UNK]": 100, "[CLS]": CLS, "[SEP]": SEP, "[MASK]": 103}
    words |= {".": STOP, ",": COMMA_ID}
    words |= {f"w{number}": FIRST_WORD + number for number in range(VOCABULARY - FIRST_WORD)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", SEP), ("[CLS]", CLS))
    special = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{kind}_token": token for kind, token in special.items()}
    )


def random_windows(count: int, tokens: int, seed: int = 0) -> list[Tokens]:
    """Windows of exactly `tokens` tokens: words by Zipf's law, a full stop in about 20."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        inner = tokens - 2
        words = np.minimum(rng.zipf(1.2, size=inner), VOCABULARY - FIRST_WORD) - 1 + FIRST_WORD
        kinds = np.full(inner, OTHER, dtype=np.int8)
        draw = rng.random(inner)
        kinds[draw < 0.10] = COMMA
        kinds[draw < 0.05] = FULL_STOP
        kinds[0] = OTHER
        words[kinds == COMMA] = COMMA_ID
        words[kinds == FULL_STOP] = STOP
        ends = np.cumsum(kinds == FULL_STOP)
        sentences = np.concatenate([[0], ends[:-1]])
        special = np.zeros(tokens, dtype=bool)
        special[[0, -1]] = True
        found.append(
            Tokens(
                name=f"window {number}",
                ids=np.concatenate([[CLS], words, [SEP]]).astype(np.int64),
                special=special,
                sentences=np.concatenate([[-1], sentences, [-1]]).astype(np.int32),
                kinds=np.concatenate([[START], kinds, [SEPARATOR]]).astype(np.int8),
                spans=np.zeros((tokens, 2), dtype=np.int64),
                key=int(rng.integers(2**63)),
            )
        )
    return found


def random_batches(count: int, tokens: int, seed: int = 0) -> list[list[Tokens]]:
    """Batches of TOKENS_AT_ONCE tokens."""
    size = max(1, TOKENS_AT_ONCE // tokens)
    windows = random_windows(count * size, tokens, seed)
    return [windows[start : start + size] for start in range(0, len(windows), size)]


def unseen(batch: list[Tokens]) -> list[Tokens]:
    """The same windows with nothing remembered from an earlier pass."""
    return [
        Tokens(w.name, w.ids, w.special, w.sentences, w.kinds, w.spans, w.key, w.window)
        for w in batch
    ]
