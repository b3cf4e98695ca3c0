"""The norm that a trunk ends with is found in every family, and no other is taken for it."""

import pytest
import torch
from families import IMAGES, OWN, THROUGH_INTERFACE, encoder_of, random_model
from torch import nn

from blocklens.encoder.final_norm import FinalNorm
from blocklens.encoder.torch_encoder import TorchEncoder

FAMILIES = {**OWN, **THROUGH_INTERFACE, **IMAGES}
WITH = {
    "ModernBERT", "Megatron-BERT", "EuroBERT", "ESM", "T5 (encoder)", "ViT", "DeiT", "DINOv2",
    "SigLIP (vision)",
}  # fmt: skip


def last_block(model):
    """The last module of the list of blocks."""
    lists = [m for m in model.modules() if isinstance(m, nn.ModuleList) and len(m)]
    return max(lists, key=len)[-1]


def inputs_for(name):
    torch.manual_seed(1)
    if name in IMAGES:
        return {"pixel_values": torch.randn(2, 3, 16, 16)}
    ids = torch.randint(5, 12, (2, 7))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


@pytest.mark.parametrize("name", [name for name in FAMILIES if "Longformer" not in name])
@torch.inference_mode()
def test_the_last_blocks_own_output_goes_through_it_to_the_last_hidden_state(name):
    model = encoder_of(random_model(FAMILIES[name]))
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            nn.init.normal_(module.weight, 1.0, 0.3)  # so that one norm is not like another
    of_block = []

    def keep(_, inputs, output):
        of_block.append(output if isinstance(output, torch.Tensor) else output[0])

    hook = last_block(model).register_forward_hook(keep)
    found = FinalNorm()
    answer = found.watched(model, **inputs_for(name))
    hook.remove()
    assert (found.norm is not None) == (name in WITH)
    if found.norm is None:
        return
    raw = of_block[-1].reshape(answer.last_hidden_state.shape)
    assert not torch.allclose(raw, answer.last_hidden_state, atol=1e-3)
    torch.testing.assert_close(found.norm(raw), answer.last_hidden_state)
    every = found.on_every_block([raw * 0.5, raw, answer.last_hidden_state])
    torch.testing.assert_close(every[0], found.norm(raw * 0.5))
    torch.testing.assert_close(every[1], every[2])
    assert every[2] is answer.last_hidden_state


@torch.inference_mode()
def test_the_norm_of_a_plain_torch_encoder_is_found():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, norm_first=True)
    for norm in (None, nn.LayerNorm(16)):
        blocks = nn.TransformerEncoder(layer, 2, norm=norm, enable_nested_tensor=False)
        model = TorchEncoder(nn.Embedding(20, 16), blocks, max_tokens=16).eval()
        found = FinalNorm()
        found.watched(model, input_ids=torch.randint(0, 20, (2, 5)))
        assert found.norm is model.norm
