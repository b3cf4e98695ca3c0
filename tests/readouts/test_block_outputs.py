import numpy as np
import pytest
import torch
from transformers import ViTConfig, ViTModel

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.readouts.block_outputs import (
    InputBatch,
    id_batches,
    kept_outputs,
    pool,
    tokenised,
)
from helpers import random_texts, small_encoder

TEXTS = random_texts(23, seed=1)


def batches(encoder, tokens=128):
    return id_batches(encoder.tokenizer, tokenised(encoder, TEXTS, tokens=tokens))


@pytest.mark.parametrize("family", ["BERT", "RoBERTa", "ModernBERT"])
@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_kept_outputs_equal_the_texts_run_one_at_a_time(family, pooling):
    encoder = small_encoder(family)
    kept = kept_outputs(encoder, batches(encoder, 32), len(TEXTS), pooling=pooling)
    assert kept.shape == (5, 23, 32)
    for row, text in enumerate(TEXTS):
        ids = encoder.tokenizer(text, truncation=True, max_length=32, return_tensors="pt")
        with torch.inference_mode():
            states = encoder.model(
                input_ids=ids["input_ids"],
                attention_mask=ids["attention_mask"],
                output_hidden_states=True,
            ).hidden_states
        for block, state in enumerate(states):
            if family == "ModernBERT" and block < 4:
                state = encoder.model.final_norm(state)
            one = state[0, 0] if pooling == "first" else state[0].mean(dim=0)
            np.testing.assert_allclose(kept[block, row], one.detach().numpy(), atol=2e-5)


def test_the_first_token_at_block_0_is_the_same_for_every_text():
    encoder = small_encoder()
    kept = kept_outputs(encoder, batches(encoder), len(TEXTS))
    assert np.ptp(kept[0], axis=0).max() < 1e-6 < np.ptp(kept[1], axis=0).max()


def test_images_go_through_the_same_function():
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        image_size=8, patch_size=4,
    )  # fmt: skip
    encoder = Encoder(ViTModel(config, add_pooling_layer=False), name="ViT")
    pixels = torch.randn(5, 3, 8, 8)
    batches = [
        InputBatch({"pixel_values": pixels[[3, 1]]}, np.array([3, 1])),
        InputBatch({"pixel_values": pixels[[0, 2, 4]]}, np.array([0, 2, 4])),
    ]
    kept = kept_outputs(encoder, batches, 5)
    mean = kept_outputs(encoder, batches, 5, pooling="mean")
    states = encoder.outputs(pixel_values=pixels)  # the last block's with the final norm
    for block in (0, 1):
        states[block] = encoder.model.layernorm(states[block])
    for block, expected in enumerate(states):
        np.testing.assert_allclose(kept[block], expected[:, 0].detach(), atol=1e-5)
        np.testing.assert_allclose(mean[block], expected.mean(dim=1).detach(), atol=1e-5)


def test_the_mean_leaves_padding_out():
    output = torch.tensor([[[1.0], [3.0], [100.0]]])
    assert pool(output, torch.tensor([[1, 1, 0]]), "mean").item() == 2.0


def test_an_input_given_twice_or_not_at_all_is_refused():
    encoder = small_encoder()
    given = list(batches(encoder))
    with pytest.raises(UserError, match="not given exactly once"):
        kept_outputs(encoder, [*given, given[0]], len(TEXTS))
    with pytest.raises(UserError, match="24 inputs"):
        kept_outputs(encoder, given, len(TEXTS) + 1)


def test_damaged_weights_are_named():
    encoder = small_encoder()
    encoder.model.encoder.layer[2].output.dense.bias.data.fill_(float("nan"))
    with pytest.raises(UserError, match="not finite"):
        kept_outputs(encoder, batches(encoder), len(TEXTS))
