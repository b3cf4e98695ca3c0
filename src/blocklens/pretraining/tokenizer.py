"""The tokenizer of a pre-training run: one that exists, or a WordPiece vocabulary of its texts."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, BertTokenizer, PreTrainedTokenizerBase

from blocklens.encoder.digests import tokenizer_digest
from blocklens.encoder.loading import one_line
from blocklens.errors import UserError
from blocklens.inputs.hub import could_be_model_id
from blocklens.inputs.texts import TextSource
from blocklens.pretraining.corpus import is_held_out
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.storage import manifest, whole_folder, write_json

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

DESCRIPTIONS = ("tokenizer.json", "tokenizer_config.json", "config.json")
"""Files that say what tokenizer a folder holds; where none does, `vocab.txt` is BERT's."""

COVERED = 0.9995
"""Share of the characters that stand in a vocabulary of its own making, where it has room."""


def tokenizer_of(
    source: TextSource, folder: Path, options: PretrainOptions
) -> tuple[PreTrainedTokenizerBase, dict[str, Any]]:
    """The run's tokenizer, with the digests of its files: made anew unless it is there already.

    One of other texts or options, or with a changed file, is not taken.
    """
    record = folder.with_name("tokenizer-made-of.json")
    names = {"tokenizer", "vocabulary", "lowercase", "positions", "validation", "seed"}
    about = {"texts": source.digest(), **options.model_dump(include=names)}
    if digest := digest_of_given(options):
        about["digest"] = digest
    try:
        kept = json.loads(record.read_text("utf-8"))
        if kept == {"about": about, "files": manifest(folder)}:
            return AutoTokenizer.from_pretrained(folder), kept["files"]
    except (OSError, ValueError):
        pass
    made = _new_tokenizer(source, options)
    with whole_folder(folder) as partial:
        made.save_pretrained(partial)
    files = manifest(folder)
    write_json({"about": about, "files": files}, record)
    return AutoTokenizer.from_pretrained(folder), files


def larger_advised(source: TextSource, options: PretrainOptions) -> str:
    """The vocabulary that would know nearly all characters, where one of its own was too small."""
    if options.tokenizer is not None:
        return ""
    wanted = covering_entries(_TrainingTexts(source, options), lowercase=options.lowercase)
    if wanted <= options.vocabulary:
        return ""
    return f"; --vocabulary {wanted} holds {COVERED:.2%} of the characters"


def _new_tokenizer(source: TextSource, options: PretrainOptions) -> PreTrainedTokenizerBase:
    """A tokenizer trained on the texts that are not held out, or an existing one."""
    if options.tokenizer is None:
        return train_tokenizer(
            _TrainingTexts(source, options),
            options.vocabulary,
            length=options.positions,
            lowercase=options.lowercase,
        )
    return _given(options.tokenizer, options)


def digest_of_given(options: PretrainOptions) -> str | None:
    """A hash of the tokenizer that a run is given, or None where it makes its own."""
    if options.tokenizer is None:
        return None
    return tokenizer_digest(_given(options.tokenizer, options))


def _given(place: str, options: PretrainOptions) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder or Hub id, or of BERT's `vocab.txt`, by itself or in a folder."""
    if not Path(place).exists() and not could_be_model_id(place):
        raise UserError(
            f"tokenizer {place}: no such file or folder; check the path, or give a Hub id as "
            "owner/name"
        )
    entries = Path(place, "vocab.txt") if Path(place).is_dir() else Path(place)
    alone = not any(Path(place, name).exists() for name in DESCRIPTIONS)
    try:
        if entries.is_file() and alone:
            made: Any = _of_entries(entries, options)
        else:
            made = AutoTokenizer.from_pretrained(place)
    except (OSError, ValueError) as error:
        raise UserError(
            f"tokenizer {place}: not readable ({one_line(error)}): give a folder with "
            "tokenizer.json, a Hub id, or BERT's vocab.txt"
        ) from None
    missing = [n for n in ("cls", "sep", "pad", "mask") if getattr(made, f"{n}_token_id") is None]
    if missing:
        raise UserError(
            f"tokenizer {place}: has no {', '.join(missing)} token; "
            "masked-language modelling needs cls, sep, pad and mask"
        )
    return made


