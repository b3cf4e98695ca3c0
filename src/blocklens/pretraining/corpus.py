"""Texts as token numbers in a memory-mapped file, written once and read by every later run.

A corpus is a folder: `tokens.bin` (uint16, or uint32 for vocabularies above 65,536; no special
tokens), `offsets.npy` (text i is `tokens[offsets[i]:offsets[i + 1]]`), `held_out.npy` (one truth
value a text) and `corpus.json`, which holds the SHA-256 of the others. It appears whole; where a
file is gone or changed it is built again.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertTokenizer, PreTrainedTokenizerBase

from blocklens.errors import UserError
from blocklens.inputs.tokenising import token_ids
from blocklens.storage import file_digest, manifest, whole_folder, write_json

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
TEXTS_AT_ONCE = 1000

COVERED = 0.9995
"""Share of the characters that stand in a vocabulary of its own making, where it has room."""


@dataclass(frozen=True)
class Corpus:
    """Tokenised texts: `tokens` is a read-only memory map, the rest is in memory."""

    tokens: np.memmap
    offsets: NDArray[np.int64]
    held_out: NDArray[np.bool_]
    digest: str
    unknown: float
    """Share of the tokens that stand for characters outside the vocabulary."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text, special tokens not counted."""
        return np.diff(self.offsets)

    def text(self, number: int) -> NDArray[np.integer]:
        """Token numbers of text `number`, without special tokens."""
        return self.tokens[self.offsets[number] : self.offsets[number + 1]]


def train_tokenizer(
    texts: Iterable[str], vocabulary: int, *, length: int, lowercase: bool = True
) -> BertTokenizer:
    """Train a WordPiece vocabulary of exactly `vocabulary` entries on `texts`.

    The normaliser and the splitting into words are those of bert-base-uncased. Pairs seen once are
    not merged. `texts` are read twice. Raises UserError when they cannot fill the vocabulary.

    The trainer numbers the letters inside words in the order of a randomly seeded hash table, which
    decides ties between merges; numbering them beforehand makes the vocabulary the same every time.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # type: ignore[call-arg]
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)  # type: ignore[assignment]
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # type: ignore[assignment]
    letters, inside = _alphabet(texts, tokenizer, vocabulary)
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary,
        special_tokens=[*SPECIAL_TOKENS, *(f"##{letter}" for letter in inside)],
        initial_alphabet=letters,
        limit_alphabet=len(letters),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    entries = tokenizer.get_vocab()
    if len(entries) < vocabulary:
        try:  # fewer entries may choose fewer letters, so the advice is tried before it is given
            train_tokenizer(texts, len(entries), length=length, lowercase=lowercase)
            fitting = len(entries)
        except UnfilledError as error:
            fitting = error.fitting
        raise UnfilledError(vocabulary, fitting)
    tokenizer.post_processor = processors.TemplateProcessing(  # type: ignore[assignment]
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", entries["[CLS]"]), ("[SEP]", entries["[SEP]"])],
    )
    return BertTokenizer(vocab=entries, do_lower_case=lowercase, model_max_length=length)


class UnfilledError(UserError):
    """The texts give fewer entries than asked for; `fitting`: a number that they do fill."""

    def __init__(self, vocabulary: int, fitting: int) -> None:
        self.fitting = fitting
        super().__init__(
            f"vocabulary of {vocabulary:,}: the texts fill only {fitting:,} entries; "
            f"give more texts or --vocabulary {fitting}"
        )


def _alphabet(
    texts: Iterable[str], tokenizer: Tokenizer, vocabulary: int
) -> tuple[list[str], list[str]]:
    """The most frequent letters, and those of them that occur inside a word; both sorted.

    As many as cover `COVERED` of all characters, an eighth of the vocabulary (at most 400) if that
    is more, and no more than there are entries: a letter that occurs inside words takes two.
    """
    counts: Counter[str] = Counter()
    pairs: set[tuple[str, str]] = set()
    for text in texts:
        normal = tokenizer.normalizer.normalize_str(text)  # type: ignore[union-attr]
        counts.update(normal)
        pairs.update(pairwise(normal))
    inside = {b for a, b in pairs if not (_splits(a) or _splits(b))}
    ordered = sorted(counts, key=lambda letter: (-counts[letter], letter))
    ordered = [letter for letter in ordered if not letter.isspace()]
    missing = sum(counts[letter] for letter in ordered)
    bearable, usual = (1 - COVERED) * missing, max(16, min(400, vocabulary // 8))
    room = vocabulary - len(SPECIAL_TOKENS)
    letters: list[str] = []
    for letter in ordered:
        if missing <= bearable and len(letters) >= usual:
            break
        entries = 2 if letter in inside else 1
        if entries <= room:
            letters.append(letter)
            room, missing = room - entries, missing - counts[letter]
    return sorted(letters), sorted(inside.intersection(letters))


def _splits(letter: str) -> bool:
    """Whether BERT's splitting into words takes this character as a word of its own or as space."""
    if letter.isspace() or unicodedata.category(letter).startswith("P"):
        return True
    return letter.isascii() and letter.isprintable() and not letter.isalnum()


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
                f"validation share {validation}: of {len(lengths):,} texts {kept:,} are held out "
                f"and {len(lengths) - kept:,} are left to train on; both must be at least 1: give "
                "more texts or another --validation"
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
