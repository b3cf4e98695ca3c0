"""Every family of docs/families.md: heads equal a slow reference; the rest is refused."""

import re
from pathlib import Path

import pytest
import torch
import transformers as hf
from families import IMAGES, OWN, THROUGH_INTERFACE, dense_longformer, encoder_of, random_model

from blocklens.encoder.head_pass import run_heads, run_image_heads, tapped
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.heads.measurement import measure
from blocklens.inputs.texts import Text
from helpers import SMALL, random_texts, small_tokenizer

LENGTHS = [40, 23, 31]
TEXTS = {**THROUGH_INTERFACE, **OWN}
DOCS = Path(__file__).parents[2] / "docs" / "families.md"


def padded_batch():
    torch.manual_seed(1)
    ids = torch.randint(5, 30, (len(LENGTHS), max(LENGTHS)))
    mask = torch.zeros_like(ids)
    for text, n in enumerate(LENGTHS):
        mask[text, :n] = 1
    return ids, mask


def seen_heads(encoder, ids, mask):
    seen = {}

    def receive(heads):
        seen[heads.block, heads.text] = heads.attention.clone(), heads.outputs.clone()

    with torch.no_grad(), tapped(encoder, LENGTHS, receive):
        output = encoder.model(input_ids=ids, attention_mask=mask)[0]
    return seen, output


@pytest.mark.parametrize("name", TEXTS)
def test_maps_and_outputs_equal_the_model_s_own_eager_ones(name):
    family = TEXTS[name]
    model = random_model(family)
    encoder = Encoder(model, small_tokenizer(), name=name)
    ids, mask = padded_batch()
    seen, output = seen_heads(encoder, ids, mask)
    assert sorted(seen) == [(block, text) for block in (1, 2, 3) for text in range(3)] or (
        len(seen) == 3 * encoder.blocks
    )
    reference = encoder_of(family.reference(model) if family.reference else model)
    with torch.no_grad():
        reference.set_attn_implementation("eager")
        expected = reference(input_ids=ids, attention_mask=mask, output_attentions=True)
    for text, n in enumerate(LENGTHS):
        assert (output[text, :n] - expected[0][text, :n]).abs().max() < 1e-5
    for (block, text), (maps, _) in seen.items():
        n = LENGTHS[text]
        assert (maps.sum(-1) - 1).abs().max() < 1e-5
        if name != "Longformer":  # its own maps are bands
            theirs = expected.attentions[block - 1][text, :, :n, :n]
            assert (maps - theirs).abs().max() < 1e-5


