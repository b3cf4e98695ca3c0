"""What the explorer answers: a text's heads and, with a token hidden, what each block predicts.

The page and the notebook's widget ask the same object; every answer is plain JSON.
"""

from __future__ import annotations

import threading
import time
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from blocklens.encoder.attention import Heads, Workspace
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.exploring.known import Known
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.high_pairs import high_pairs
from blocklens.heads.maps_of_texts import LONGEST, first_window, look
from blocklens.inputs.texts import Text, TextSource
from blocklens.inputs.tokenising import MARKS
from blocklens.inputs.windows import Tokens
from blocklens.readouts.modified_tokens import rows_at
from blocklens.readouts.vocabulary_heads import own_head
from blocklens.report.example_maps import pack
from blocklens.report.first_screen import model_name

OPENING = (
    "The river rose in the night. In the morning the people of the village saw that the river had "
    "taken the bridge, and they built a new bridge, higher than the old one."
)
"""The text that stands there at first."""

PREDICTIONS = 5
CUT = HeadOptions(sweep=())


class Explorer:
    """Answers for one encoder.

    Args:
        encoder: the encoder.
        source: texts of the small measurement that labels heads where no study does.
        study: the folder of a study of this encoder: labels and scores, <APT> and clusters.
        text: what stands in the field at first.

    Raises:
        UserError: an encoder without heads or tokenizer, or a study of another encoder.

    """

    def __init__(
        self,
        encoder: Encoder,
        source: TextSource,
        *,
        study: Path | None = None,
        text: str = OPENING,
    ) -> None:
        self.encoder = encoder
        self.known = Known.of(encoder, source, study)
        self._lock = threading.Lock()
        mask = getattr(encoder.tokenizer, "mask_token_id", None)
        why = None if mask is not None else "its tokenizer has no mask token."
        try:
            self.head = own_head(encoder) if mask is not None else None
        except UserError:
            self.head, why = None, "it comes without a masked-LM head."
        self.facts: dict[str, Any] = self.known.heads | {
            "name": model_name(encoder.name),
            "told": self.known.told,
            "text": text,
            "longest": min(LONGEST, encoder.max_tokens),
            "no_lens": why and f"This encoder cannot say what belongs in a gap: {why}",
        }

    def answer(self, text: str, position: int | None = None) -> dict[str, Any]:
        """The text's heads, or what each block predicts at `position` when that token is hidden.

        What cannot be answered comes as {"error": one line}.
        """
        with self._lock:
            try:
                return self.heads(text) if position is None else self.hidden(text, position)
            except UserError as error:
                return {"error": str(error)}

    def heads(self, text: str) -> dict[str, Any]:
        """Every head's maps (packed, see `example_maps`) and high pairs on the text.

        `pairs` holds a flat list i, j, i, j, ... a head; `words` each token's word, `spaced`
        whether white space stands before it; `known` its APT, occurrences and cluster, or None.
        """
        began = time.perf_counter()
        pairs: list[list[int]] = []
        workspace, windows = Workspace(), []

        def also(heads: Heads, tokens: Tokens) -> None:
            high = high_pairs(heads.outputs, tokens, CUT, workspace)
            places = tokens.content[np.stack([high.first, high.second], axis=1)]
            of_head = np.searchsorted(high.head, np.arange(1, high.heads))
            pairs.extend(part.ravel().tolist() for part in np.split(places, of_head))
            windows.append(tokens)

        example = look(text, self.encoder, also=also)
        tokens = windows[0]
        words, spaced = words_of(self.encoder, tokens, text)
        return pack(example, deflate=False) | {
            "pairs": pairs,
            "words": words,
            "spaced": spaced,
            "known": [self.known.tokens.get(int(one)) for one in tokens.ids],
            "milliseconds": round(1000 * (time.perf_counter() - began)),
        }

    @torch.inference_mode()
    def hidden(self, text: str, position: int) -> dict[str, Any]:
        """What the model's own head makes of each block's output where a token is masked (lens).

        `blocks` [L + 1]: the hidden token's probability and rank, and the best predictions.

        Raises:
            UserError: a model without a masked-LM head, or no such token.

        """
        if self.head is None:
            raise UserError(self.facts["no_lens"])
        tokens = first_window(self.encoder, Text("text", text))
        if not 0 <= position < len(tokens) or tokens.special[position]:
            raise UserError(f"no word at position {position} of the text")
        tokenizer, true = self.encoder.tokenizer, int(tokens.ids[position])
        ids = tokens.ids.copy()
        ids[position] = tokenizer.mask_token_id
        batch = self.encoder.batch([replace(tokens, ids=ids)])
        rows = rows_at(self.encoder, *batch, np.array([[0, position]]))
        shares = self.head.scores(torch.cat(rows)).softmax(dim=1)
        own = shares[:, true]
        best = shares.topk(PREDICTIONS, dim=1)
        return {
            "blocks": [
                {
                    "share": round(float(own[block]), 4),
                    "rank": int((shares[block] > own[block]).sum()) + 1,
                    "best": [
                        [shown(name), round(share, 4)]
                        for name, share in zip(
                            tokenizer.convert_ids_to_tokens(best.indices[block].tolist()),
                            best.values[block].tolist(),
                            strict=True,
                        )
                    ],
                }
                for block in range(len(rows))
            ],
            "true": shown(tokenizer.convert_ids_to_tokens(true)),
        }


def shown(piece: str) -> str:
    """A token of the vocabulary without the mark that begins a word."""
    return piece.lstrip("".join(MARKS[1:])) or piece


def words_of(encoder: Encoder, tokens: Tokens, text: str) -> tuple[list[int], list[bool]]:
    """Each token's word, counted from 0, and whether white space stands before the token.

    Pieces go on a word by the tokenizer's own marks: "##", or none where others have one.
    """
    pieces = encoder.tokenizer.convert_ids_to_tokens(tokens.ids.tolist())
    marked = any(piece.startswith(MARKS[1:]) for piece in pieces)
    words, spaced, end = [], [], 0
    for i, piece in enumerate(pieces):
        start, stop = tokens.spans[i].tolist()
        touches = i > 0 and not tokens.special[i] and not tokens.special[i - 1] and start <= end
        goes_on = piece.startswith(MARKS[0]) or (
            marked and not piece.startswith(MARKS[1:]) and touches and _letters(text, start)
        )
        words.append(words[-1] + (not (touches and goes_on)) if words else 0)
        spaced.append(not touches)
        end = stop
    return words, spaced


def _letters(text: str, start: int) -> bool:
    """Whether letters of one word stand before and at `start`, of a script that has spaces."""
    return all(
        one.isalnum() and unicodedata.east_asian_width(one) not in "WF"
        for one in text[max(0, start - 1) : start + 1]
    )
