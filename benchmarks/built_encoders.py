"""Small encoders for `validity`: untrained ones, and ones built so that a statement is true.

A built encoder is an untrained one in which some heads were given a task. A head's task is what its
queries and keys answer to, and what its values carry; both are features of a token and its place,
and the weights that read them off the block's input are a ridge regression on real texts. The
degree says how strong the task is beside what the head's random weights do: 0 leaves it untrained.
Nothing is done to a figure: the encoder is measured as any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from blocklens.embedded.prose import prose
from blocklens.encoder.trunk import Encoder

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".")
SEP, STOP = 3, 5
WORDS_OF_SENTENCE = 7
LONGEST = 8
"""Sentences of the longest text; one of eight tokens each, so that a place tells the sentence."""
TOKENS = LONGEST * (WORDS_OF_SENTENCE + 1) + 2


@dataclass(frozen=True)
class Shape:
    """What an encoder is made of: blocks, heads of a block, width, words in its vocabulary.

    `spread` is that of its first weights: at 1 a narrow encoder's attention varies as much as that
    of an untrained BERT of width 768.
    """

    blocks: int = 3
    heads: int = 4
    width: int = 64
    words: int = 1000
    spread: float = 1.0

    def __str__(self) -> str:
        return (
            f"{self.blocks}x{self.heads}, width {self.width}, {self.words} words, "
            f"spread {self.spread:g}"
        )


SHAPES = (
    Shape(2, 4, 32, 1000), Shape(3, 4, 64, 300), Shape(3, 4, 128, 300), Shape(3, 6, 96, 1800),
    Shape(4, 2, 32, 300), Shape(4, 4, 64, 1800, 2.0), Shape(5, 4, 64, 1000),
    Shape(6, 3, 48, 300, 2.0), Shape(3, 8, 128, 1000), Shape(2, 3, 48, 1000, 2.0),
)  # fmt: skip
"""Depths, heads, widths and vocabularies of the untrained encoders."""


@cache
def words_of_prose() -> list[str]:
    """Every word of Python's language reference, in order."""
    return [word for text in prose() for word in text.lower().split() if word.isalpha()]


@cache
def vocabulary(words: int) -> tuple[str, ...]:
    """The most frequent words, the commonest first."""
    counted = Counter(words_of_prose())
    return tuple(sorted(counted, key=lambda word: (-counted[word], word))[:words])


@cache
def texts(words: int, count: int) -> list[str]:
    """Texts of 1 to 8 sentences, one a line, of the prose's frequent words in their order."""
    kept = set(vocabulary(words))
    running = [word for word in words_of_prose() if word in kept]
    lengths = np.random.default_rng(0).integers(1, LONGEST + 1, count)
    made, at = [], 0
    for length in lengths:
        lines = []
        for _ in range(length):
            sentence = [running[(at + step) % len(running)] for step in range(WORDS_OF_SENTENCE)]
            lines.append(" ".join(sentence) + " .")
            at += WORDS_OF_SENTENCE
        made.append("\n".join(lines))
    return made


@cache
def tokenizer(words: int) -> PreTrainedTokenizerFast:
    """One token a word."""
    ids = {word: number for number, word in enumerate((*SPECIAL, *vocabulary(words)))}
    made = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.BertProcessing(("[SEP]", SEP), ("[CLS]", 2))
    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    return PreTrainedTokenizerFast(
        tokenizer_object=made, **{f"{kind}_token": token for kind, token in names.items()}
    )


