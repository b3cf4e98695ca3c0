"""The head measures again, slowly and obviously: loops over pairs in float64, nothing shared.

Written from docs/definitions.md alone. `scores(...)` gives every statistic of one head on one text
as (observed, expected, weight); random-pair nulls are taken from the caller, since they are draws.
"""

from __future__ import annotations

import math

import numpy as np

LOCAL, CONTEXT = 5, 2


def similarity(outputs: np.ndarray, kind: str) -> np.ndarray:
    """[tokens, width] -> [tokens, tokens]."""
    vectors = outputs.astype(np.float64)
    if kind == "centered":
        vectors = vectors - vectors.mean(axis=0)
    if kind == "cosine":
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    matrix = vectors @ vectors.T
    if kind == "max":
        n = len(matrix)
        matrix = matrix / max(matrix[i, j] for i in range(n) for j in range(n) if i != j)
    return matrix


def chosen_pairs(matrix: np.ndarray, fraction: float) -> list[tuple[int, int]]:
    """The top fraction of the pairs, at least ceil(n / 2), ties included."""
    n = len(matrix)
    values = sorted((matrix[i, j] for i in range(n) for j in range(i + 1, n)), reverse=True)
    wanted = min(len(values), max(math.ceil(fraction * len(values)), math.ceil(n / 2)))
    smallest = values[wanted - 1]
    return [(i, j) for i in range(n) for j in range(i + 1, n) if matrix[i, j] >= smallest]


def anchors(pairs: list[tuple[int, int]], ids: list[int], normalised: bool = False) -> set[int]:
    counts: dict[int, float] = {}
    for pair in pairs:
        for member in pair:
            counts[ids[member]] = counts.get(ids[member], 0) + 1
    if normalised:
        counts = {token: count / ids.count(token) for token, count in counts.items()}
    most = max(counts.values())
    return {token for token, count in counts.items() if count == most}


def kinds(pair: tuple[int, int], ids: list[int], sentences: list[int], anchor: set[int]) -> dict:
    i, j = pair

    def near(member: int) -> bool:
        return ids[member] not in anchor and any(
            0 <= member + step < len(ids) and ids[member + step] in anchor
            for step in range(-CONTEXT, CONTEXT + 1)
        )

    found = {
        "repetition": ids[i] == ids[j],
        "anchor": ids[i] in anchor or ids[j] in anchor,
        "anchor context": not {ids[i], ids[j]} & anchor and (near(i) or near(j)),
        "local": j - i <= LOCAL,
        "same sentence": sentences[i] == sentences[j],
    }
    explained = ("repetition", "anchor", "local", "same sentence")
    found["noise"] = not any(found[name] for name in explained)
    return found


def count_kinds(pairs, ids, sentences) -> dict[str, int]:
    anchor = anchors(pairs, ids)
    every = [kinds(pair, ids, sentences, anchor) for pair in pairs]
    return {name: sum(found[name] for found in every) for name in every[0]}


def context_by_chance(
    pairs: list[tuple[int, int]], ids: list[int], sentences: list[int]
) -> tuple[int, float]:
    """The pairs without an anchor, and the share in its context of all such pairs of the text."""
    anchor = anchors(pairs, ids)

    def without(some: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return [(i, j) for i, j in some if not {ids[i], ids[j]} & anchor]

    every = without([(i, j) for i in range(len(ids)) for j in range(i + 1, len(ids))])
    near = [kinds(pair, ids, sentences, anchor)["anchor context"] for pair in every]
    return len(without(pairs)), sum(near) / max(len(near), 1)


def sentence_share(sentences: list[int], delta: int) -> float:
    """Share of positions with i and i + delta (mod n) in one sentence."""
    n = len(sentences)
    return sum(sentences[i] == sentences[(i + delta) % n] for i in range(n)) / n


def shifted_share(pairs: list[tuple[int, int]], sentences: list[int]) -> float:
    """Expected number of same-sentence pairs over all circular shifts, by making every shift."""
    n = len(sentences)
    total = 0
    for shift in range(n):
        moved = [sentences[(i - shift) % n] for i in range(n)]
        total += sum(moved[i] == moved[j] for i, j in pairs)
    return total / n


def attention_to(attention: np.ndarray, queries: list[int], members: list[int]) -> float:
    return sum(float(attention[q, m]) for q in queries for m in members)
