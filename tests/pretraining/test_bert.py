import numpy as np
import pytest
import torch
from transformers import BertConfig

from blocklens.pretraining import bert
from blocklens.pretraining.bert import features_at_modified, loss_and_hits, new_model
from blocklens.pretraining.first_weights import make_neighbours_easy
from blocklens.pretraining.masking import Recipe
from blocklens.pretraining.packing import batch_of, pack

TOKENS = np.random.default_rng(0).integers(5, 60, 400)


def tiny(**changes):
    values = {
        "vocab_size": 60,
        "hidden_size": 32,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "intermediate_size": 48,
        "max_position_embeddings": 40,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    config = BertConfig(**{**values, **changes})
    model = new_model(config, seed=1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=torch.manual_seed(0)))
    return model


def batch(lengths, width, numbers=None):
    lengths = np.array(lengths)
    rows = pack(np.cumsum(lengths) - lengths, lengths, width)
    numbers = np.arange(len(rows)) if numbers is None else numbers
    recipe = Recipe(60, 4, share=0.3)
    return rows, batch_of(rows, numbers, TOKENS, recipe, cls=2, sep=3, pad=0, seed=5, epoch=0)


def stock_loss(model, made):
    """transformers' own loss: dense block-diagonal mask, all logits."""
    same = made.texts[:, None, :, None] == made.texts[:, None, None, :]
    mask = torch.zeros(same.shape).masked_fill(~same, float("-inf"))
    labels = torch.full((made.ids.numel(),), -100)
    labels[made.chosen[: made.modified]] = made.labels[: made.modified]
    return model(
        input_ids=made.ids,
        position_ids=made.positions,
        attention_mask=mask,
        labels=labels.view(made.ids.shape),
    ).loss


@pytest.mark.parametrize("map_bytes", [bert.MAP_BYTES, 1])  # all rows at once; a row at a time
@pytest.mark.parametrize("lengths", [[30, 30, 30], [30, 11, 9, 7, 5, 3, 3, 20]])
def test_loss_and_gradients_equal_those_of_transformers_with_a_block_diagonal_mask(
    lengths, map_bytes, monkeypatch
):
    monkeypatch.setattr(bert, "MAP_BYTES", map_bytes)
    model = tiny().train()
    _, made = batch(lengths, 32)
    expected = stock_loss(model, made)
    expected.backward()
    gradients = {
        name: weight.grad.clone()
        for name, weight in model.named_parameters()
        if weight.grad is not None
    }
    model.zero_grad()
    loss, hits = loss_and_hits(model, made)
    loss.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    assert 0 <= int(hits) <= made.modified
    for name, weight in model.named_parameters():
        if weight.grad is None:
            assert not gradients[name].any()
            continue
        torch.testing.assert_close(weight.grad, gradients[name], rtol=2e-4, atol=2e-6, msg=name)


def test_a_packed_text_is_computed_as_if_it_were_alone():
    model = tiny().eval()
    rows, made = batch([12, 9, 5], 40)
    assert len(rows) == 1
    together = features_at_modified(model, made)
    for piece in range(3):
        alone = pack(rows.starts[piece : piece + 1], rows.lengths[piece : piece + 1], 40)
        recipe = Recipe(60, 4, share=0.3)
        single = batch_of(
            alone, np.array([0]), TOKENS, recipe, cls=2, sep=3, pad=0, seed=5, epoch=0
        )
        if not single.modified:
            continue
        inside = made.texts.view(-1)[made.chosen] == piece
        inside[made.modified :] = False
        got = together[inside]
        expected = features_at_modified(model, single)[: single.modified]
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_bfloat16_products_give_nearly_the_float32_loss():
    model = tiny().eval()
    _, made = batch([30, 11, 9, 7], 32)
    full = loss_and_hits(model, made)[0]
    half = loss_and_hits(model, made, precision=torch.bfloat16)[0]
    torch.testing.assert_close(half, full, rtol=0.03, atol=0.03)


def test_dropout_acts_in_training_and_not_in_evaluation():
    model = tiny(hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.2)
    _, made = batch([30, 30], 32)
    torch.manual_seed(0)
    model.train()
    first, second = features_at_modified(model, made), features_at_modified(model, made)
    assert not torch.equal(first, second)
    model.eval()
    torch.testing.assert_close(features_at_modified(model, made), features_at_modified(model, made))


def test_neighbour_heads_of_block_1_look_at_their_offset_and_all_blocks_start_as_identity():
    config = BertConfig(
        vocab_size=500,
        hidden_size=192,
        num_attention_heads=6,
        num_hidden_layers=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    model = new_model(config, seed=0).eval()
    make_neighbours_easy(model, np.ones(500, dtype=np.int64))
    ids = torch.from_numpy(np.random.default_rng(1).integers(5, 500, (4, 100)))
    with torch.no_grad():
        x = model.bert.embeddings(input_ids=ids)
        attention = model.bert.encoder.layer[0].attention.self
        query = attention.query(x).view(4, 100, 6, 32).transpose(1, 2)
        key = attention.key(x).view(4, 100, 6, 32).transpose(1, 2)
        maps = torch.softmax(query @ key.transpose(-1, -2) / 32**0.5, -1).mean(0)
        for head, offset in enumerate((-1, 1, -2, 2)):
            mean = {d: torch.diagonal(maps[head], d).mean() for d in range(-5, 6)}
            assert max(mean, key=lambda d: mean[d]) == offset
            assert mean[offset] > 0.15
        assert torch.diagonal(maps[5], 1).mean() < 0.03
        out = model.bert(input_ids=ids).last_hidden_state
    torch.testing.assert_close(out, x, rtol=1e-4, atol=1e-4)
