"""The head tap sees what the library's own attention computes, for every family."""

import numpy as np
import pytest
import torch
import transformers as hf
from torch import nn
from transformers import (
    FunnelConfig,
    FunnelModel,
    GPT2Config,
    GPT2Model,
    ViTConfig,
    ViTModel,
)

from blocklens.encoder.attention import ATTENTION, HeadTap
from blocklens.encoder.head_pass import run_heads, run_image_heads
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.texts import Text
from blocklens.segmentation.sentence_ends import separator_attention
from blocklens.segmentation.sentence_vectors import sentence_vectors
from helpers import FAMILIES, small_encoder, small_model, small_tokenizer

LENGTHS = [40, 23, 31]


def padded_batch() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    ids = torch.randint(5, 30, (len(LENGTHS), max(LENGTHS)))
    mask = torch.zeros_like(ids)
    for row, length in enumerate(LENGTHS):
        mask[row, :length] = 1
    return ids, mask


@pytest.mark.parametrize("in_cache", [1, 2**18], ids=["one head at a time", "all heads at once"])
@pytest.mark.parametrize("family", FAMILIES)
def test_maps_vectors_and_outputs_equal_the_library_s_eager_attention(
    family, in_cache, monkeypatch
):
    monkeypatch.setattr("blocklens.encoder.attention.IN_CACHE", in_cache)
    model = small_model(family)
    ids, mask = padded_batch()
    seen = []
    values = {}
    with torch.no_grad():
        model.set_attn_implementation("eager")
        expected = model(input_ids=ids, attention_mask=mask, output_attentions=True)
        model.set_attn_implementation(ATTENTION)

        def receive(heads):
            seen.append((heads.block, heads.text, heads.attention.clone(), heads.outputs.clone()))

        with HeadTap(LENGTHS, receive) as tap:
            attend = tap.attend

            def watch(query, key, value, *rest):
                values[tap.calls + 1] = value
                return attend(query, key, value, *rest)

            tap.attend = watch
            output = model(input_ids=ids, attention_mask=mask)[0]
    assert tap.calls == model.config.num_hidden_layers
    assert len(seen) == tap.calls * len(LENGTHS)
    for row, length in enumerate(LENGTHS):
        difference = (output[row, :length] - expected[0][row, :length]).abs().max()
        assert difference < 1e-5
    for block, row, attention, outputs in seen:
        n = LENGTHS[row]
        reference = expected.attentions[block - 1][row, :, :n, :n]
        assert (attention - reference).abs().max() < 1e-5
        vectors = reference.double() @ values[block][row, :, :n].double()
        assert (outputs - vectors).abs().max() < 1e-5


def test_an_image_encoder_is_tapped_like_a_text_encoder():
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64,
        image_size=16, patch_size=4,
    )  # fmt: skip
    model = ViTModel(config).eval()
    images = torch.randn(2, 3, 16, 16)
    maps = []
    with torch.no_grad():
        model.set_attn_implementation("eager")
        expected = model(images, output_attentions=True)
        model.set_attn_implementation(ATTENTION)
        with HeadTap([17, 17], lambda heads: maps.append(heads.attention.clone())) as tap:
            output = model(images)[0]
    assert tap.calls == 3
    assert (output - expected[0]).abs().max() < 1e-5
    reference = torch.stack(expected.attentions).flatten(0, 1)
    assert (torch.stack(maps) - reference).abs().max() < 1e-5
    seen = []
    encoder = Encoder(model, processor=object(), name="ViT")
    run_image_heads(encoder, images, lambda h: seen.append((h.block, h.text, h.attention.clone())))
    assert [(block, image) for block, image, _ in seen] == [
        (block, image) for block in (1, 2, 3) for image in (0, 1)
    ]
    assert torch.equal(torch.stack([found for *_, found in seen]), torch.stack(maps))


def test_without_a_tap_the_plain_forward_pass_is_unchanged():
    model = small_model()
    ids, mask = padded_batch()
    with torch.no_grad():
        model.set_attn_implementation("sdpa")
        expected = model(input_ids=ids, attention_mask=mask)[0]
        model.set_attn_implementation(ATTENTION)
        found = model(input_ids=ids, attention_mask=mask)[0]
    assert torch.equal(found, expected)


def test_padding_and_batch_mates_change_nothing():
    encoder = small_encoder(double=True)
    windows = encoder.windows()
    texts = ["a b c . d e f .", "g h i j k , l m n o p q . r s t", "u v ."]
    batch = [windows(Text(str(n), text))[0] for n, text in enumerate(texts)]
    together = {}
    run_heads(encoder, batch, lambda h: together.update({(h.block, h.text): h.outputs.clone()}))
    for row, tokens in enumerate(batch):
        alone = {}
        run_heads(encoder, [tokens], lambda h, a=alone: a.update({h.block: h.outputs.clone()}))
        for block, outputs in alone.items():
            assert torch.allclose(outputs, together[block, row], rtol=0, atol=1e-12)