def _of_entries(file: Path, options: PretrainOptions) -> BertTokenizer:
    """BERT's tokenizer with the entries of a file, one a line."""
    lines = file.read_text(encoding="utf-8").rstrip("\n").split("\n")
    entries = {line: number for number, line in enumerate(lines)}
    missing = [name for name in SPECIAL_TOKENS if name not in entries]
    if missing:
        raise UserError(f"tokenizer {file}: no {missing[0]} among its entries; is it BERT's?")
    words = (line for line in lines if line not in SPECIAL_TOKENS)
    cased = next((word for word in words if word != word.lower()), None)
    if cased and options.lowercase:
        raise UserError(f"tokenizer {file}: has entries like {cased}: give --no-lowercase as well")
    return BertTokenizer(
        vocab=entries, do_lower_case=options.lowercase, model_max_length=options.positions
    )


@dataclass(frozen=True)
class _TrainingTexts:
    """The texts that are not held out; iterable as often as the source is."""

    source: TextSource
    options: PretrainOptions

    def __iter__(self) -> Iterator[str]:
        seed, share = self.options.seed, self.options.validation
        for text in self.source:
            if not is_held_out(text.text, seed=seed, share=share):
                yield text.text


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
    letters = _chosen(
        _letters(texts, tokenizer.normalizer),
        room=vocabulary - len(SPECIAL_TOKENS),
        usual=max(16, min(400, vocabulary // 8)),
    )
    alphabet = sorted(letter.character for letter in letters)
    inside = sorted(letter.character for letter in letters if letter.inside)
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary,
        special_tokens=[*SPECIAL_TOKENS, *(f"##{letter}" for letter in inside)],
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
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


def covering_entries(texts: Iterable[str], *, lowercase: bool = True) -> int:
    """Entries of the smallest vocabulary that holds `COVERED` of the characters of `texts`."""
    letters = _letters(texts, normalizers.BertNormalizer(lowercase=lowercase))
    chosen = _chosen(letters, room=2 * len(letters), usual=0)
    return len(SPECIAL_TOKENS) + sum(1 + letter.inside for letter in chosen)


class _Letter(NamedTuple):
    """A character, how often it occurs, and whether inside a word too: two entries, not one."""

    character: str
    times: int
    inside: bool


def _letters(texts: Iterable[str], normalizer: Any) -> list[_Letter]:
    """The characters of the texts, the most frequent first."""
    counts: Counter[str] = Counter()
    pairs: set[tuple[str, str]] = set()
    for text in texts:
        normal = normalizer.normalize_str(text)
        counts.update(normal)
        pairs.update(pairwise(normal))
    inside = {b for a, b in pairs if not (_splits(a) or _splits(b))}
    letters = [_Letter(one, n, one in inside) for one, n in counts.items() if not one.isspace()]
    return sorted(letters, key=lambda letter: (-letter.times, letter.character))


def _chosen(letters: list[_Letter], *, room: int, usual: int) -> list[_Letter]:
    """As many as cover `COVERED` of all characters, `usual` if that is more, in `room` entries."""
    missing = sum(letter.times for letter in letters)
    bearable = (1 - COVERED) * missing
    chosen: list[_Letter] = []
    for letter in letters:
        if missing <= bearable and len(chosen) >= usual:
            break
        entries = 1 + letter.inside
        if entries <= room:
            chosen.append(letter)
            room, missing = room - entries, missing - letter.times
    return chosen


def _splits(letter: str) -> bool:
    """Whether BERT's splitting into words takes this character as a word of its own or as space."""
    if letter.isspace() or unicodedata.category(letter).startswith("P"):
        return True
    return letter.isascii() and letter.isprintable() and not letter.isalnum()
