import copy

import numpy as np
import pytest
import torch
from torch import nn

from zoo.optimizers.parameter_groups import parameter_groups
from zoo.optimizers.torch_optimizers import adam, adamw, sgd

FACTORIES = {"sgd": sgd, "adam": adam, "adamw": adamw}


def gradient(theta: np.ndarray, step: int) -> np.ndarray:
    """Of a quadratic ravine that leans with the step, so that running means have something to average."""
    return np.array([1.0, 10.0, 0.1]) * theta + np.sin(step + np.arange(3))


def run(factory, steps: int = 30, **options) -> np.ndarray:
    theta = nn.Parameter(torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64))
    optimizer = factory([{"params": [theta], "name": "all"}], **options)
    for step in range(steps):
        theta.grad = torch.from_numpy(gradient(theta.detach().numpy(), step))
        optimizer.step()
    return theta.detach().numpy()


def plain_sgd(steps=30, lr=0.01, momentum=0.0, nesterov=False, weight_decay=0.0, dampening=0.0) -> np.ndarray:
    theta, velocity = np.array([1.0, -2.0, 3.0]), None
    for step in range(steps):
        g = gradient(theta, step) + weight_decay * theta
        velocity = g if velocity is None else momentum * velocity + (1 - dampening) * g
        theta = theta - lr * (g + momentum * velocity if nesterov else velocity)
    return theta


def plain_adam(
    steps=30, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=False, decoupled=False
) -> np.ndarray:
    """Kingma & Ba (2015), algorithm 1, line by line, with either decay."""
    theta = np.array([1.0, -2.0, 3.0])
    m, v, largest = np.zeros(3), np.zeros(3), np.zeros(3)
    for t in range(1, steps + 1):
        g = gradient(theta, t - 1)
        if decoupled:
            theta = theta - lr * weight_decay * theta
        else:
            g = g + weight_decay * theta
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        largest = np.maximum(largest, v)
        second = (largest if amsgrad else v) / (1 - betas[1] ** t)
        theta = theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(second) + eps)
    return theta


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.05},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.8, "dampening": 0.3},
        {"weight_decay": 0.2},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.2, "lr": 0.02},
    ],
)
def test_sgd_is_the_formula(options):
    np.testing.assert_allclose(run(sgd, **options), plain_sgd(**options), rtol=1e-10)


@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("kernel", [{}, {"fused": True}, {"fused": False}, {"foreach": True}])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.1},
        {"betas": (0.5, 0.9), "lr": 0.1},
        {"eps": 0.1, "lr": 0.1},
        {"weight_decay": 0.5, "lr": 0.1},
        {"amsgrad": True, "lr": 0.1, "betas": (0.9, 0.6)},
    ],
)
def test_adam_and_adamw_are_the_formulas_with_every_kernel(decoupled, kernel, options):
    expected = plain_adam(**{"weight_decay": 0.01 if decoupled else 0.0, **options}, decoupled=decoupled)
    np.testing.assert_allclose(run(adamw if decoupled else adam, **options, **kernel), expected, rtol=1e-9)


@pytest.mark.parametrize("factory", [adam, adamw])
def test_on_the_cpu_adam_is_fused_unless_told_otherwise(factory):
    layer = nn.Linear(3, 2)
    assert factory(layer.parameters()).defaults["fused"] is True
    assert factory(layer.parameters(), fused=False).defaults["fused"] is False
    assert factory(layer.parameters(), foreach=True).defaults["fused"] is None
    assert factory(nn.Linear(3, 2, device="meta").parameters()).defaults["fused"] is None


@pytest.mark.parametrize("factory", [sgd, adam, adamw])
def test_every_form_of_params_reaches_every_tensor(factory):
    for form in (
        lambda layer: layer.parameters(),
        lambda layer: list(layer.named_parameters()),
        lambda layer: [{"params": layer.parameters()}],
        lambda layer: [{"params": list(layer.named_parameters())}],
        parameter_groups,
    ):
        layer = nn.Linear(3, 2)
        optimizer = factory(form(layer))
        before = copy.deepcopy(layer.state_dict())
        layer(torch.ones(1, 3)).sum().backward()
        optimizer.step()
        assert all(not torch.equal(value, before[name]) for name, value in layer.state_dict().items())


def train(optimizer: torch.optim.Optimizer, model: nn.Module, steps: range) -> None:
    for step in steps:
        inputs = torch.randn(16, 33, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        model(inputs).square().mean().backward()
        optimizer.step()


def build(name: str) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(33, 129), nn.ReLU(), nn.Linear(129, 7))
    return model, FACTORIES[name](parameter_groups(model), lr=0.01, **({"momentum": 0.9} if name == "sgd" else {}))


@pytest.mark.parametrize("name", sorted(FACTORIES))
def test_resumed_equals_uninterrupted_bit_for_bit(name, tmp_path):
    model, optimizer = build(name)
    train(optimizer, model, range(20))
    first, first_optimizer = build(name)
    train(first_optimizer, first, range(8))
    torch.save([first.state_dict(), first_optimizer.state_dict()], tmp_path / "state.pt")
    second, second_optimizer = build(name)
    states = torch.load(tmp_path / "state.pt", weights_only=True)
    second.load_state_dict(states[0])
    second_optimizer.load_state_dict(states[1])
    train(second_optimizer, second, range(8, 20))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("name", sorted(FACTORIES))
def test_the_names_of_groups_survive_in_the_state(name):
    _, optimizer = build(name)
    assert [group["name"] for group in optimizer.state_dict()["param_groups"]] == ["decay", "no_decay"]


@pytest.mark.parametrize("factory", [sgd, adam, adamw])
def test_gradients_can_be_clipped_in_mixed_precision_with_any_kernel(factory):
    """Lightning refuses to clip for an optimizer that says it unscales by itself."""
    optimizer = factory(nn.Linear(3, 2).parameters(), fused=True)
    assert not optimizer._step_supports_amp_scaling


@pytest.mark.parametrize(
    ("factory", "options", "message"),
    [
        (sgd, {"nesterov": True}, "nesterov: needs momentum"),
        (sgd, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov: needs momentum and no dampening"),
        (sgd, {"dampening": 0.1}, "dampening: has no effect without momentum"),
        (adam, {"foreach": True, "fused": True}, "fused: excludes foreach"),
        (adamw, {"foreach": True, "fused": True}, "fused: excludes foreach"),
        (sgd, {"foreach": True, "fused": True}, "fused: excludes foreach"),
    ],
)
def test_options_that_exclude_each_other_are_refused_with_what_to_do(factory, options, message):
    with pytest.raises(ValueError, match=message):
        factory(nn.Linear(2, 2).parameters(), **options)
