"""A measurement does not depend on how its texts are batched, ordered or shared out."""

import numpy as np
import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal

from blocklens.distributed import Share
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.heads import measurement
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.measurement import measure
from blocklens.inputs.texts import Text
from helpers import FAMILIES, random_texts, small_encoder, small_model, small_tokenizer

TEXTS = random_texts(40, seed=3)


@pytest.mark.parametrize("family", ["BERT", "RoBERTa", "ModernBERT"])
def test_any_batch_size_and_any_order_give_the_same_figures(family, monkeypatch):
    # In double precision no two similarities are so near that a batch decides which is larger.
    encoder = small_encoder(family, double=True)
    expected = measure(TEXTS, encoder)
    for tokens_at_once, order in ((1, 1), (10_000, 1), (100, -1)):
        monkeypatch.setattr(measurement, "TOKENS_AT_ONCE", tokens_at_once)
        found = measure(TEXTS[::order], encoder)
        assert_frame_equal(found.table, expected.table, rtol=1e-9)
        pd.testing.assert_frame_equal(found.anchors, expected.anchors)
        pd.testing.assert_frame_equal(found.distances, expected.distances, rtol=1e-6)


def test_two_shares_add_up_to_the_whole():
    encoder = small_encoder(double=True)
    whole = measure(TEXTS, encoder)
    first, second = (measure(TEXTS, encoder, unit="text", share=Share(r, 2)) for r in (0, 1))
    first.sums.merge(second.sums)
    assert first.sums.windows == whole.sums.windows == 40
    assert_frame_equal(first.table, whole.table, rtol=1e-9)


def test_measurements_with_different_options_are_not_merged():
    encoder = small_encoder()
    first = measure(TEXTS[:2], encoder)
    second = measure(TEXTS[:2], encoder, options=HeadOptions(cut=0.02))
    with pytest.raises(ValueError, match="different options"):
        first.sums.merge(second.sums)


def test_few_texts_are_resampled_by_windows_and_many_by_texts():
    encoder = small_encoder()
    long = " ".join(random_texts(60, seed=1))
    few = measure([long], encoder, window=32)
    assert few.unit == "window"
    assert few.table["low"].notna().any()
    assert measure(TEXTS, encoder).unit == "text"
    one = measure([long], encoder, window=32, unit="text")
    assert one.table["low"].isna().all()


def test_long_texts_are_cut_or_taken_in_windows():
    encoder = small_encoder()
    long = " ".join(["a b c d e f g h i j ."] * 20)
    cut = measure([long], encoder, window=32, long="cut")
    assert cut.sums.windows == 1
    windows = measure([long], encoder, window=32, overlap=4)
    assert windows.sums.windows == int(np.ceil((220 - 4) / (30 - 4)))
    assert windows.sums.tokens == windows.sums.windows * 32


def test_a_long_text_among_others_gives_its_first_windows_alone():
    """A book must not decide the figures of letters; by itself all of it is measured."""
    encoder = small_encoder()
    book = " ".join(["a b c d e f g h i j ."] * 200)
    among = measure([*TEXTS, book], encoder, window=32, overlap=4, unit="text")
    first = encoder.windows(tokens=32, overlap=4, most=4)(Text("book", book))
    every = encoder.windows(tokens=32, overlap=4)(Text("book", book))
    for one, other in zip(first, every[:4], strict=True):
        np.testing.assert_array_equal(one.ids, other.ids)
    assert among.sums.windows == measure(TEXTS, encoder, window=32, overlap=4).sums.windows + 4
    more = measure([*TEXTS, book], encoder, window=32, overlap=4, unit="text", most_windows=6)
    assert more.sums.windows == among.sums.windows + 2
    assert measure([book], encoder, window=32, overlap=4).sums.windows == len(every)


@pytest.mark.parametrize("tokens", [29, 30, 31, 107, 108, 109, 300])
def test_so_many_windows_of_a_text_are_the_first_of_all(tokens):
    """Also where the last one is moved back to be full."""
    encoder = small_encoder()
    text = Text("t", " ".join(["a"] * tokens))
    every, some = (encoder.windows(tokens=32, overlap=4, most=n)(text) for n in (None, 4))
    assert len(some) == min(4, len(every))
    for one, other in zip(some, every, strict=False):
        np.testing.assert_array_equal(one.spans, other.spans)


def test_texts_that_cannot_be_measured_are_named_and_the_rest_goes_on():
    encoder = small_encoder()
    found = measure(["a b c .", "a", ". , !", "d e f ."], encoder)
    assert found.sums.windows == 2
    assert len(found.skipped) == 2
    assert "one token" in found.skipped[0]
    assert "nothing but separators" in found.skipped[1]
    with pytest.raises(UserError, match="one token"):
        measure(["a b c .", "a"], encoder, strict=True)
    with pytest.raises(UserError, match="nothing to measure"):
        measure([". . .", "a"], encoder)
    with pytest.raises(UserError, match="one token, which the tokenizer does not know"):
        measure(["MKVLAAGIV", "MKVLSSGIV"], encoder)


def test_a_text_of_one_sentence_says_nothing_about_sentences():
    found = measure(["a b c d e f g ."], small_encoder())
    rows = found.table[
        found.table["measure"].eq("sentences")
        | found.table["statistic"].isin(["same sentence", "noise"])
    ]
    assert (rows["n"] == 0).all()
    assert rows["effect"].isna().all()
    assert found.table.loc[found.table["measure"] == "distance", "effect"].notna().all()


def test_a_formula_has_no_sentences_and_no_full_stops():
    encoder = small_encoder()
    found = measure(["a.b.c.d.e.f", "g.h.i.a.b", "Wait. a b c. d e f."], encoder)
    stops = found.table["statistic"].eq("attention to full stop")
    prose = measure(["Wait. a b c. d e f."], encoder).table
    assert found.table.loc[stops, "n"].tolist() == prose.loc[stops, "n"].tolist()
    assert (found.table.loc[stops, "n"] > 0).all()


def test_shuffling_moves_the_tokens_and_keeps_the_text():
    windows = small_encoder().windows()
    tokens = windows(Text("text", "a b c d e f g h i j k l .\nm n o p q ."))[0]
    shuffled = tokens.shuffled(0)
    assert sorted(shuffled.ids) == sorted(tokens.ids)
    assert (shuffled.ids != tokens.ids).any()
    assert (shuffled.ids[tokens.special] == tokens.ids[tokens.special]).all()
    assert (shuffled.sentences == tokens.sentences).all()
    assert ((shuffled.kinds == 1) == (shuffled.ids == 5)).all()
    assert (tokens.shuffled(0).ids == shuffled.ids).all()


def test_weights_that_are_not_numbers_are_refused():
    model = small_model()
    with torch.no_grad():
        model.encoder.layer[3].output.dense.weight[0, 0] = float("nan")
    with pytest.raises(UserError, match=r"layer\.3\.output\.dense\.weight is not of finite"):
        Encoder(model, small_tokenizer())


def test_outputs_that_are_not_numbers_are_refused():
    encoder = small_encoder()
    encoder.model.encoder.layer[2].output.dense.weight[:] = 1e38  # finite, but its products are not
    with pytest.raises(UserError, match="outputs are not finite"):
        measure(TEXTS[:3], encoder)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_measured_end_to_end(family):
    found = measure(TEXTS[:5], small_encoder(family))
    assert len(found.labels) == 16
    rows = found.table[found.table["measure"] == "separators"]
    shares = rows[rows["head"].notna()].groupby(["block", "head"])["value"].sum()
    # A class that is missing from some texts is averaged over fewer queries.
    assert shares.between(0.9, 1.3).all()
