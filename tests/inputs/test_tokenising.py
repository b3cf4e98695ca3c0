"""What a text says is text, special tokens are the template's, and any token has its place."""

import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import EsmTokenizer, PreTrainedTokenizerFast

from blocklens.errors import UserError
from blocklens.inputs.tokenising import ids_and_spans, template, token_ids, unknown_tokens
from helpers import VOCABULARY, small_tokenizer


@pytest.fixture(scope="module")
def proteins(tmp_path_factory):
    place = tmp_path_factory.mktemp("esm") / "vocab.txt"
    place.write_text("\n".join(["<cls>", "<pad>", "<eos>", "<unk>", *"ACDEFGHIKLM", "<mask>"]))
    return EsmTokenizer(str(place))


def test_special_tokens_written_in_a_text_are_text():
    tokenizer = small_tokenizer()
    (ids,) = token_ids(tokenizer, ["a [MASK] b [SEP] c"])
    assert ids[0] == tokenizer.cls_token_id
    assert ids[-1] == tokenizer.sep_token_id
    assert not {VOCABULARY.index(token) for token in ("[MASK]", "[SEP]")} & set(ids[1:-1])
    inner, spans = ids_and_spans(tokenizer, "a [MASK] b")
    assert inner.tolist() == token_ids(tokenizer, ["a [MASK] b"], special=False)[0]
    assert len(spans) == len(inner)


def test_texts_are_cut_with_their_special_tokens_counted():
    tokenizer = small_tokenizer()
    (ids,) = token_ids(tokenizer, ["a b c d e"], tokens=4)
    assert tokenizer.convert_ids_to_tokens(ids) == ["[CLS]", "a", "b", "[SEP]"]


def test_prefix_and_suffix_are_found_where_the_letter_a_is_no_token():
    words = {"[CLS]": 0, "[SEP]": 1, "[PAD]": 2, **{x: 3 + n for n, x in enumerate("CGT")}}
    backend = Tokenizer(models.BPE(vocab=words, merges=[]))
    backend.post_processor = processors.BertProcessing(("[SEP]", 1), ("[CLS]", 0))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]"
    )
    before, after = template(tokenizer)
    assert (before.tolist(), after.tolist()) == ([0], [1])


def test_a_tokenizer_that_knows_no_word_is_refused():
    backend = Tokenizer(models.BPE(vocab={"[PAD]": 0}, merges=[]))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="[PAD]")
    with pytest.raises(UserError, match="makes no token of any text"):
        template(tokenizer)


def test_a_tokenizer_in_python_has_its_tokens_found_in_the_text(proteins):
    assert not proteins.is_fast
    before, after = template(proteins)
    assert (before.tolist(), after.tolist()) == ([0], [2])
    text = "MKA LL"
    ids, spans = ids_and_spans(proteins, text)
    assert [text[a:b] for a, b in spans.tolist()] == ["M", "K", "A", "L", "L"]
    assert proteins.convert_ids_to_tokens(ids.tolist()) == ["M", "K", "A", "L", "L"]


def test_many_unknown_tokens_are_said_with_what_to_do():
    tokenizer = small_tokenizer()
    known = unknown_tokens(tokenizer, ["a b c ."])
    assert (known.share, known.texts, known.warning) == (0.0, 1, "")
    unknown = unknown_tokens(tokenizer, ["a b", "Ω Ψ"])
    assert (unknown.share, unknown.texts) == (0.5, 2)
    assert "take an encoder" in unknown.warning


def test_a_regular_expression_that_does_not_end_is_one_line():
    tokenizer = small_tokenizer()
    endless = pre_tokenizers.Split(Regex("(x+x+)+y"), "removed")
    tokenizer.backend_tokenizer.pre_tokenizer = endless
    with pytest.raises(UserError, match=r"gives up on a text .*tokenizer\.json has a regular"):
        token_ids(tokenizer, ["x" * 4000 + " z"])
