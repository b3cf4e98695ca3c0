"""Sentence spans, and the sentence of every token for the three kinds of tokenizer."""

import json
import lzma
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from blocklens.errors import UserError
from blocklens.inputs.sentences import WINDOW, sentence_of_tokens, sentence_spans

PROSE = (
    "Dr. Smith went to Washington. He met Mr. Jones (see Fig. 3) at 5 p.m. and left! "
    '"Was it so?" she asked. It was. It was. The U.S. team won 3.5 points in Oct. 1999. '
)
CORPUS = [
    PROSE,
    "Caf\u00e9s \u00fcber \u4f60\u597d\u3002 Emoji \U0001f600 here.",
    "one two three " * 5,
]
AWKWARD = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                *"aB.!?\"'() \n\r\t\u3002\uff01\u201c\u201d\xa0\u3000\u2028\x85\ud800\x00\ufeff",
                *("Dr.", "e.g.", "B\xa0.", "...", "\n\n", "\r\n", "\U0001f600", "e\u0301", "word "),
            ]
        ),
        max_size=60,
    ).map("".join),
)
LANGUAGES = st.sampled_from(["en", "de", "zh", "ja", "ar", "xx", "pt-BR"])


def sentences(text, language="en"):
    return [text[start:end] for start, end in sentence_spans(text, language)]


def trained(kind):
    if kind == "WordPiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(
            vocab_size=200, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False
        )
    elif kind.startswith("byte-level BPE"):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space="prefix" in kind)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["[CLS]", "[SEP]"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=150,
            special_tokens=["<unk>", "[CLS]", "[SEP]"],
            unk_token="<unk>",
            show_progress=False,
        )
    tokenizer.train_from_iterator(CORPUS, trainer)
    post = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("[CLS]", "[SEP]")],
    )
    if "trimmed" in kind:
        post = processors.Sequence([processors.ByteLevel(trim_offsets=True), post])
    tokenizer.post_processor = post
    return tokenizer


KINDS = [
    "WordPiece",
    "byte-level BPE",
    "byte-level BPE, trimmed",
    "byte-level BPE, prefix space, trimmed",
    "Unigram",
]
TOKENIZERS = {kind: trained(kind) for kind in KINDS}


def slow_sentence_of_tokens(text, spans, offsets):
    """The definition, character by character."""
    result = []
    for start, end in offsets:
        if start >= end:
            result.append(-1)
            continue
        visible = [i for i in range(start, len(text)) if not text[i].isspace()]
        inside = [k for k, (a, b) in enumerate(spans) if visible and a <= visible[0] < b]
        result.append(inside[0] if inside else len(spans) - 1)
    return result


def test_abbreviations_and_quotations_do_not_end_a_sentence():
    assert sentences(PROSE) == [
        "Dr. Smith went to Washington.",
        "He met Mr. Jones (see Fig. 3) at 5 p.m. and left!",
        '"Was it so?" she asked.',
        "It was.",
        "It was.",
        "The U.S. team won 3.5 points in Oct. 1999.",
    ]


