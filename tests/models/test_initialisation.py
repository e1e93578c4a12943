import math
import warnings
from typing import get_args

import pytest
import torch
from torch import nn

from zoo.models.activations import gain
from zoo.models.initialisation import SCHEMES, Initialisation, initialise, symmetric_layers
from zoo.models.linear import Linear
from zoo.models.mlp import MLP

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
        ("lecun_uniform", lambda g: 1 / math.sqrt(FAN_IN)),
        ("lecun_normal", lambda g: 1 / math.sqrt(FAN_IN)),
        ("lsuv", lambda g: 1 / math.sqrt(FAN_IN)),
        # A normal cut at two deviations has the variance 1 - 2 · 2 φ(2) / (2 Φ(2) - 1).
        ("truncated_normal", lambda g: 0.05 * math.sqrt(1 - 4 * 0.0539909665 / 0.9544997361)),
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
    elif scheme.endswith("normal") and scheme != "truncated_normal":
        assert beyond == pytest.approx(2 * (1 - 0.5 * (1 + math.erf(math.sqrt(1.5) * 1.02))), abs=0.005)


def test_a_truncated_normal_ends_at_two_deviations():
    assert weight_of("truncated_normal").abs().max().item() == pytest.approx(0.1, abs=1e-4)
    assert weight_of("normal").abs().max().item() > 0.15


def test_constant_schemes_fill_with_their_constant():
    assert (weight_of("zeros") == 0).all()
    assert (weight_of("ones") == 1).all()


@pytest.mark.parametrize("layer", [nn.Linear(3, 5), nn.Conv2d(3, 5, 3, padding=1), nn.Conv1d(3, 5, 1)])
def test_an_identity_hands_its_inputs_on_and_ends_in_zeros(layer):
    initialise(layer, "identity")
    inputs = torch.randn(2, *{nn.Linear: (3,), nn.Conv1d: (3, 4), nn.Conv2d: (3, 4, 4)}[type(layer)])
    outputs = layer(inputs)
    assert torch.equal(outputs[:, :3], inputs)
    assert torch.count_nonzero(outputs[:, 3:]) == 0


@pytest.mark.parametrize("init", ["zeros", "ones", "identity"])
def test_hidden_units_that_start_equal_are_warned_about_and_stay_equal(init):
    with pytest.warns(UserWarning, match=r"^units of hidden.0.transform.0.* start with the same weights.*random init"):
        model = MLP(4, 3, width=[6, 6], init=init)
    torch.manual_seed(0)
    nn.init.normal_(model.hidden[1].transform[0].weight)
    nn.init.normal_(model.head.weight)
    model.hidden[1].transform[0].weight.data[:, 4:] = 0.5  # equal units, with equal ways out of them
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(5):
        optimizer.zero_grad()
        model(torch.randn(16, 4)).square().mean().backward()
        optimizer.step()
    rows = model.hidden[0].transform[0].weight
    torch.testing.assert_close(rows[4], rows[5])


@pytest.mark.parametrize("init", sorted({*SCHEMES, "default"} - {"zeros", "ones", "identity"}))
def test_random_starts_are_not_warned_about(init):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLP(4, 3, width=[6, 6], init=init, residual=True)
        Linear(4, 3, init=init)


def test_an_output_layer_may_start_with_zeros():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Linear(4, 3, init="zeros")
        with torch.device("meta"):
            MLP(4, 3, init="zeros")
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    initialise(model[2], "zeros")
    assert symmetric_layers(model) == []


def test_equal_weights_with_other_biases_and_transposed_kernels_are_told_apart():
    model = nn.Sequential(nn.Linear(4, 2), nn.ConvTranspose2d(2, 3, 1), nn.Linear(3, 3))
    nn.init.ones_(model[0].weight)
    nn.init.ones_(model[1].weight[0])
    assert symmetric_layers(model) == []
    nn.init.ones_(model[1].weight)
    nn.init.ones_(model[1].bias)
    nn.init.ones_(model[0].bias)
    assert symmetric_layers(model) == ["0", "1"]


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
