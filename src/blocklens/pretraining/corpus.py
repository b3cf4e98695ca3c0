"""Texts as token numbers in a memory-mapped file, written once and read by every later run.

A corpus is a folder: `tokens.bin` (uint16, or uint32 for vocabularies above 65,536; no special
tokens), `offsets.npy` (text i is `tokens[offsets[i]:offsets[i + 1]]`), `held_out.npy` (one truth
value a text) and `corpus.json`, which holds the SHA-256 of the others. It appears whole; where a
file is gone or changed it is built again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64, Integer
from transformers import PreTrainedTokenizerBase

from blocklens.errors import UserError
from blocklens.inputs.tokenising import token_ids
from blocklens.storage import file_digest, manifest, whole_folder, write_json
from blocklens.wording import counted

TEXTS_AT_ONCE = 1000


@dataclass(frozen=True)
class Corpus:
    """Tokenised texts: `tokens` is a read-only memory map, the rest is in memory."""

    tokens: np.memmap
    offsets: Int64[np.ndarray, " bounds"]
    held_out: Bool[np.ndarray, " texts"]
    digest: str
    unknown: float
    """Share of the tokens that stand for characters outside the vocabulary."""

    @property
    def lengths(self) -> Int64[np.ndarray, " texts"]:
        """Tokens of each text, special tokens not counted."""
        return np.diff(self.offsets)

    def text(self, number: int) -> Integer[np.ndarray, " tokens"]:
        """Token numbers of text `number`, without special tokens."""
        return self.tokens[self.offsets[number] : self.offsets[number + 1]]


def is_held_out(text: str, *, seed: int, share: float) -> bool:
    """Whether a text belongs to the validation texts: a keyed hash of its content decides.

    So the choice depends on neither the order of the texts nor their number, and equal texts, also
    those that differ in spaces, line ends or blank lines alone, are on the same side.
    """
    key = seed.to_bytes(8, "little", signed=True)
    lines = (" ".join(line.split()) for line in text.splitlines())
    data = "\n".join(line for line in lines if line).encode("utf-8", "replace")
    value = hashlib.blake2b(data, digest_size=8, key=key).digest()
    return int.from_bytes(value, "little") < share * 2.0**64


def build_corpus(
    texts: Iterable[str],
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    *,
    validation: float,
    seed: int,
    about: dict[str, Any],
) -> Corpus:
    """Tokenise `texts` into `folder`, or open it when it was built before from the same things.

    `about` says what the corpus is made of (texts, tokenizer); a folder with another `about`, or
    with a changed file, is built anew. `validation` is the share of texts held out. Texts without a
    token are left out. Raises UserError when no text is left for training or for validation.
    """
    about = {**about, "validation": validation, "seed": seed, "entries": len(tokenizer)}
    try:
        return open_corpus(folder, about)
    except (OSError, ValueError, KeyError, TypeError):  # none yet, of other texts, or damaged
        pass
    kind = np.uint16 if len(tokenizer) <= 2**16 else np.uint32
    lengths: list[int] = []
    held_out: list[bool] = []
    unknown = 0
    unknown_id: Any = tokenizer.unk_token_id  # None where there is none: no token is that
    with whole_folder(folder) as partial:
        with (partial / "tokens.bin").open("wb") as file:
            for batch in _batches(texts, TEXTS_AT_ONCE):
                encoded = token_ids(tokenizer, batch, special=False)
                for text, ids in zip(batch, encoded, strict=True):
                    if not ids:
                        continue
                    file.write(np.asarray(ids, dtype=kind).tobytes())
                    unknown += ids.count(unknown_id)
                    lengths.append(len(ids))
                    held_out.append(is_held_out(text, seed=seed, share=validation))
        kept = sum(held_out)
        if kept == 0 or kept == len(held_out):
            raise UserError(
                f"validation share {validation}: {kept:,} of "
                f"{counted(len(lengths), 'text')} held out, {len(lengths) - kept:,} left to train "
                "on; both must be at least 1: give more texts or another --validation"
            )
        offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        np.save(partial / "offsets.npy", offsets)
        np.save(partial / "held_out.npy", np.asarray(held_out, dtype=bool))
        record = {
            "about": about,
            "texts": len(lengths),
            "held_out": int(kept),
            "tokens": int(offsets[-1]),
            "unknown": unknown,
            "dtype": np.dtype(kind).name,
            "files": manifest(partial),
        }
        write_json(record, partial / "corpus.json")
    return open_corpus(folder, about)


def open_corpus(folder: Path, about: dict[str, Any] | None = None) -> Corpus:
    """Open a corpus folder, where `about` is given one that was made of that.

    Raises:
        OSError, ValueError, KeyError or TypeError: there is none, or its files are not those that
            were written.

    """
    record = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    if about is not None and record["about"] != about:
        raise ValueError("of other texts or another tokenizer")
    if any(file_digest(folder / name) != digest for name, digest in record["files"].items()):
        raise ValueError("its files have changed")
    return Corpus(
        tokens=np.memmap(folder / "tokens.bin", dtype=np.dtype(record["dtype"]), mode="r"),
        offsets=np.load(folder / "offsets.npy"),
        held_out=np.load(folder / "held_out.npy"),
        digest=record["files"]["tokens.bin"],
        unknown=record.get("unknown", 0) / max(record["tokens"], 1),
    )


def _batches(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(islice(iterator, size)):
        yield batch
