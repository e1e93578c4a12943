import copy

import numpy as np
import pytest
import torch
from torch import nn

from zoo_example.optimizers import Lion

START = np.array([1.0, -2.0, 3.0])


def gradient(theta: np.ndarray, step: int) -> np.ndarray:
    """Of a ravine that leans with the step, so that the momentum and the gradient often disagree."""
    return np.array([1.0, 10.0, 0.1]) * theta + 5 * np.sin(step + np.arange(3))


def plain_lion(steps: int, lr: float, betas: tuple[float, float], weight_decay: float) -> list[np.ndarray]:
    """Chen et al. (2023), algorithm 2, line by line in float64: the parameters after every step."""
    theta, m, path = START, np.zeros(3), []
    for t in range(steps):
        g = gradient(theta, t)
        c = betas[0] * m + (1 - betas[0]) * g
        theta = theta - lr * (np.sign(c) + weight_decay * theta)
        m = betas[1] * m + (1 - betas[1]) * g
        path.append(theta)
    return path


def parameter() -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(START.copy()))


def advance(optimizer: torch.optim.Optimizer, theta: nn.Parameter, steps: range) -> list[np.ndarray]:
    path = []
    for step in steps:
        theta.grad = torch.from_numpy(gradient(theta.detach().numpy(), step))
        optimizer.step()
        path.append(theta.detach().numpy().copy())
    return path


@pytest.mark.parametrize("lr", [0.01, 0.3])
@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.95, 0.98), (0.0, 0.5), (0.5, 0.0)])
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_every_step_is_the_papers(lr, betas, weight_decay):
    theta = parameter()
    path = advance(Lion([theta], lr=lr, betas=betas, weight_decay=weight_decay), theta, range(50))
    np.testing.assert_allclose(path, plain_lion(50, lr, betas, weight_decay), rtol=1e-12, atol=1e-12)


def test_defaults_are_the_papers_betas():
    assert Lion([parameter()]).defaults["betas"] == (0.9, 0.99)


def test_options_of_a_group_win():
    decayed, plain = parameter(), parameter()
    groups = [{"name": "decay", "params": [decayed]}, {"name": "no_decay", "params": [plain], "weight_decay": 0.0}]
    optimizer = Lion(groups, lr=0.1, weight_decay=0.5)
    decayed.grad = plain.grad = torch.zeros(3, dtype=torch.float64)
    optimizer.step()
    np.testing.assert_allclose(decayed.detach().numpy(), START * (1 - 0.1 * 0.5))
    np.testing.assert_array_equal(plain.detach().numpy(), START)


def test_a_parameter_without_gradient_is_left_alone():
    used, unused = parameter(), parameter()
    optimizer = Lion([used, unused], lr=0.1, weight_decay=0.5)
    used.grad = torch.ones(3, dtype=torch.float64)
    optimizer.step()
    np.testing.assert_array_equal(unused.detach().numpy(), START)
    assert unused not in optimizer.state


def test_going_on_from_a_state_dict_is_going_on():
    theta = parameter()
    optimizer = Lion([theta], lr=0.1, weight_decay=0.1)
    advance(optimizer, theta, range(10))
    state = copy.deepcopy(optimizer.state_dict())
    again = nn.Parameter(theta.detach().clone())
    resumed = Lion([again])
    resumed.load_state_dict(state)
    uninterrupted = advance(optimizer, theta, range(10, 30))
    np.testing.assert_array_equal(advance(resumed, again, range(10, 30)), uninterrupted)


def test_a_closure_is_called_with_gradients_on_and_its_loss_returned():
    theta = parameter()
    optimizer = Lion([theta], lr=0.1)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (theta**2).sum()
        loss.backward()
        return loss

    assert float(optimizer.step(closure).detach()) == pytest.approx(float((START**2).sum()))
    np.testing.assert_allclose(theta.detach().numpy(), START - 0.1 * np.sign(START))


def test_sparse_gradients_are_refused():
    embedding = nn.Embedding(4, 2, sparse=True)
    embedding(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="sparse"):
        Lion(embedding.parameters()).step()
