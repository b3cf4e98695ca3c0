"""What a notebook holds is an encoder, and gives the figures of the same model from a folder."""

import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal
from torch import nn
from transformers import BertForSequenceClassification, pipeline

from blocklens.encoder.head_pass import tapped
from blocklens.encoder.torch_encoder import TorchEncoder
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.heads.maps_of_texts import look
from blocklens.heads.measurement import measure
from blocklens.segmentation.segment import segment
from helpers import VOCABULARY, random_texts, small_model, small_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("bert")
    small_model().save_pretrained(place)
    small_tokenizer().save_pretrained(place)
    return place


@pytest.mark.parametrize("kind", ["folder", "pair", "with a head", "pipeline", "model alone"])
def test_every_form_of_an_encoder_gives_the_same_figures(folder, kind):
    texts = random_texts(3)
    expected = measure(texts, Encoder.load(folder)).table
    headed = BertForSequenceClassification.from_pretrained(folder)
    given = {
        "folder": folder,
        "pair": (small_model(), small_tokenizer()),
        "with a head": (headed, small_tokenizer()),
        "pipeline": pipeline("text-classification", model=headed, tokenizer=small_tokenizer()),
        "model alone": headed,
    }[kind]
    assert_frame_equal(measure(texts, given).table, expected)


def test_what_is_no_encoder_is_one_line():
    with pytest.raises(UserError, match="dict: no encoder that blocklens knows"):
        Encoder.of({})


class Embedding(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.tokens, self.places = nn.Embedding(len(VOCABULARY), width), nn.Embedding(64, width)

    def forward(self, ids):
        return self.tokens(ids) + self.places(torch.arange(ids.shape[1]))


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_pytorch_s_own_encoder_shows_its_heads(norm_first, batch_first):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(
        32, 4, 64, norm_first=norm_first, batch_first=batch_first
    ).eval()
    blocks = nn.TransformerEncoder(layer, 3, nn.LayerNorm(32), enable_nested_tensor=False).eval()
    embedding = Embedding(32).eval()
    encoder = Encoder(TorchEncoder(embedding, blocks, max_tokens=64), small_tokenizer())
    assert (encoder.blocks, encoder.heads, encoder.max_tokens) == (3, 4, 64)
    ids = torch.randint(5, 30, (2, 12))
    mask = torch.ones_like(ids)
    mask[1, 7:] = 0
    seen = {}
    with (
        torch.no_grad(),
        tapped(encoder, [12, 7], lambda h: seen.update({(h.block, h.text): h.attention.clone()})),
    ):
        output = encoder.model(input_ids=ids, attention_mask=mask).last_hidden_state
    with torch.no_grad():
        x = embedding(ids)
        padding = ~mask.bool()
        x = x if batch_first else x.transpose(0, 1)
        expected = blocks(x, src_key_padding_mask=padding)
        first = blocks.layers[0]
        y = first.norm1(x) if norm_first else x
        _, maps = first.self_attn(
            y, y, y, key_padding_mask=padding, need_weights=True, average_attn_weights=False
        )
    expected = expected if batch_first else expected.transpose(0, 1)
    for text, n in enumerate((12, 7)):
        assert (output[text, :n] - expected[text, :n]).abs().max() < 1e-5
        assert (seen[1, text] - maps[text, :, :n, :n]).abs().max() < 1e-5
    assert isinstance(blocks.layers[0].self_attn, nn.MultiheadAttention)  # as the caller left it
    twin = encoder.untrained(1)
    assert twin.fingerprint() == encoder.untrained(1).fingerprint() != encoder.fingerprint()
    assert len(measure(random_texts(3), encoder).labels) == 12


def test_a_model_in_the_place_of_the_texts_is_known(folder):
    encoder, texts = Encoder.load(folder), random_texts(3)
    expected = measure(texts, encoder).table
    assert_frame_equal(measure(encoder, texts).table, expected)
    assert_frame_equal(measure(folder, texts).table, expected)
    assert (look(encoder, texts[0]).attention == look(texts[0], encoder).attention).all()
    text = "The cat sat. A dog ran far. The bird sang."
    expected = segment(text, encoder, segments=2).segments
    assert segment(folder, text, segments=2).segments == expected


def test_a_table_with_a_column_called_model_is_still_texts(folder):
    texts = random_texts(3)
    table = pd.DataFrame({"text": texts, "model": ["x", "y", "z"]})
    found = measure(table, Encoder.load(folder)).table
    assert_frame_equal(found, measure(texts, Encoder.load(folder)).table)


def test_measuring_in_a_notebook_guesses_the_language_as_a_study_does(folder):
    text = (
        "\u092f\u0939 \u090f\u0915 \u0939\u0948\u0964 \u092f\u0939 \u0926\u094b \u0939\u0948\u0964"
    )
    assert max(look(text, Encoder.load(folder)).sentences) == 1  # two sentences end in a danda
