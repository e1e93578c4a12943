import numpy as np
import pytest
import torch
from torch import nn

from zoo.models.normalisation import make_map_normalisation, make_normalisation

EPSILON = {"layer": 1e-5, "group": 1e-5, "rms": torch.finfo(torch.float64).eps, "batch": 1e-5, "instance": 1e-5}


def standardised(values: np.ndarray, axes: tuple[int, ...], epsilon: float) -> np.ndarray:
    return (values - values.mean(axes, keepdims=True)) / np.sqrt(values.var(axes, keepdims=True) + epsilon)


def randomised(module: nn.Module) -> tuple[nn.Module, np.ndarray, np.ndarray | float]:
    """The module in float64 with random gain and shift, and both."""
    torch.manual_seed(1)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    values = {name: value.double().numpy() for name, value in module.double().state_dict().items()}
    return module, values["weight"], values.get("bias", 0.0)


@pytest.mark.parametrize("name", ["layer", "group", "rms", "batch"])
def test_vectors_are_normalised_by_the_formula(name):
    module, gain, shift = randomised(make_normalisation(name, 12, groups=3))
    x = np.random.default_rng(0).normal(2, 3, size=(5, 12))
    if name == "layer":
        normal = standardised(x, (1,), EPSILON[name])
    elif name == "group":
        normal = standardised(x.reshape(5, 3, 4), (2,), EPSILON[name]).reshape(5, 12)
    elif name == "batch":
        normal = standardised(x, (0,), EPSILON[name])
    else:
        normal = x / np.sqrt((x**2).mean(1, keepdims=True) + EPSILON[name])
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach(), gain * normal + shift, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "shape", "axes"),
    [
        ("batch", (4, 6, 5, 3), (0, 2, 3)),
        ("layer", (4, 6, 5, 3), (1, 2, 3)),
        ("group", (4, 2, 3, 5, 3), (2, 3, 4)),
        ("instance", (4, 6, 5, 3), (2, 3)),
    ],
)
def test_maps_are_normalised_over_their_axes(name, shape, axes):
    module, gain, shift = randomised(make_map_normalisation(name, 6, groups=2))
    x = np.random.default_rng(0).normal(2, 3, size=(4, 6, 5, 3))
    normal = standardised(x.reshape(shape), axes, EPSILON[name]).reshape(4, 6, 5, 3)
    expected = gain[:, None, None] * normal + shift[:, None, None]
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach(), expected, rtol=1e-9)


def test_none_is_the_identity():
    x = torch.randn(2, 4)
    assert torch.equal(make_normalisation("none", 4)(x), x)
    assert torch.equal(make_map_normalisation("none", 4)(x), x)


@pytest.mark.parametrize("make", [make_normalisation, make_map_normalisation])
def test_groups_that_do_not_divide_are_refused(make):
    with pytest.raises(ValueError, match="8 groups do not divide 12 features"):
        make("group", 12)


def test_groups_of_one_feature_are_refused_because_nothing_is_left_of_it():
    with pytest.raises(ValueError, match="which leaves zeros"):
        make_normalisation("group", 8, groups=8)
