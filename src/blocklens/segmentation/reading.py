"""A text's sentences as an encoder sees them, for whichever method asks.

PyTorch is loaded when an encoder is asked for the first time and not before: the names of methods
and the tables of scores are wanted without it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32

from blocklens.progress import SILENT, Progress

if TYPE_CHECKING:
    from blocklens.encoder.trunk import Encoder
    from blocklens.segmentation.sentence_ends import SeparatorAttention
    from blocklens.segmentation.sentence_vectors import SentenceVectors


class Reading:
    """A text's sentences and what an encoder makes of them, each computed when first asked for.

    Args:
        encoder: any text encoder.
        sentences: the text's sentences, at least one.
        blocks: whether the blocks' outputs will be asked for as well: one pass then gives both.
        progress: of the passes "sentences" and "separators", both counted in sentences.

    """

    def __init__(
        self,
        encoder: Encoder,
        sentences: list[str],
        *,
        blocks: bool = False,
        progress: Progress = SILENT,
    ) -> None:
        self.encoder = encoder
        self.sentences = sentences
        self.blocks = blocks
        self.progress = progress

    @cached_property
    def vectors(self) -> SentenceVectors:
        """Mean vectors of the heads' outputs and of the last block's."""
        from blocklens.segmentation.sentence_vectors import sentence_vectors

        return sentence_vectors(
            self.encoder, self.sentences, blocks=self.blocks, progress=self.progress
        )

    @cached_property
    def block_vectors(self) -> Float32[np.ndarray, "sentences blocks width"]:
        """Mean vectors of every block's outputs, [sentences, L + 1, width]."""
        self.blocks = True
        if self.vectors.blocks is None:
            del self.vectors
        outputs = self.vectors.blocks
        assert outputs is not None
        return outputs

    @cached_property
    def separators(self) -> SeparatorAttention:
        """What the separator at the end of each sentence receives."""
        from blocklens.segmentation.sentence_ends import separator_attention

        return separator_attention(self.encoder, self.sentences, progress=self.progress)
