"""One optimiser for heads, classifiers and image models, against PyTorch's own written out."""

import torch
from torch import nn

from blocklens.pretraining.descent import Descent, apart, linear_decay


def test_the_rate_rises_over_the_warm_up_and_falls_to_zero():
    factor = linear_decay(10, 0.2)
    assert [round(factor(step), 6) for step in range(11)] == [
        0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.0,
    ]  # fmt: skip


def test_matrices_decay_and_biases_do_not():
    layer = nn.Linear(3, 2)
    decayed, others = apart(layer.parameters())
    assert [id(weight) for weight in decayed] == [id(layer.weight)]
    assert [id(weight) for weight in others] == [id(layer.bias)]


def test_steps_equal_those_of_adamw_with_clipped_gradients():
    torch.manual_seed(0)
    ours, theirs = nn.Linear(4, 3), nn.Linear(4, 3)
    theirs.load_state_dict(ours.state_dict())
    descent = Descent(
        ours.parameters(), rate=0.1, weight_decay=0.5, steps=5, warm_up=0.4,
        clip=0.3,
    )  # fmt: skip
    moments = {
        name: (torch.zeros_like(w), torch.zeros_like(w)) for name, w in theirs.named_parameters()
    }
    for step in range(5):
        x = torch.randn(7, 4)
        descent.step(ours(x).square().mean())
        theirs.zero_grad()
        theirs(x).square().mean().backward()
        gradients = {name: w.grad for name, w in theirs.named_parameters()}
        norm = torch.cat([g.flatten() for g in gradients.values()]).norm()
        rate = 0.1 * linear_decay(5, 0.4)(step)
        with torch.no_grad():
            for name, weight in theirs.named_parameters():
                g = gradients[name] * min(1.0, 0.3 / float(norm + 1e-6))
                first, second = moments[name]
                first.mul_(0.9).add_(0.1 * g)
                second.mul_(0.999).add_(0.001 * g * g)
                if weight.ndim > 1:
                    weight.mul_(1 - rate * 0.5)
                ratio = (first / (1 - 0.9 ** (step + 1))) / (
                    (second / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8
                )
                weight.sub_(rate * ratio)
        for name, weight in ours.named_parameters():
            assert torch.allclose(weight, theirs.get_parameter(name), atol=1e-6)