def untrained(shape: Shape, seed: int) -> Encoder:
    """An encoder that nobody trained."""
    config = BertConfig(
        vocab_size=len(tokenizer(shape.words)), hidden_size=shape.width,
        num_hidden_layers=shape.blocks, num_attention_heads=shape.heads,
        intermediate_size=2 * shape.width, max_position_embeddings=TOKENS,
        initializer_range=shape.spread * 0.02 * (768 / shape.width) ** 0.5,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertModel(config, add_pooling_layer=False)
    return Encoder(model, tokenizer(shape.words), name=f"untrained {seed}")


Feature = Callable[[Tensor, Tensor, int], Tensor]
"""From token ids and places [tokens], and a width, to what a head shall know of them."""


def codes(of: Tensor, width: int) -> Tensor:
    """A random unit vector for each value, the same for every encoder."""
    drawn = torch.randn(int(of.max()) + 1, width, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.normalize(drawn, dim=-1)[of]


def word(ids: Tensor, places: Tensor, width: int) -> Tensor:
    """Which word it is."""
    return codes(ids, width)


def place(ids: Tensor, places: Tensor, width: int) -> Tensor:
    """Where it stands."""
    return codes(places, width)


def neighbourhood(ids: Tensor, places: Tensor, width: int) -> Tensor:
    """Where it stands, nearly the same for neighbours (random Fourier features)."""
    drawn = torch.randn(1, width // 2, generator=torch.Generator().manual_seed(2)) / 2.0
    waves = places[:, None] * drawn
    return torch.cat([waves.sin(), waves.cos()], dim=-1) / (width // 2) ** 0.5


def sentence(ids: Tensor, places: Tensor, width: int) -> Tensor:
    """The sentence that it stands in."""
    return codes((places - 1).clamp(min=0) // (WORDS_OF_SENTENCE + 1), width)


def token(number: int) -> Feature:
    """Whether it is one token: large where it is, and a little everywhere."""

    def flag(ids: Tensor, places: Tensor, width: int) -> Tensor:
        return codes(torch.zeros_like(ids), width) * (0.3 + (ids == number))[:, None]

    return flag


@dataclass(frozen=True)
class Task:
    """What a head attends to (`looks`: queries and keys alike, or one token) and carries."""

    looks: Feature | int
    carries: Feature | None = None


Heads = Callable[[Shape], dict[tuple[int, int], Task]]


def _last_third(shape: Shape) -> range:
    return range(shape.blocks - max(1, round(shape.blocks / 3)), shape.blocks)


def _heads(blocks: range, shape: Shape, task: Callable[[int], Task]) -> dict:
    return {(block, head): task(head) for block in blocks for head in range(shape.heads)}


COMMON = len(SPECIAL)
"""The commonest word's number; those after it follow."""

SHORT_RANGE = "p1-short-range-last"
"""Built so, the first blocks are of longer range than the last: it serves p1-long-range-first."""

BUILT: dict[str, Heads] = {
    "p1-separator": lambda s: _heads(_last_third(s), s, lambda head: Task(SEP)),
    "p1-full-stop": lambda s: _heads(_last_third(s), s, lambda head: Task(STOP)),
    "p1-heads-differ": lambda s: {
        (block, head): Task(place, word)
        for block in range(s.blocks)
        for head in range(0, s.heads, 2)
    },
    "p1-repetition-head": lambda s: {(s.blocks // 2, 0): Task(place, word)},
    "p1-anchor-head": lambda s: {(s.blocks // 2, 0): Task(place, token(COMMON))},
    "p1-context-head": lambda s: {(s.blocks // 2, 0): Task(neighbourhood, token(COMMON + 1))},
    SHORT_RANGE: lambda s: _heads(_last_third(s), s, lambda head: Task(place, neighbourhood)),
    "p1-same-sentence": lambda s: _heads(_last_third(s), s, lambda head: Task(place, sentence)),
    "p1-own-anchor": lambda s: _heads(
        range(s.blocks), s, lambda head: Task(place, token(COMMON + head))
    ),
    "p1-pairs-around-anchor": lambda s: _heads(
        range(s.blocks), s, lambda head: Task(place, token(COMMON))
    ),
}
"""The heads that make each statement true."""


@torch.no_grad()
def built(claim: str, degree: float, shape: Shape, seed: int) -> Encoder:
    """An untrained encoder in which some heads were given the claim's task, to a degree.

    Attention to one token is e^degree times that to another. What a head carries weighs `degree`
    times what its random values carry.
    """
    encoder = untrained(shape, seed)
    model = encoder.model
    some = [encoder.tokenizer(text)["input_ids"] for text in texts(shape.words, 32)]
    ids = torch.cat([torch.tensor(one) for one in some])
    places = torch.cat([torch.arange(len(one)) for one in some])
    width = shape.width // shape.heads
    given, at = torch.empty(0), -1
    for (block, head), task in sorted(BUILT[claim](shape).items()):
        if block != at:  # heads of one block do not change its input
            states = (model(torch.tensor([one]), output_hidden_states=True) for one in some)
            given, at = torch.cat([state.hidden_states[block][0] for state in states]), block
        own = model.encoder.layer[block].attention.self
        rows = slice(head * width, (head + 1) * width)
        if isinstance(task.looks, int):
            flag = codes(torch.zeros_like(ids), width) * (ids == task.looks)[:, None]
            read(own.key, rows, given, degree * flag)
            own.query.bias[rows] = width**0.5 * codes(torch.zeros(1, dtype=torch.long), width)[0]
            continue
        if not degree:
            continue
        answered = (6.0 * width**0.5) ** 0.5 * task.looks(ids, places, width)
        for projection in (own.query, own.key):
            read(projection, rows, given, answered)
        assert task.carries is not None
        carried = task.carries(ids, places, width)
        random = own.value(given)[:, rows]
        scale = degree * (random.pow(2).sum() / carried.pow(2).sum()).sqrt()
        read(own.value, rows, given, scale * carried, beside=True)
    return encoder


def read(
    projection: torch.nn.Linear, rows: slice, given: Tensor, wanted: Tensor, *, beside: bool = False
) -> None:
    """Let some rows of a projection give `wanted` [tokens, width] of `given` [tokens, inputs].

    By ridge regression with a constant; `beside` adds it to what they give already.
    """
    inputs = torch.cat([given, torch.ones(len(given), 1)], dim=1)
    square = inputs.T @ inputs
    square += 1e-3 * square.diagonal().mean() * torch.eye(len(square))
    weights = torch.linalg.solve(square, inputs.T @ wanted).T
    kept = float(beside)
    projection.weight[rows] = kept * projection.weight[rows] + weights[:, :-1]
    projection.bias[rows] = kept * projection.bias[rows] + weights[:, -1]