def test_a_model_that_calls_the_attention_function_too_often_is_refused():
    encoder = small_encoder()
    layers = encoder.model.encoder.layer

    def once_more(module, given, output):
        layers[0](output[0] if isinstance(output, tuple) else output)

    layers[-1].register_forward_hook(once_more)
    tokens = encoder.windows()(Text("text", "a b c d ."))
    with pytest.raises(UserError, match="of its 4 blocks 5 showed attention"):
        run_heads(encoder, tokens, lambda heads: None)


def test_a_pass_ends_with_the_last_block_s_heads_once_the_calls_were_counted():
    encoder = small_encoder()
    ended = []
    encoder.model.encoder.layer[-1].register_forward_hook(lambda *_: ended.append(True))
    tokens = encoder.windows()(Text("text", "a b c d ."))
    seen = []
    for _ in range(2):
        run_heads(encoder, tokens, lambda heads: seen.append(heads.block))
    assert ended == [True]
    assert seen == [1, 2, 3, 4] * 2


def test_segmenting_by_attention_refuses_a_model_that_shows_no_maps_as_well():
    options = {"d_model": 16, "n_head": 2, "d_head": 8, "d_inner": 16, "block_sizes": [1, 1]}
    encoder = Encoder(FunnelModel(FunnelConfig(vocab_size=40, **options)), small_tokenizer())
    for read in (separator_attention, sentence_vectors):
        with pytest.raises(UserError, match="cannot see inside Funnel"):
            read(encoder, ["a b c .", "d e f ."])


def test_the_caller_s_model_is_left_as_it_was():
    model = small_model().train()
    before = {name: type(module) for name, module in model.named_modules()}
    attention = model.config._attn_implementation
    encoder = Encoder(model, small_tokenizer())
    tokens = encoder.windows()(Text("text", "a b c d ."))
    run_heads(encoder, tokens, lambda heads: None)
    assert model.training
    assert all(weight.requires_grad for weight in model.parameters())
    assert {name: type(module) for name, module in model.named_modules()} == before
    assert model.config._attn_implementation == attention
    mine, theirs = encoder.model.get_input_embeddings(), model.get_input_embeddings()
    assert mine.weight.data_ptr() == theirs.weight.data_ptr()  # nothing is held twice


def test_a_decoder_is_refused():
    model = GPT2Model(GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=40))
    with pytest.raises(UserError, match="gpt2 is a decoder"):
        Encoder(model, small_tokenizer(), name="gpt")


@pytest.mark.parametrize(
    ("model", "config"),
    [
        (hf.CLIPTextModel, hf.CLIPTextConfig(hidden_size=16, num_hidden_layers=2,
         num_attention_heads=2, intermediate_size=32, vocab_size=60)),
        (hf.XGLMModel, hf.XGLMConfig(d_model=16, num_layers=2, attention_heads=2, ffn_dim=32,
         vocab_size=60)),
        (hf.BloomModel, hf.BloomConfig(hidden_size=16, n_layer=2, n_head=2, vocab_size=60)),
        (hf.MambaModel, hf.MambaConfig(hidden_size=16, num_hidden_layers=2, vocab_size=60)),
    ],
)  # fmt: skip
def test_a_decoder_that_does_not_say_so_is_refused_by_what_it_does(model, config):
    torch.manual_seed(0)
    with pytest.raises(UserError, match="do not see what follows"):
        Encoder(model(config), small_tokenizer(), name="hidden")


def test_where_no_token_moves_another_nothing_is_refused():
    model = small_model()
    for name, weight in model.named_parameters():
        if "attention.output.dense" in name:
            nn.init.zeros_(weight)  # as at the start of a pre-training
    assert Encoder(model, small_tokenizer()).blocks


def test_the_untrained_twin_has_fresh_weights_and_leaves_the_encoder_alone():
    encoder = small_encoder()
    before = encoder.fingerprint()
    twin, same, other = encoder.untrained(1), encoder.untrained(1), encoder.untrained(2)
    assert twin.fingerprint() == same.fingerprint() != other.fingerprint()
    assert encoder.fingerprint() == before != twin.fingerprint()
    assert encoder.config is not twin.config
    maps = []
    tokens = encoder.windows()(Text("text", "a b c ."))
    run_heads(twin, tokens, lambda heads: maps.append(heads.attention.sum(-1).numpy().copy()))
    assert np.allclose(maps, 1.0)
