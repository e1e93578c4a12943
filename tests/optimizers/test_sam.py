import numpy as np
import pytest
import torch
from torch import nn

import zoo


def built(params, **options):
    return zoo.build(
        "optimizer", "sam", params=[{"params": list(params)}], inner={"name": "sgd", "lr": 0.05}, **options
    )


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("rho", [0.0, 0.05, 1.0])
def test_every_step_is_along_the_gradient_of_the_neighbours_top(ravine, rho, adaptive):
    """Foret et al. (2021), algorithm 1, over two parameters together, and Kwon et al.'s scale."""
    first, second = ravine.parameter(), ravine.parameter(ravine.start[0])
    optimizer = built([first, second], rho=rho, adaptive=adaptive)
    thetas = [ravine.start, ravine.start[0]]
    for step in range(20):

        def closure(step: int = step):
            for theta in (first, second):
                theta.grad = torch.from_numpy(ravine.gradient(theta.detach().numpy(), step))
            return torch.zeros(())

        optimizer.step(closure)
        slopes = [ravine.gradient(theta, step) for theta in thetas]
        scales = [np.abs(theta) if adaptive else 1.0 for theta in thetas]
        norm = np.sqrt(sum(((t * g) ** 2).sum() for t, g in zip(scales, slopes, strict=True)))
        tops = [
            theta + (rho * t * t * g / norm if norm else 0) for theta, t, g in zip(thetas, scales, slopes, strict=True)
        ]
        thetas = [theta - 0.05 * ravine.gradient(top, step) for theta, top in zip(thetas, tops, strict=True)]
        for theta, expected in zip((first, second), thetas, strict=True):
            np.testing.assert_allclose(theta.detach().numpy(), expected, rtol=1e-9, atol=1e-12)


def test_both_evaluations_drop_the_same_units_and_the_next_step_others():
    model = nn.Sequential(nn.Linear(4, 64), nn.Dropout(0.5))
    masks = []

    def closure():
        model.zero_grad()
        output = model(torch.ones(1, 4))
        masks.append(output == 0)
        output.sum().backward()
        return output.sum()

    optimizer = built(model.parameters(), rho=1e-6)
    optimizer.step(closure)
    optimizer.step(closure)
    assert torch.equal(masks[0], masks[1])
    assert torch.equal(masks[2], masks[3])
    assert not torch.equal(masks[0], masks[2])


def test_the_loss_that_it_returns_is_the_one_at_the_weights():
    theta = nn.Parameter(torch.tensor([2.0]))
    optimizer = built([theta], rho=0.5)

    def closure():
        optimizer.zero_grad()
        loss = theta.square().sum()
        loss.backward()
        return loss

    assert float(optimizer.step(closure).detach()) == 4.0
    assert float(theta.detach()) == pytest.approx(2.0 - 0.05 * 2 * 2.5)


def test_without_a_closure_there_is_nothing_to_evaluate():
    with pytest.raises(RuntimeError, match="give step a closure; train in bfloat16 or float32"):
        built([nn.Parameter(torch.ones(1))]).step()


def test_among_minima_of_one_depth_it_drifts_to_flatter_ones():
    """L = (a b - 1)² is zero wherever a b = 1, with a curvature of 2 (a² + b²) across: flattest at a = b."""
    ends = []
    for rho in (0.0, 0.2):
        theta = nn.Parameter(torch.tensor([3.0, 0.4], dtype=torch.float64))
        optimizer = zoo.build("optimizer", "sam", params=[{"params": [theta]}], rho=rho, inner="sgd", lr=0.02)

        def closure(theta=theta, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (theta.prod() - 1).square()
            loss.backward()
            return loss

        for _ in range(400):
            optimizer.step(closure)
        assert float(theta.detach().prod()) == pytest.approx(1, abs=0.2)
        ends.append(float(theta.detach().square().sum()))
    assert ends[0] > 8
    assert ends[1] < 4