def test_chinese_without_spaces_is_split():
    text = "这是第一句。这是第二句！第三句？"
    for language in ("zh", "en"):
        assert sentences(text, language) == ["这是第一句。", "这是第二句！", "第三句？"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\n\n", "\u2028", "\x85", "\x0c"])
def test_a_line_break_ends_a_sentence(line_end):
    assert sentences(f"A heading{line_end}Some text. More") == ["A heading", "Some text.", "More"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_hard_wrapped_lines_are_one_text_and_paragraphs_are_not(line_end):
    lines = [
        "The first sentence of this paragraph is longer than one line of the",
        "page, so it goes on. The second is short.",
        "",
        "* a list item that is as long as the lines of the paragraph, no stop",
        "* another",
    ]
    assert [s.split()[0] + " " + s.split()[-1] for s in sentences(line_end.join(lines))] == [
        "The on.",
        "The short.",
        "* stop",
        "* another",
    ]


def test_long_lines_are_paragraphs_even_when_one_is_longest():
    text = "word " * 60 + "\n" + "more " * 10
    assert len(sentence_spans(text)) == 2


def test_white_space_has_no_sentences_and_no_text_neither():
    assert sentence_spans("") == []
    assert sentence_spans(" \n\t\u3000\x85") == []


@pytest.mark.parametrize("language", ["english", "", "e", "en US"])
def test_a_language_that_is_no_code_is_refused(language):
    with pytest.raises(UserError, match="expected an ISO 639 code"):
        sentence_spans("A text.", language)


@given(AWKWARD, LANGUAGES)
@settings(max_examples=300, deadline=None)
def test_spans_cover_every_visible_character_once_in_order(text, language):
    spans = sentence_spans(text, language)
    covered = np.zeros(len(text), dtype=int)
    for start, end in spans:
        assert start < end
        assert text[start:end] == text[start:end].strip()
        covered[start:end] += 1
    assert spans == sorted(spans)
    assert covered.max(initial=0) <= 1
    assert all(count or c.isspace() for count, c in zip(covered, text, strict=True))


def test_a_long_line_is_split_like_a_short_one():
    long = sentences(PROSE * 200)
    assert len(PROSE * 200) > 10 * WINDOW
    assert long == sentences(PROSE) * 200


def test_a_sentence_longer_than_every_window_stays_whole():
    endless = "word " * 20_000 + "end. Next one."
    assert [len(s) for s in sentences(endless)] == [len("word " * 20_000 + "end."), 9]
    assert len(sentence_spans("x" * 100_000)) == 1


@pytest.mark.parametrize(
    "piece",
    [
        "He said it (see Fig. 3) at noon. ",
        "word ",
        "这是一个比较长的句子，里面有二十五个字左右，对不对。",
        "“a. ",
    ],
)
def test_time_grows_linearly_with_the_length_of_a_line(piece):
    line = (piece * 200_000)[:300_000]
    began = time.process_time()
    spans = sentence_spans(line)
    assert time.process_time() - began < 3  # the splitter on the whole line: 5 s to a minute
    assert spans[-1][1] == len(line.rstrip())


@pytest.mark.parametrize("kind", KINDS)
@given(text=AWKWARD.map(lambda text: text.encode("utf-8", "replace").decode()))
@settings(max_examples=150, deadline=None)
def test_every_token_with_characters_gets_the_sentence_of_its_first_visible_one(kind, text):
    spans = sentence_spans(text)
    offsets = TOKENIZERS[kind].encode(text).offsets
    found = sentence_of_tokens(spans, offsets)
    assert found.dtype == np.int32
    if not spans:
        assert (found == -1).all()
        return
    assert found.tolist() == slow_sentence_of_tokens(text, spans, offsets)
    placed = found[[start < end for start, end in offsets]]
    assert (placed >= 0).all()
    assert (np.diff(placed) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_of_known_sentences_fall_into_them(kind):
    text = "one two. Two three!  One\n\nthree two"
    encoding = TOKENIZERS[kind].encode(text)
    of_token = sentence_of_tokens(sentence_spans(text), encoding.offsets)
    assert of_token[0] == of_token[-1] == -1  # [CLS] and [SEP]
    read = [""] * 4  # by character, since Unigram's word mark shares the first letter's offsets
    for position, character in enumerate(text):
        holders = {
            k
            for (a, b), k in zip(encoding.offsets, of_token.tolist(), strict=True)
            if a <= position < b
        }
        if not character.isspace():
            assert len(holders) == 1
            read[holders.pop()] += character
    assert read == ["onetwo.", "Twothree!", "One", "threetwo"]


def test_tokens_of_white_space_belong_to_the_sentence_that_follows():
    spans = sentence_spans("A bee.  A cow. ")
    assert spans == [(0, 6), (8, 14)]
    offsets = [(0, 0), (0, 1), (1, 5), (5, 6), (6, 7), (7, 9), (9, 14), (14, 15), (0, 0)]
    assert sentence_of_tokens(spans, offsets).tolist() == [-1, 0, 0, 0, 1, 1, 1, 1, -1]


def test_no_tokens_and_no_sentences_are_no_error():
    assert sentence_of_tokens([(0, 2)], []).shape == (0,)
    assert sentence_of_tokens([], [(0, 0), (0, 1)]).tolist() == [-1, -1]


@pytest.mark.slow
def test_a_text_of_ten_megabytes_takes_seconds():
    for piece in (
        PROSE,
        "这是一个比较长的句子，里面有二十五个字左右，对不对。",
        "word ",
        "One line.\n",
    ):
        text = (piece * (10_000_000 // len(piece) + 1))[:10_000_000]
        began = time.process_time()
        spans = np.asarray(sentence_spans(text))
        assert time.process_time() - began < 40
        starts = np.arange(0, len(text), 4)
        began = time.process_time()
        of_token = sentence_of_tokens(spans, np.stack([starts, starts + 4], axis=1))
        assert time.process_time() - began < 2
        assert (np.diff(of_token) >= 0).all()


@pytest.mark.data
def test_a_true_sentence_list_is_found_again_most_of_the_time(data):
    with lzma.open(data / "wikipedia" / "wiki_sections_2014.jsonl.xz", "rt") as file:
        articles = [json.loads(line) for _, line in zip(range(20), file, strict=False)]
    same = total = 0
    for article in articles:
        for section in article["sections"]:
            for paragraph in section["paragraphs"]:
                found = set(sentences(" ".join(paragraph)))
                same += sum(sentence in found for sentence in paragraph)
                total += len(paragraph)
    assert same / total > 0.9
