import torch

from blocklens.pretraining.muon import Muon, orthogonalise


def test_singular_values_become_about_one_and_singular_vectors_stay():
    generator = torch.manual_seed(0)
    for shape in ((3, 8, 8), (2, 6, 20), (2, 20, 6)):
        matrices = torch.randn(shape, generator=generator)
        made = orthogonalise(matrices)
        assert made.shape == shape
        for before, after in zip(matrices, made, strict=True):
            u, values, v = torch.linalg.svd(before, full_matrices=False)
            got = torch.diagonal(u.T @ after @ v.T)
            large = values > 0.05 * values.max()
            assert ((got[large] > 0.6) & (got[large] < 1.3)).all()


def test_a_batch_of_matrices_is_treated_as_each_by_itself():
    matrices = torch.randn(4, 5, 9, generator=torch.manual_seed(1))
    together = orthogonalise(matrices)
    for number in range(4):
        torch.testing.assert_close(
            together[number], orthogonalise(matrices[number : number + 1])[0]
        )


def test_a_step_follows_the_slow_formula():
    generator = torch.manual_seed(2)
    start = torch.randn(4, 6, generator=generator)
    weight = torch.nn.Parameter(start.clone())
    optimiser = Muon([weight], lr=0.1, momentum=0.9, weight_decay=0.5)
    momentum, expected = torch.zeros(4, 6), start.clone()
    for _ in range(3):
        gradient = torch.randn(4, 6, generator=generator)
        weight.grad = gradient.clone()
        optimiser.step()
        momentum = 0.9 * momentum + 0.1 * gradient
        ahead = 0.1 * gradient + 0.9 * momentum
        update = orthogonalise(ahead[None])[0] * 0.2 * 6**0.5
        expected = expected * (1 - 0.1 * 0.5) - 0.1 * update
        torch.testing.assert_close(weight.detach(), expected, rtol=1e-5, atol=1e-6)


def test_it_finds_the_minimum_of_a_quadratic():
    target = torch.randn(6, 6, generator=torch.manual_seed(3))
    weight = torch.nn.Parameter(torch.zeros(6, 6))
    optimiser = Muon([weight], lr=0.1)
    for step in range(300):
        optimiser.param_groups[0]["lr"] = 0.1 * (1 - step / 300)
        loss = (weight - target).square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (weight - target).abs().max() < 0.05
