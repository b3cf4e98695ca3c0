"""One window of one text with all its maps, as a notebook, a study and its report hold it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Example:
    """One window of one text with all its maps.

    Attributes:
        name: the text's name.
        tokens: each token as the reader would write it, [tokens].
        sentences: the token's sentence, -1 for special tokens, [tokens].
        special: which tokens the tokenizer added, [tokens].
        attention: attention maps A.
        similarity: context similarity matrices S.

    """

    name: str
    tokens: list[str]
    sentences: list[int]
    special: list[bool]
    attention: Float[np.ndarray, "blocks heads tokens tokens"]
    similarity: Float[np.ndarray, "blocks heads tokens tokens"]

    def description(self) -> dict[str, Any]:
        """Everything but the maps, as plain values."""
        return {
            "name": self.name,
            "tokens": self.tokens,
            "sentences": self.sentences,
            "special": self.special,
        }
