from collections import Counter

import numpy as np
import pytest
from transformers import BertTokenizer

from blocklens.errors import UserError
from blocklens.pretraining.corpus import build_corpus, is_held_out
from blocklens.pretraining.tokenizer import covering_entries, train_tokenizer

SYLLABLES = ["ba", "ko", "mi", "ter", "lun", "sad", "por", "né"]
WORDS = [a + b + c for a in SYLLABLES for b in SYLLABLES for c in ("", "s", "ing")]
TEXTS = [
    f"{WORDS[n % 192].title()} {WORDS[n * 5 % 192]}, {WORDS[n * 11 % 192]} and {n * 7 % 100}: "
    f"naïve cafés, {'x' * (n % 5)} ends."
    for n in range(400)
]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, 150, length=64)


def build(folder, tokenizer, **changes):
    values = {"validation": 0.1, "seed": 0, "about": {"texts": "a"}}
    return build_corpus(TEXTS, tokenizer, folder, **{**values, **changes})


def test_the_vocabulary_has_the_asked_size_and_the_same_entries_every_time(tokenizer):
    assert len(tokenizer) == 150
    for _ in range(5):
        assert train_tokenizer(TEXTS, 150, length=64).get_vocab() == tokenizer.get_vocab()


def test_frequent_words_and_marks_are_single_tokens(tokenizer):
    seen = {token for text in TEXTS for token in tokenizer.tokenize(text)}
    assert {"and", "ends", ":", ".", ","} <= seen


def test_it_splits_words_as_berts_own_tokenizer_with_that_vocabulary_does(tokenizer):
    again = BertTokenizer(vocab=dict(tokenizer.get_vocab()))
    for text in TEXTS[:20]:
        assert again(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert tokenizer("and")["input_ids"][0] == tokenizer.cls_token_id
    assert tokenizer("and")["input_ids"][-1] == tokenizer.sep_token_id


def test_the_token_file_gives_back_every_text(tokenizer, tmp_path):
    corpus = build(tmp_path, tokenizer)
    assert corpus.tokens.dtype == np.uint16
    for number, text in enumerate(TEXTS):
        expected = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert corpus.text(number).tolist() == expected
        assert corpus.held_out[number] == is_held_out(text, seed=0, share=0.1)


def test_a_second_build_from_the_same_things_only_opens_the_file(tokenizer, tmp_path):
    first = build(tmp_path, tokenizer)
    written = (tmp_path / "tokens.bin").stat().st_mtime_ns
    assert build(tmp_path, tokenizer).digest == first.digest
    assert (tmp_path / "tokens.bin").stat().st_mtime_ns == written
    build(tmp_path, tokenizer, about={"texts": "b"})
    assert (tmp_path / "tokens.bin").stat().st_mtime_ns != written


@pytest.mark.parametrize("name", ["tokens.bin", "offsets.npy", "held_out.npy", "corpus.json"])
@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
def test_a_damaged_file_is_built_again(tokenizer, tmp_path, name, damage):
    before = build(tmp_path, tokenizer)
    data = (tmp_path / name).read_bytes()
    if damage == "gone":
        (tmp_path / name).unlink()
    else:
        changed = data[:-1] + bytes([data[-1] ^ 1])
        (tmp_path / name).write_bytes(data[: len(data) // 2] if damage == "cut" else changed)
    after = build(tmp_path, tokenizer)
    assert after.digest == before.digest
    assert (tmp_path / name).read_bytes() == data


def test_the_held_out_share_depends_on_seed_and_text_alone():
    texts = [f"text {n}" for n in range(20_000)]
    held_out = np.array([is_held_out(text, seed=1, share=0.04) for text in texts])
    assert abs(held_out.mean() - 0.04) < 5 * np.sqrt(0.04 * 0.96 / 20_000)
    other = np.array([is_held_out(text, seed=2, share=0.04) for text in texts])
    assert (held_out & other).sum() < 100
    larger = np.array([is_held_out(text, seed=1, share=0.1) for text in texts])
    assert (larger | ~held_out).all()  # a larger share keeps the texts of a smaller one


def test_empty_texts_are_left_out(tokenizer, tmp_path):
    corpus = build_corpus(["", "  ", *TEXTS], tokenizer, tmp_path, validation=0.1, seed=0, about={})
    assert len(corpus.lengths) == 400


def chinese(count=600, characters=1000):
    """Texts of characters whose frequencies fall as in a language."""
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, characters + 1)
    signs = [chr(0x4E00 + n) for n in range(characters)]
    drawn = rng.choice(signs, (count, 60), p=share / share.sum())
    return ["".join(text) for text in drawn]


def test_a_script_of_many_letters_fills_a_vocabulary_with_its_most_frequent_ones(tmp_path):
    texts = chinese()
    counts = Counter("".join(texts))
    for vocabulary in (200, 500):
        tokenizer = train_tokenizer(texts, vocabulary, length=64)
        letters = {entry for entry in tokenizer.get_vocab() if len(entry) == 1}
        assert len(letters) == vocabulary - 5
        left_out = [count for letter, count in counts.items() if letter not in letters]
        assert max(left_out) <= min(counts[letter] for letter in letters)
        folder = tmp_path / str(vocabulary)
        corpus = build_corpus(texts, tokenizer, folder, validation=0.1, seed=0, about={})
        assert corpus.unknown == pytest.approx(sum(left_out) / counts.total())


def test_the_vocabulary_that_is_advised_is_one_that_the_texts_fill():
    for texts in (chinese(characters=300), TEXTS):
        with pytest.raises(UserError, match=r"fill only .* give more texts or --vocab") as caught:
            train_tokenizer(texts, 5000, length=64)
        advised = int(str(caught.value).split()[-1])
        assert len(train_tokenizer(texts, advised, length=64)) == advised


def test_the_larger_vocabulary_that_is_advised_knows_nearly_all_characters(tmp_path):
    texts = chinese()
    advised = covering_entries(texts)
    assert advised > 500
    tokenizer = train_tokenizer(texts, advised, length=64)
    assert len(tokenizer) == advised
    corpus = build_corpus(texts, tokenizer, tmp_path, validation=0.1, seed=0, about={})
    assert 0 < corpus.unknown <= 0.0005
    assert covering_entries(TEXTS) < 150


def test_texts_that_differ_in_spaces_and_line_ends_alone_are_on_one_side():
    for n in range(50):
        sides = {
            is_held_out(text, seed=0, share=0.5)
            for text in (f"text\n{n}", f" text \r\n\n{n}\n", f"text\u2028\t{n}\u00a0")
        }
        assert len(sides) == 1
