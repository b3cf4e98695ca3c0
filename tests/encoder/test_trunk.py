"""An image encoder is loaded, read and untrained by the interface of text encoders."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import ResNetConfig, ResNetModel, ViTConfig, ViTModel
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from helpers import small_encoder


def saved_vit(folder, **changes):
    torch.manual_seed(0)
    config = {
        "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 32, "image_size": 8, "patch_size": 4,
    }  # fmt: skip
    model = ViTModel(ViTConfig(**{**config, **changes}), add_pooling_layer=False)
    model.save_pretrained(folder)
    return model.eval()


def save_processor(folder, **options):
    ViTImageProcessorPil(size={"height": 8, "width": 8}, **options).save_pretrained(folder)


def test_an_image_encoder_comes_with_its_processor_and_gives_the_outputs_of_its_blocks(tmp_path):
    model = saved_vit(tmp_path)
    save_processor(tmp_path)
    encoder = Encoder.load(tmp_path)
    assert (encoder.blocks, encoder.heads, encoder.head_width) == (2, 2, 8)
    assert encoder.tokenizer is None
    images = [Image.new("RGB", (11, 9), (200, 30, 7)), Image.new("L", (8, 8), 90)]
    pixels = encoder.pixels(images)
    assert pixels.shape == (2, 3, 8, 8)
    found = encoder.outputs(pixel_values=pixels)
    with torch.no_grad():
        states = model(pixels, output_hidden_states=True)
    assert len(found) == 3
    for one, expected in zip(found[:-1], states.hidden_states[:-1], strict=True):
        assert torch.allclose(one, expected, atol=1e-6)
    assert torch.allclose(found[-1], states.last_hidden_state, atol=1e-6)


def test_grey_images_go_into_three_channels_and_colour_ones_into_one(tmp_path):
    saved_vit(tmp_path / "three")
    saved_vit(tmp_path / "one", num_channels=1)
    save_processor(tmp_path / "three", do_normalize=False)
    save_processor(tmp_path / "one", do_normalize=False, image_mean=[0.5], image_std=[0.5])
    grey, colour = Image.new("L", (8, 8), 51), Image.new("RGB", (8, 8), (255, 0, 0))
    three = Encoder.load(tmp_path / "three").pixels([grey, colour])
    one = Encoder.load(tmp_path / "one").pixels([grey, colour])
    assert torch.allclose(three[0], torch.tensor(0.2))
    assert three[1].mean(dim=(1, 2)).tolist() == [1, 0, 0]
    assert one.shape == (2, 1, 8, 8)
    assert np.allclose(one[1], np.asarray(colour.convert("L")) / 255)


def test_an_encoder_is_known_again_though_its_file_lacks_a_pooler(tmp_path):
    encoder = small_encoder()
    encoder.model.pooler = None
    encoder.model.save_pretrained(tmp_path)
    encoder.tokenizer.save_pretrained(tmp_path)
    first, again = Encoder.load(tmp_path), Encoder.load(tmp_path)
    assert first.model.pooler is not None
    assert first.fingerprint() == again.fingerprint()


def test_the_untrained_twin_of_an_image_encoder_keeps_its_processor(tmp_path):
    saved_vit(tmp_path)
    save_processor(tmp_path)
    encoder = Encoder.load(tmp_path)
    twin = encoder.untrained(1)
    assert twin.processor is encoder.processor
    assert twin.fingerprint() != encoder.fingerprint() == Encoder.load(tmp_path).fingerprint()


def test_a_convolutional_encoder_has_stages_for_blocks_and_places_for_tokens():
    config = ResNetConfig(hidden_sizes=[8, 12], depths=[1, 1], embedding_size=4, layer_type="basic")
    encoder = Encoder(ResNetModel(config), name="ResNet")
    assert (encoder.blocks, encoder.heads) == (2, 0)
    pixels = torch.randn(2, 3, 32, 32)
    outputs = encoder.outputs(pixel_values=pixels)
    assert [x.shape[-1] for x in outputs] == [4, 8, 12]
    with torch.no_grad():
        last = encoder.model(pixels).last_hidden_state  # [images, width, rows, columns]
    assert torch.allclose(outputs[-1].mean(dim=1), last.mean(dim=(2, 3)), atol=1e-6)


def test_an_image_encoder_without_a_processor_is_refused_in_one_line(tmp_path):
    saved_vit(tmp_path)
    with pytest.raises(UserError, match=r"no image processor could be loaded .*preprocessor_conf"):
        Encoder.load(tmp_path)
    with pytest.raises(UserError, match="no image processor; images need an encoder that has one"):
        small_encoder().pixels([Image.new("L", (8, 8))])
