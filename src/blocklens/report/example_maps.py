"""The example texts' matrices in the form in which the page carries them.

A level is one byte, packed with deflate and base64: attention as round(255 sqrt(a)); similarity as
its lower triangle, 127 + round(127 sign(s) sqrt(|s| / m)), m the largest |s| of the matrix. What
the page shows for one element is right to about 1 % of m (the files in `examples/` hold it all).
"""

import base64
import zlib
from typing import Any

import numpy as np

from blocklens.heads.example import Example
from blocklens.report.charts.matrices import (
    attention_levels,
    sentence_borders,
    similarity_bound,
)
from blocklens.report.folder_reading import StudyFolder

BUDGET = 11_000_000
"""Bytes of the page that the example texts may take; further texts stay in their files."""


def packed_examples(folder: StudyFolder) -> list[dict[str, Any]]:
    """As many example texts as fit the budget, the first one always."""
    packed: list[dict[str, Any]] = []
    used = 0
    for k in range(len(folder.example_index)):
        text = pack(folder.example(k))
        size = sum(map(len, text["attention"])) + sum(len(s["data"]) for s in text["similarity"])
        if packed and used + size > BUDGET:
            break
        packed.append(text)
        used += size
    return packed


def pack(example: Example, *, deflate: bool = True) -> dict[str, Any]:
    """One text: its tokens, sentence borders and every head's matrices, heads in a flat list.

    Without `deflate` for who is near: it takes longer than it saves; such levels begin with "=".
    """
    shape = example.attention.shape
    n = shape[-1]
    triangle = np.tril_indices(n)
    similarity = []
    for matrix in example.similarity.reshape(-1, n, n):
        values = np.nan_to_num(matrix.astype(np.float64))
        largest = float(np.abs(values).max()) or 1.0
        levels = 127 + np.round(127 * np.sign(values) * np.sqrt(np.abs(values) / largest))
        similarity.append(
            {
                "max": float(f"{largest:.4g}"),
                "bound": float(f"{similarity_bound(values):.4g}"),
                "data": _packed(levels.astype(np.uint8)[triangle], deflate),
            }
        )
    return {
        "name": example.name,
        "tokens": example.tokens,
        "borders": sentence_borders(example.sentences),
        "special": [int(s) for s in example.special],
        "attention": [
            _packed(attention_levels(matrix.astype(np.float64)), deflate)
            for matrix in example.attention.reshape(-1, n, n)
        ],
        "similarity": similarity,
    }


def _packed(levels: np.ndarray, deflate: bool) -> str:
    plain = np.ascontiguousarray(levels).tobytes()
    mark, sent = ("", zlib.compress(plain, 6)) if deflate else ("=", plain)
    return mark + base64.b64encode(sent).decode()
