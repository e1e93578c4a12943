import numpy as np
import pytest
import torch
from scipy.optimize import minimize, rosen
from torch import nn

from zoo.optimizers.lbfgs import lbfgs


def rosenbrock(point: torch.Tensor) -> torch.Tensor:
    return (100 * (point[1:] - point[:-1] ** 2) ** 2 + (1 - point[:-1]) ** 2).sum()


@pytest.mark.parametrize("line_search", ["strong_wolfe", "none"])
def test_one_step_solves_a_quadratic(line_search):
    """n + 1 iterations solve a quadratic of n dimensions, given exact enough line searches; here 3 and slack."""
    theta = nn.Parameter(torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64))
    curvature = torch.tensor([1.0, 10.0, 0.5], dtype=torch.float64)
    optimizer = lbfgs(params=[{"params": [theta], "name": "all"}], max_iter=60, line_search=line_search, lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = 0.5 * (curvature * theta.square()).sum() - theta.sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(theta.detach().numpy(), 1 / curvature.numpy(), atol=1e-4)


def test_it_finds_rosenbrocks_minimum_as_scipy_does():
    start = np.array([-1.2, 1.0, 0.5])
    first = nn.Parameter(torch.from_numpy(start[:2].copy()))
    second = nn.Parameter(torch.from_numpy(start[2:].copy()))
    groups = [{"params": [first], "name": "decay"}, {"params": [second], "name": "no_decay", "weight_decay": 0.0}]
    optimizer = lbfgs(params=groups, max_iter=100)
    assert len(optimizer.param_groups) == 1

    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(torch.cat([first, second]))
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    found = torch.cat([first, second]).detach().numpy()
    theirs = minimize(rosen, start, method="L-BFGS-B").x
    np.testing.assert_allclose(found, theirs, atol=1e-3)
    np.testing.assert_allclose(found, 1.0, atol=1e-4)


def test_evaluations_are_limited():
    theta, calls = nn.Parameter(torch.tensor([3.0])), []
    optimizer = lbfgs(params=[theta], max_iter=50, max_eval=4, line_search="none", lr=1e-3)

    def closure():
        optimizer.zero_grad()
        calls.append(1)
        loss = theta.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert len(calls) == 4


def test_a_learning_rate_of_zero_leaves_weights_where_they_are():
    theta = nn.Parameter(torch.tensor([3.0]))
    optimizer = lbfgs(params=[theta], lr=0.0)
    assert optimizer.step(lambda: theta.square().sum()) == 9.0
    assert float(theta.detach()) == 3.0


def test_without_a_closure_it_says_what_is_missing():
    with pytest.raises(RuntimeError, match="give step a closure"):
        lbfgs(params=[nn.Parameter(torch.ones(1))]).step(None)
