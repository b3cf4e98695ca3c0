"""Head measures on images, on encoders whose answers are known."""

import numpy as np
import torch
from transformers import Dinov2WithRegistersConfig, Dinov2WithRegistersModel

from blocklens.encoder.image_tokens import patch_grid
from blocklens.encoder.trunk import Encoder
from blocklens.heads.image_measurement import measure_patches
from image_builders import processor, shades, vit


def test_head_measures_leave_registers_and_class_token_out_of_the_grid():
    torch.manual_seed(0)
    config = Dinov2WithRegistersConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=8, patch_size=2,
        num_register_tokens=3,
    )  # fmt: skip
    encoder = Encoder(Dinov2WithRegistersModel(config), processor=processor(), name="registers")
    assert patch_grid(encoder) == ((4, 4), 4)
    table = measure_patches(encoder, shades().test)
    assert set(table["statistic"]) == {
        "attention to special tokens", "mean grid distance", "touching patches"
    }  # fmt: skip
    assert set(table["block"]) == {1, 2}


def test_even_attention_sends_special_tokens_their_share():
    encoder = vit(initializer_range=1e-9)
    table = measure_patches(encoder, shades().test)
    rows = table[table["statistic"].eq("attention to special tokens")]
    assert np.allclose(rows["effect"], 1.0, atol=1e-5)


def test_images_of_another_size_than_the_patches_say_have_no_head_measures():
    encoder = Encoder(vit().model, processor=processor(8), name="ViT")
    encoder.config.image_size = 16
    assert measure_patches(encoder, shades().test) is None
