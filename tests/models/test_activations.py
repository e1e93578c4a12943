import math

import pytest
import torch
from scipy.integrate import quad
from torch import nn

from zoo.models.activations import ACTIVATIONS, activation_class, gain, make_activation

LIKE_TORCH = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leaky_relu": nn.LeakyReLU,
    "prelu": nn.PReLU,
    "rrelu": nn.RReLU,
    "elu": nn.ELU,
    "celu": nn.CELU,
    "selu": nn.SELU,
    "softplus": nn.Softplus,
    "mish": nn.Mish,
    "hardswish": nn.Hardswish,
    "hardtanh": nn.Hardtanh,
    "logsigmoid": nn.LogSigmoid,
    "log_softmax": nn.LogSoftmax,
    "softmin": nn.Softmin,
    "glu": nn.GLU,
}


@pytest.mark.parametrize(("name", "expected"), LIKE_TORCH.items())
def test_an_activation_goes_by_its_torch_name(name, expected):
    assert type(make_activation(name)) is expected
    assert activation_class(expected.__name__) is expected


def test_every_name_is_that_of_a_function_of_torch():
    assert all(callable(getattr(nn.functional, name)) for name in ACTIVATIONS)


@pytest.mark.parametrize(("typo", "meant"), [("rleu", "relu"), ("sylu", "silu"), ("leeky_relu", "leaky_relu")])
def test_a_typo_is_answered_with_the_name_that_was_meant(typo, meant):
    with pytest.raises(ValueError, match=f"{typo}.*did you mean.*'{meant}'"):
        make_activation(typo)


@pytest.mark.parametrize("name", ["linear", "multihead_attention", "threshold", "softmax2d", "", "__class__", "Module"])
def test_what_is_not_an_activation_of_hidden_features_is_refused(name):
    with pytest.raises(ValueError, match="is not an activation"):
        make_activation(name)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
def test_softmax_and_its_kin_work_over_the_features(name):
    out = make_activation(name)(torch.randn(3, 5, dtype=torch.float64))
    total = out.exp().sum(1) if name == "log_softmax" else out.sum(1)
    torch.testing.assert_close(total, torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize("name", ["gelu", "silu", "mish", "softplus", "hardtanh", "prelu", "elu"])
def test_a_gain_keeps_the_mean_square_of_a_standard_normal(name):
    function = make_activation(name).double()

    def integrand(z: float) -> float:
        value = function(torch.tensor([z], dtype=torch.float64)).item()
        return value**2 * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)

    mean_square = quad(integrand, -10, 0)[0] + quad(integrand, 0, 10, points=[1])[0]
    assert gain(name) ** 2 * mean_square == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"), [("relu", math.sqrt(2)), ("tanh", 5 / 3), ("sigmoid", 1), ("selu", 0.75)]
)
def test_gains_that_torch_has_are_torchs(name, expected):
    assert gain(name) == pytest.approx(expected)


def test_a_gain_leaves_the_random_state_alone_and_works_while_building_on_meta():
    gain.cache_clear()
    before = torch.get_rng_state()
    with torch.device("meta"):
        values = [gain(name) for name in ACTIVATIONS]
    assert all(math.isfinite(value) and value > 0 for value in values)
    assert torch.equal(before, torch.get_rng_state())
