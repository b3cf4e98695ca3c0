import pytest
import torch
from torch import nn
from torch.nn import functional

from blocklens.encoder import matmul

NATIVE = {"avx512_f": True, "avx512_bf16": True}


@pytest.fixture(params=["onednn", "PyTorch's choice"])
def way(request, monkeypatch):
    """Both ways of `linear`; the first only where this processor and PyTorch have it."""
    if request.param != "onednn":
        monkeypatch.setattr(matmul, "_onednn", lambda: False)
    elif not matmul._onednn():
        pytest.skip("no 512-bit instructions or no oneDNN here")


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 1, 1), (70, 33, 48), (300, 768, 192)])
def test_linear_and_its_gradients_are_those_of_double_precision(way, shape, with_bias):
    rows, inner, outer = shape
    random = torch.manual_seed(0)
    x, weight = torch.randn(rows, inner, generator=random), torch.randn(outer, inner)
    given = [x, weight, *([torch.randn(outer)] if with_bias else [])]
    ours = [value.clone().requires_grad_() for value in given]
    exact = [value.double().requires_grad_() for value in given]
    got = matmul.linear(ours[0], ours[1], ours[2] if with_bias else None)
    expected = exact[0] @ exact[1].T + (exact[2] if with_bias else 0)
    torch.testing.assert_close(got.double(), expected, rtol=1e-5, atol=1e-4)
    towards = torch.randn(outer, rows, generator=random).T  # not contiguous
    got.backward(towards)
    expected.backward(towards.double())
    for mine, right in zip(ours, exact, strict=True):
        torch.testing.assert_close(mine.grad.double(), right.grad, rtol=1e-5, atol=2e-4)


def test_a_model_with_fast_products_is_the_same_model(way):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 7), nn.GELU(), nn.Linear(7, 5, bias=False))
    x = torch.randn(2, 3, 12)
    expected, names = model(x), list(model.state_dict())
    matmul.with_fast_products(model)
    torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-6)
    assert list(model.state_dict()) == names
    with torch.inference_mode():
        torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-6)
        assert model(x[:, :0]).shape == (2, 0, 5)


@pytest.mark.parametrize("rows", [3, matmul.LARGE])
def test_products_of_a_batch_are_those_of_double_precision(way, rows):
    torch.manual_seed(0)
    a, b = torch.randn(4, rows, 8), torch.randn(4, 8, 30)
    out = torch.empty(4, rows, 30)
    assert matmul.batched(a, b, out) is out
    torch.testing.assert_close(out.double(), a.double() @ b.double(), rtol=1e-5, atol=1e-5)
    wide = torch.randn(4, 30, 8).mT  # not contiguous, as transposed keys are
    matmul.batched(a, wide, out)
    torch.testing.assert_close(out.double(), a.double() @ wide.double(), rtol=1e-5, atol=1e-5)


def test_a_single_large_product_is_that_of_double_precision(way):
    torch.manual_seed(0)
    a, b = torch.randn(1, matmul.LARGE, 8), torch.randn(1, 8, 30)
    found = matmul.batched(a, b, torch.empty(1, matmul.LARGE, 30))
    torch.testing.assert_close(found.double(), a.double() @ b.double(), rtol=1e-5, atol=1e-5)


def test_linear_of_no_rows_has_no_rows(way):
    weight = torch.randn(3, 4, requires_grad=True)
    out = matmul.linear(torch.zeros(0, 4), weight, None)
    assert out.shape == (0, 3)
    out.sum().backward()
    assert not weight.grad.any()


def test_other_precisions_are_left_to_pytorch(way):
    for precision in (torch.bfloat16, torch.float64):
        x, weight = torch.randn(5, 4, dtype=precision), torch.randn(3, 4, dtype=precision)
        assert torch.equal(matmul.linear(x, weight, None), functional.linear(x, weight))


@pytest.mark.parametrize(
    ("has", "expected"),
    [
        (NATIVE, "bfloat16"),
        ({"amx_bf16": True}, "bfloat16"),
        ({"avx512_f": True, "avx512_bf16": False}, "float32"),
        ({"architecture": "aarch64", "bf16": True}, "float32"),
    ],
)
def test_bfloat16_is_fastest_where_the_processor_has_instructions_for_it(
    monkeypatch, has, expected
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)
    assert matmul.fastest_precision() == expected


def test_without_onednn_or_an_answer_about_the_processor_nothing_is_assumed(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: NATIVE, raising=False)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert matmul.fastest_precision() == "float32"
    monkeypatch.undo()
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert matmul.fastest_precision() == "float32"
