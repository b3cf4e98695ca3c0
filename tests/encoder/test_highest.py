import pytest
import torch

from blocklens.encoder import highest as module
from blocklens.encoder import matmul
from blocklens.encoder.highest import highest


@pytest.fixture(params=["bfloat16", "float32"], autouse=True)
def way(request, monkeypatch):
    """Both ways, the first also where the processor is slow at it: it is exact everywhere."""
    monkeypatch.setattr(matmul, "fastest_precision", lambda: request.param)
    return request.param


def alike(labels, features, apart):
    """Decoder vectors that differ from a few of them by a part of `apart`."""
    base = torch.randn(5, features)
    return base[torch.arange(labels) % 5] + apart * torch.randn(labels, features)


@pytest.mark.parametrize("apart", [1.0, 1e-2, 1e-4])
@pytest.mark.parametrize("labels", [7, 64, 1000])
def test_the_label_is_that_of_double_precision_however_near_the_others_are(labels, apart):
    torch.manual_seed(0)
    weight, x = alike(labels, 24, apart), 30 * torch.randn(300, 24)
    bias = 5 * torch.randn(labels)
    exact = x.double() @ weight.double().T + bias.double()
    chosen = exact.gather(1, highest(x, weight, bias)[:, None])[:, 0]
    assert (exact.amax(dim=1) - chosen < 1e-3).all()  # float32 may take either of two so near
    if apart >= 1e-2:
        assert torch.equal(highest(x, weight, bias), exact.argmax(dim=1))


def test_bfloat16_alone_would_not_do():
    torch.manual_seed(0)
    weight, x = alike(1000, 24, 1e-2), 30 * torch.randn(300, 24)
    rounded = (x.bfloat16() @ weight.bfloat16().T).argmax(dim=1)
    assert not torch.equal(rounded, highest(x, weight, torch.zeros(1000)))


def test_of_equal_scores_the_first_counts_and_rows_that_are_no_numbers_end_too():
    weight = torch.ones(100, 4)
    x = torch.tensor([[1.0] * 4, [-2.0] * 4, [float("nan")] * 4])
    assert highest(x, weight, torch.zeros(100))[:2].tolist() == [0, 0]


def test_it_does_not_depend_on_how_many_rows_are_taken_at_once(monkeypatch):
    torch.manual_seed(0)
    weight, x, bias = torch.randn(300, 8), torch.randn(50, 8), torch.randn(300)
    wanted = highest(x, weight, bias)
    monkeypatch.setattr(module, "rows_at_once", lambda labels: 3)
    assert torch.equal(highest(x, weight, bias), wanted)


def test_a_decoder_that_is_trained_on_is_rounded_anew():
    torch.manual_seed(0)
    weight, x, bias = torch.randn(300, 8), torch.randn(50, 8), torch.zeros(300)
    highest(x, weight, bias)
    weight.copy_(weight.flip(0))
    assert torch.equal(highest(x, weight, bias), (x @ weight.T).argmax(dim=1))