@pytest.mark.parametrize("name", [n for n in OWN if OWN[n].values and n != "Longformer"])
def test_head_vectors_are_the_maps_times_the_values(name):
    model = random_model(OWN[name])
    encoder = Encoder(model, small_tokenizer(), name=name)
    values = []
    for part, module in encoder.model.named_modules():
        if part.endswith(OWN[name].values) and isinstance(module, torch.nn.Linear):
            module.register_forward_hook(lambda _, __, output: values.append(output.detach()))
    ids, mask = padded_batch()
    seen, _ = seen_heads(encoder, ids, mask)
    for (block, text), (maps, vectors) in seen.items():
        n = LENGTHS[text]
        # A module that is read again for its values is called twice a block: by both alike.
        of_block = values[(block - 1) * len(values) // encoder.blocks][text, :n]
        of_heads = of_block.view(n, encoder.heads, -1).transpose(0, 1).double()
        assert (maps.double() @ of_heads - vectors).abs().max() < 1e-5


def test_deberta_s_and_xlnet_s_vectors_make_the_block_s_output():
    # Projected by the block's own weights they are what its attention hands on.
    ids, mask = padded_batch()
    for name in ("DeBERTa", "XLNet"):
        encoder = Encoder(random_model(OWN[name]), small_tokenizer(), name=name)
        given = []
        if name == "DeBERTa":
            for layer in encoder.model.encoder.layer:
                layer.attention.output.dense.register_forward_hook(
                    lambda _, inputs, __, given=given: given.append(inputs[0])
                )
        else:
            for layer in encoder.model.layer:
                after = layer.rel_attn.post_attention

                def post(h, vectors, residual=True, after=after, given=given):
                    given.append(vectors.transpose(0, 1).flatten(2))
                    return after(h, vectors, residual)

                layer.rel_attn.post_attention = post
        seen, _ = seen_heads(encoder, ids, mask)
        for (block, text), (_, vectors) in seen.items():
            theirs = given[block - 1][text, : LENGTHS[text]]
            assert (vectors.transpose(0, 1).flatten(1) - theirs).abs().max() < 1e-5


def test_longformer_s_heads_equal_a_dense_masked_softmax():
    encoder = Encoder(random_model(OWN["Longformer"]), small_tokenizer(), name="Longformer")
    states = []
    for layer in encoder.model.encoder.layer:
        layer.attention.self.register_forward_hook(
            lambda module, inputs, _: states.append((module, inputs[0]))
        )
    ids, mask = padded_batch()
    seen, _ = seen_heads(encoder, ids, mask)
    for (block, text), (maps, vectors) in seen.items():
        module, given = states[block - 1]
        wide = torch.zeros(given.shape[:2])
        wide[:, : mask.shape[1]] = mask
        dense, expected = dense_longformer(module, given, wide)
        n = LENGTHS[text]
        assert (maps - dense[text, :, :n, :n]).abs().max() < 1e-5
        assert (vectors - expected[text, :, :n]).abs().max() < 1e-5
        far = torch.ones(n, n).triu(5).bool()  # the window reaches 4 tokens to each side
        assert maps[:, far].abs().max() == 0


@pytest.mark.parametrize("name", OWN)
def test_such_a_family_is_measured_like_any_other(name):
    encoder = Encoder(random_model(OWN[name]), small_tokenizer(), name=name)
    found = measure(random_texts(4), encoder)
    assert set(found.table["block"]) == set(range(1, encoder.blocks + 1))
    assert found.table["value"].notna().mean() > 0.9
    twin = encoder.untrained(0)
    assert twin.fingerprint() != encoder.fingerprint()


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_family_shows_its_heads_and_says_that_it_reads_no_texts(name):
    model = random_model(IMAGES[name])
    encoder = Encoder(model, processor=object(), name=name)
    pixels = torch.randn(2, 3, 16, 16)
    maps = {}
    run_image_heads(
        encoder,
        pixels,
        lambda heads: maps.update({(heads.block, heads.text): heads.attention.clone()}),
    )
    with torch.no_grad():
        model.set_attn_implementation("eager")
        expected = model(pixel_values=pixels, output_attentions=True).attentions
    assert len(maps) == 2 * encoder.blocks == 6
    for (block, image), found in maps.items():
        assert (found - expected[block - 1][image]).abs().max() < 1e-5
    with pytest.raises(
        UserError, match="reads images, not texts; measure it with blocklens images"
    ):
        encoder.windows()


def test_the_vision_half_of_clip_is_measured():
    vision = {**IMAGES["CLIP (vision)"].options}
    model = hf.CLIPModel(hf.CLIPConfig(vision_config=vision, text_config={"vocab_size": 40}))
    encoder = Encoder(model, processor=object(), name="CLIP")
    assert (encoder.blocks, encoder.heads) == (3, 4)
    seen = []
    run_image_heads(encoder, torch.randn(1, 3, 16, 16), lambda heads: seen.append(heads.block))
    assert seen == [1, 2, 3]


def test_whisper_s_encoder_shows_its_heads_on_sounds_and_reads_no_texts():
    config = hf.WhisperConfig(
        d_model=32, encoder_layers=3, decoder_layers=1, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, num_mel_bins=8,
        max_source_positions=20, vocab_size=40, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=1,
    )  # fmt: skip
    encoder = Encoder(hf.WhisperModel(config), name="Whisper")
    seen = []
    run_image_heads(encoder, torch.randn(1, 8, 40), lambda heads: seen.append(heads.block))
    assert seen == [1, 2, 3]
    with pytest.raises(UserError, match="reads sounds, not texts"):
        encoder.windows()


@pytest.mark.parametrize(
    ("model", "config", "why"),
    [
        (
            hf.FNetModel,
            hf.FNetConfig,
            "cannot see inside FNet: it has no attention heads",
        ),
        (
            hf.FunnelModel,
            hf.FunnelConfig,
            "cannot see inside Funnel: of its . blocks 0 showed",
        ),
    ],
)
def test_a_family_that_shows_no_maps_is_refused_in_plain_words(model, config, why):
    options = {"vocab_size": SMALL["vocab_size"], "hidden_size": 32, "intermediate_size": 64}
    if model is hf.FunnelModel:
        options = {
            "vocab_size": 40, "d_model": 32, "n_head": 4, "d_head": 8, "d_inner": 64,
            "block_sizes": [1, 1],
        }  # fmt: skip
    encoder = Encoder(model(config(**options)), small_tokenizer(), name="folder")
    tokens = encoder.windows(tokens=16)(Text("text", "a b c d ."))
    with pytest.raises(UserError, match=why):
        run_heads(encoder, tokens, lambda heads: None)


def test_the_page_of_families_names_what_is_tested_here():
    rows = re.findall(r"^\| ([^|]+?) \|", DOCS.read_text("utf-8"), re.MULTILINE)
    assert {*TEXTS, *IMAGES, "Whisper (encoder)", "FNet"} <= set(rows)
