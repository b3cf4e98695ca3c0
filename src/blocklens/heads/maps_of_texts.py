"""A few texts of a study kept whole: every head's attention map and context similarity matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy as np

from blocklens.encoder.attention import Heads, Workspace
from blocklens.encoder.given import texts_and_encoder
from blocklens.encoder.head_pass import run_heads
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.heads.example import Example
from blocklens.heads.high_pairs import context_similarity
from blocklens.inputs.sentence_choice import Sentences, chosen
from blocklens.inputs.texts import Text
from blocklens.inputs.windows import Tokens

LONGEST = 128
"""Tokens of an example: what can still be read on one page."""


def look(
    text: Any,
    encoder: Any,
    *,
    similarity: str = "raw",
    language: str = "auto",
    sentences: Sentences = "auto",
    also: Callable[[Heads, Tokens], None] | None = None,
) -> Example:
    """Every head's attention map and context similarity matrix on one text, cut at 128 tokens.

    `text`: a string or a `Text`. `encoder`: as in `measure`. `also` is given every block's heads on
    the same window.

    Raises:
        UserError: a text of fewer than two tokens, or of nothing but separators.

    Examples:
        >>> import blocklens
        >>> maps = blocklens.look("The river rose. It fell.", "embedded")
        >>> maps.tokens
        ['[CLS]', 'The', 'river', 'rose', '.', 'It', 'fell', '.', '[SEP]']
        >>> maps.attention.shape  # blocks, heads, tokens, tokens
        (6, 6, 9, 9)

    """
    text, encoder = texts_and_encoder(text, encoder)
    text = Text("text", text) if isinstance(text, str) else text
    choice = chosen(sentences, language, [text.text])
    tokens = first_window(encoder, text, language=choice.language, sentences=choice.sentences)
    n = len(tokens)
    shape = (encoder.blocks, encoder.heads, n, n)
    attention, matrices = np.empty(shape, np.float16), np.empty(shape, np.float32)
    workspace = Workspace()

    def receive(heads: Heads) -> None:
        attention[heads.block - 1] = heads.attention.float().cpu().numpy()
        matrix = context_similarity(heads.outputs, similarity, workspace)
        matrices[heads.block - 1] = matrix.float().cpu().numpy()
        if also is not None:
            also(heads, tokens)

    run_heads(encoder, [tokens], receive, workspace)
    return Example(
        text.name, names(encoder, tokens, text.text), tokens.sentences.tolist(),
        tokens.special.tolist(), attention, matrices,
    )  # fmt: skip


def first_window(
    encoder: Encoder, text: Text, *, language: str = "en", sentences: Sentences = "language"
) -> Tokens:
    """The part of a text that `look` sees.

    Raises:
        UserError: see `look`.

    """
    windows = encoder.windows(
        tokens=min(LONGEST, encoder.max_tokens), overlap=0, long="cut", language=language,
        sentences=sentences,
    )  # fmt: skip
    return windows(text)[0]


def names(encoder: Encoder, tokens: Tokens, text: str) -> list[str]:
    """Each token as a reader would write it: its characters, or the special token's own name."""
    special = encoder.tokenizer.convert_ids_to_tokens(tokens.ids.tolist())
    return [
        own if added or start == end else text[start:end].strip() or own
        for own, added, (start, end) in zip(
            special, tokens.special, tokens.spans.tolist(), strict=True
        )
    ]


def first_examples(
    encoder: Encoder,
    texts: Iterable[Text],
    count: int,
    *,
    similarity: str,
    language: str,
    sentences: Sentences = "language",
) -> list[Example]:
    """The first texts that can be measured, as examples."""
    examples = []
    for text in islice(texts, 50 * count):
        try:
            examples.append(
                look(text, encoder, similarity=similarity, language=language, sentences=sentences)
            )
        except UserError:
            continue
        if len(examples) == count:
            break
    return examples
