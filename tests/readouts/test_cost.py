"""What an encoder takes up to each block, where the answer is counted by hand."""

import numpy as np
import pytest
import torch
from transformers import ViTConfig, ViTModel

from blocklens.encoder.trunk import Encoder
from blocklens.readouts.cost import block_modules, cost_rows
from helpers import small_encoder


def vit():
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32,
        image_size=8, patch_size=4,
    )  # fmt: skip
    return Encoder(ViTModel(config), name="ViT")


def test_parameters_and_arithmetic_up_to_a_block_are_those_counted_by_hand():
    encoder = vit()
    found = cost_rows(encoder, {"pixel_values": torch.zeros(1, 3, 8, 8)})
    of_block = 4 * (16 * 16 + 16) + (16 * 32 + 32) + (32 * 16 + 16) + 2 * 32
    rest = 16 + 5 * 16 + (3 * 16 * 16 + 16) + 32  # [CLS], positions, patches, final norm
    without_pooler = ViTModel(encoder.config, add_pooling_layer=False)
    assert sum(p.numel() for p in without_pooler.parameters()) == rest + 3 * of_block
    assert found["parameters"].tolist() == pytest.approx(
        [(rest + block * of_block) / (rest + 3 * of_block) for block in range(4)]
    )
    n = 5  # tokens
    products = n * 16 * (4 * 16 + 2 * 32) + 2 * n * n * 16  # linear layers; attention's two
    patches = 4 * 48 * 16
    total = patches + 3 * products
    assert found["arithmetic"].tolist() == pytest.approx(
        [(patches + block * products) / total for block in range(4)]
    )


def test_text_encoders_are_counted_alike_and_shared_blocks_are_not():
    given = {"input_ids": torch.ones(1, 7, dtype=torch.long)}
    found = cost_rows(small_encoder(), given)
    assert found["arithmetic"].tolist() == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert (np.diff(found["parameters"]) > 0).all()
    assert found["parameters"].iloc[-1] == 1
    assert cost_rows(small_encoder("ALBERT"), given) is None


def test_counting_leaves_no_hook_behind():
    encoder = vit()
    cost_rows(encoder, {"pixel_values": torch.zeros(1, 3, 8, 8)})
    assert not any(
        module._forward_hooks or module._forward_pre_hooks for module in block_modules(encoder)
    )
