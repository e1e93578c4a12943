import math
from typing import get_args

import pytest
import torch
from torch import nn

from zoo.models.activations import gain
from zoo.models.initialisation import SCHEMES, Initialisation, initialise

FAN_IN, FAN_OUT = 400, 300


def weight_of(scheme: str, activation: str | None = None) -> torch.Tensor:
    torch.manual_seed(0)
    layer = nn.Linear(FAN_IN, FAN_OUT)
    initialise(layer, scheme, activation)
    assert torch.count_nonzero(layer.bias) == 0
    return layer.weight.detach().double()


def test_every_name_of_the_choice_has_a_scheme():
    assert set(get_args(Initialisation)) == {"default", *SCHEMES}


@pytest.mark.parametrize(
    ("scheme", "std"),
    [
        ("xavier_uniform", lambda g: g * math.sqrt(2 / (FAN_IN + FAN_OUT))),
        ("xavier_normal", lambda g: g * math.sqrt(2 / (FAN_IN + FAN_OUT))),
        ("kaiming_uniform", lambda g: g / math.sqrt(FAN_IN)),
        ("kaiming_normal", lambda g: g / math.sqrt(FAN_IN)),
        ("normal", lambda g: 0.05),
        ("uniform", lambda g: 0.05 / math.sqrt(3)),
    ],
)
@pytest.mark.parametrize("activation", [None, "relu", "gelu"])
def test_weights_have_the_mean_and_deviation_of_the_formula(scheme, std, activation):
    weight = weight_of(scheme, activation)
    expected = std(gain(activation) if activation else 1.0)
    assert weight.std().item() == pytest.approx(expected, rel=0.01)
    assert abs(weight.mean().item()) < 5 * expected / math.sqrt(weight.numel())


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_a_uniform_scheme_is_bounded_and_a_normal_one_is_not(scheme):
    weight = weight_of(scheme, "relu")
    beyond = (weight.abs() > math.sqrt(3) * weight.std() * 1.02).double().mean().item()
    if scheme.endswith("uniform"):
        assert beyond == 0
    elif scheme.endswith("normal"):
        assert beyond == pytest.approx(2 * (1 - 0.5 * (1 + math.erf(math.sqrt(1.5) * 1.02))), abs=0.005)


def test_orthogonal_rows_have_the_length_of_the_gain():
    weight = weight_of("orthogonal", "relu")
    torch.testing.assert_close(weight @ weight.T, 2 * torch.eye(FAN_OUT, dtype=torch.float64), atol=1e-4, rtol=0)


def test_default_leaves_torchs_values():
    torch.manual_seed(0)
    expected = nn.Linear(5, 4)
    torch.manual_seed(0)
    layer = nn.Linear(5, 4)
    initialise(layer, "default", "relu")
    assert torch.equal(layer.weight, expected.weight)
    assert torch.equal(layer.bias, expected.bias)


def test_a_convolution_counts_its_kernel_as_inputs_and_a_normalisation_is_left_alone():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(16, 64, 5), nn.BatchNorm2d(64))
    initialise(module, "kaiming_normal", "relu")
    assert module[0].weight.std().item() == pytest.approx(math.sqrt(2 / (16 * 25)), rel=0.02)
    assert torch.equal(module[1].weight, torch.ones(64))


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_every_scheme_works_on_the_meta_device(scheme):
    with torch.device("meta"):
        layer = nn.Linear(6, 5)
        initialise(layer, scheme, "gelu")
    assert layer.weight.is_meta
