import pytest
import torch
from torch import nn

from blocklens.encoder.cross_entropy import cross_entropy


def inputs(trained=True, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    features, weight, bias = (
        torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_(needed)
        for shape, needed in (((11, 5), True), ((13, 5), trained), ((13,), True))
    )
    return features, weight, bias, torch.randint(0, 13, (11,), generator=generator)


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("at_once", [1, 40, 1 << 20])
@pytest.mark.parametrize("ignored", [[], [0, 7], [10]])
def test_loss_and_gradients_equal_pytorchs_cross_entropy(trained, at_once, ignored, monkeypatch):
    monkeypatch.setattr("blocklens.encoder.cross_entropy.SCORES_AT_ONCE", at_once)
    monkeypatch.setattr("blocklens.encoder.cross_entropy.FEWEST_ROWS", 1)
    features, weight, bias, labels = inputs(trained)
    labels[ignored] = -100
    loss, hits = cross_entropy(features, weight, bias, labels)
    scores = features @ weight.T + bias
    wanted = nn.functional.cross_entropy(scores, labels)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-12)
    assert int(hits) == int((scores.argmax(dim=1) == labels).sum())
    needed = [t for t in (features, weight, bias) if t.requires_grad]
    for a, b in zip(
        torch.autograd.grad(3 * loss, needed), torch.autograd.grad(3 * wanted, needed), strict=True
    ):
        torch.testing.assert_close(a, b)


def test_without_gradients_the_loss_is_the_same_and_none_is_kept():
    features, weight, bias, labels = inputs()
    with torch.no_grad():
        alone, hits = cross_entropy(features, weight, bias, labels)
    loss, wanted = cross_entropy(features, weight, bias, labels)
    assert alone == loss
    assert hits == wanted
    assert not alone.requires_grad


def test_bfloat16_products_give_nearly_the_float32_loss_and_gradients():
    features, weight, bias, labels = inputs(dtype=torch.float32)
    full, _ = cross_entropy(features, weight, bias, labels)
    half, _ = cross_entropy(features, weight, bias, labels, torch.bfloat16)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, full, rtol=0.02, atol=0.02)
    for a, b in zip(
        torch.autograd.grad(half, (features, weight, bias)),
        torch.autograd.grad(full, (features, weight, bias)),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=0.05, atol=0.01)
