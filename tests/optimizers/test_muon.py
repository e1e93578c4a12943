import math

import numpy as np
import pytest
import torch
from torch import nn

import zoo

pytestmark = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has Muon from 2.9 on")


def one_step(theta: nn.Parameter, gradient: torch.Tensor, **options) -> torch.optim.Optimizer:
    optimizer = zoo.build("optimizer", "muon", params=[{"params": [theta], "name": "all"}], **options)
    theta.grad = gradient
    optimizer.step()
    return optimizer


@pytest.mark.parametrize("shape", [(4, 6), (6, 4)])
@pytest.mark.parametrize(
    ("scale", "length"),
    [("original", lambda a, b: math.sqrt(max(1, a / b))), ("rms_of_adamw", lambda a, b: 0.2 * 6**0.5)],
)
def test_a_matrix_steps_by_nearly_orthogonal_rows_of_its_gradient(shape, scale, length):
    """The step has the gradient's singular vectors, and singular values near 1: within the paper's 0.7 to 1.2."""
    torch.manual_seed(0)
    gradient, start = torch.randn(shape), torch.randn(shape)
    theta = nn.Parameter(start.clone())
    one_step(theta, gradient, lr=0.1, weight_decay=0.5, scale=scale)
    step = (start * (1 - 0.1 * 0.5) - theta.detach()) / (0.1 * length(*shape))
    left, _, right = np.linalg.svd(gradient.numpy(), full_matrices=False)
    inside = left.T @ step.numpy() @ right.T
    assert np.abs(inside - np.diag(np.diag(inside))).max() < 0.05
    assert np.all((np.diag(inside) > 0.6) & (np.diag(inside) < 1.3))


@pytest.mark.parametrize("options", [{}, {"rest_lr": 0.2, "rest_betas": (0.5, 0.9), "rest_eps": 0.1}])
def test_everything_else_is_adamws(options):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    groups = [{"params": list(model.parameters()), "name": "all"}]
    other = [p.detach().clone().requires_grad_() for p in model.parameters() if p.ndim != 2]
    betas, eps = options.get("rest_betas", (0.9, 0.999)), options.get("rest_eps", 1e-8)
    adamw = torch.optim.AdamW(other, lr=options.get("rest_lr", 0.01), betas=betas, eps=eps, weight_decay=0.1)
    optimizer = zoo.build("optimizer", "muon", params=groups, lr=0.01, weight_decay=0.1, **options)
    assert [group["name"] for group in optimizer.param_groups] == ["all", "all adamw"]
    for _ in range(3):
        for p in model.parameters():
            p.grad = torch.randn_like(p)
        for mine, theirs in zip((p for p in model.parameters() if p.ndim != 2), other, strict=True):
            theirs.grad = mine.grad.clone()
        optimizer.step()
        adamw.step()
    for mine, theirs in zip((p for p in model.parameters() if p.ndim != 2), other, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_group_may_keep_its_matrices_from_it():
    embedding, weight = nn.Parameter(torch.ones(5, 2)), nn.Parameter(torch.ones(2, 2))
    groups = [{"params": [embedding], "name": "embedding", "muon": False}, {"params": [weight], "name": "rest"}]
    optimizer = zoo.build("optimizer", "muon", params=groups)
    assert [group["name"] for group in optimizer.param_groups] == ["rest", "embedding adamw"]


@pytest.mark.parametrize("shape", [(3, 3), (3,)])
def test_parameters_of_one_kind_alone_are_fine(shape):
    theta = nn.Parameter(torch.ones(shape))
    optimizer = one_step(theta, torch.ones(shape))
    assert len(optimizer.param_groups) == 1
    assert not torch.equal(theta.detach(), torch.ones(shape))


def test_parameters_that_are_added_go_where_they_belong():
    optimizer = one_step(nn.Parameter(torch.ones(3, 3)), torch.ones(3, 3))
    added = nn.Parameter(torch.ones(2, 2))
    optimizer.add_param_group({"params": [added]})
    added.grad = torch.ones(2, 2)
    optimizer.step()
    assert not torch.equal(added.detach(), torch.ones(2, 2))
    with pytest.raises(ValueError, match="cannot take matrices later if it starts with none, nor AdamW the rest"):
        optimizer.add_param_group({"params": [nn.Parameter(torch.ones(2))]})
