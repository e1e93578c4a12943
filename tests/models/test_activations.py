import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import erf, expit, softmax
from torch import nn
from torch.nn.modules import activation as torch_activations

from zoo.models.activations import ACTIVATIONS, Maxout, gain, inputs_per_output, make_activation
from zoo.optimizers.parameter_groups import parameter_groups

# None of them where a derivative jumps.
X = np.linspace(-7.03, 7.03, 200)
NORMAL = np.exp(-(X**2) / 2) / math.sqrt(2 * math.pi)
PHI = (1 + erf(X / math.sqrt(2))) / 2
SOFTPLUS = np.log1p(np.exp(X))
ALPHA, LAMBDA = 1.6732632423543772, 1.0507009873554805
RRELU = (1 / 8 + 1 / 3) / 2


def leaky(slope):
    return np.where(X > 0, X, slope * X), np.where(X > 0, 1, slope)


# Value and derivative in closed form, of functions of one number; after training where that differs.
CLOSED = {
    "celu": (np.where(X > 0, X, np.expm1(X)), np.where(X > 0, 1, np.exp(X))),
    "elu": (np.where(X > 0, X, np.expm1(X)), np.where(X > 0, 1, np.exp(X))),
    "gelu": (X * PHI, PHI + X * NORMAL),
    "hardshrink": (np.where(abs(X) > 0.5, X, 0), abs(X) > 0.5),
    "hardsigmoid": (np.clip(X / 6 + 0.5, 0, 1), np.where(abs(X) < 3, 1 / 6, 0)),
    "hardswish": (X * np.clip(X + 3, 0, 6) / 6, np.where(X < -3, 0, np.where(X > 3, 1, X / 3 + 0.5))),
    "hardtanh": (np.clip(X, -1, 1), abs(X) < 1),
    "identity": (X, np.ones_like(X)),
    "leaky_relu": leaky(0.01),
    "logsigmoid": (-np.log1p(np.exp(-X)), expit(-X)),
    "mish": (X * np.tanh(SOFTPLUS), np.tanh(SOFTPLUS) + X * expit(X) / np.cosh(SOFTPLUS) ** 2),
    "prelu": leaky(0.25),
    "relu": leaky(0),
    "relu6": (np.clip(X, 0, 6), (X > 0) & (X < 6)),
    "rrelu": leaky(RRELU),
    "selu": (
        LAMBDA * np.where(X > 0, X, ALPHA * np.expm1(X)),
        LAMBDA * np.where(X > 0, 1, ALPHA * np.exp(X)),
    ),
    "sigmoid": (expit(X), expit(X) * expit(-X)),
    "silu": (X * expit(X), expit(X) * (1 + X * expit(-X))),
    "softplus": (SOFTPLUS, expit(X)),
    "softshrink": (np.sign(X) * np.maximum(abs(X) - 0.5, 0), abs(X) > 0.5),
    "softsign": (X / (1 + abs(X)), 1 / (1 + abs(X)) ** 2),
    "swish": (X * expit(X), expit(X) * (1 + X * expit(-X))),
    "tanh": (np.tanh(X), 1 / np.cosh(X) ** 2),
    "tanhshrink": (X - np.tanh(X), np.tanh(X) ** 2),
    "threshold": (np.where(X > 1, X, 0), X > 1),
}
VECTOR = {"glu", "log_softmax", "maxout", "softmax", "softmin"}


def value_and_derivative(activation):
    x = torch.from_numpy(X).requires_grad_()
    value = make_activation(activation).double().eval()(x)
    value.sum().backward()
    return value.detach().numpy(), x.grad.numpy()


@pytest.mark.parametrize("name", sorted(CLOSED))
def test_value_and_gradient_are_the_closed_forms(name):
    """torch has the slope 1/6 of hardsigmoid in float32."""
    value, derivative = value_and_derivative(name)
    np.testing.assert_allclose(value, CLOSED[name][0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        derivative, CLOSED[name][1].astype(float), rtol=1e-7 if name == "hardsigmoid" else 1e-9, atol=1e-12
    )


@pytest.mark.parametrize(
    ("activation", "value", "derivative"),
    [
        ({"name": "leaky_relu", "negative_slope": 0.3}, *leaky(0.3)),
        ({"name": "prelu", "init": 0.125}, *leaky(0.125)),
        ({"name": "rrelu", "lower": 0.2, "upper": 0.4}, *leaky(0.3)),
        ({"name": "threshold", "threshold": -2, "value": -3.0}, np.where(X > -2, X, -3), X > -2),
        ({"name": "hardtanh", "min_val": 0, "max_val": 2}, np.clip(X, 0, 2), (X > 0) & (X < 2)),
        (
            {"name": "celu", "alpha": 2.0},
            np.where(X > 0, X, 2 * np.expm1(X / 2)),
            np.where(X > 0, 1, np.exp(X / 2)),
        ),
        (
            {"name": "swish", "beta": 0.5},
            X * expit(X / 2),
            expit(X / 2) * (1 + X / 2 * expit(-X / 2)),
        ),
        (
            {"name": "softplus", "beta": 3},
            np.log1p(np.exp(3 * X)) / 3,
            expit(3 * X),
        ),
    ],
    ids=lambda one: one["name"] if isinstance(one, dict) else "",
)
def test_options_enter_the_closed_forms(activation, value, derivative):
    """softplus is the identity beyond 20 / β, which is right to nine digits."""
    found = value_and_derivative(activation)
    np.testing.assert_allclose(found[0], value, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found[1], np.asarray(derivative, float), rtol=1e-8, atol=1e-10)


def test_functions_of_the_whole_vector_have_the_jacobians_of_their_closed_forms():
    x = np.random.default_rng(0).normal(size=6)
    p, q = softmax(x), softmax(-x)
    a, gate = x[:3], expit(x[3:])
    largest = x.reshape(3, 2).argmax(1)
    expected = {
        "softmax": (p, np.diag(p) - np.outer(p, p)),
        "softmin": (q, np.outer(q, q) - np.diag(q)),
        "log_softmax": (np.log(p), np.eye(6) - p),
        "glu": (a * gate, np.concatenate([np.diag(gate), np.diag(a * gate * (1 - gate))], 1)),
        "maxout": (x.reshape(3, 2).max(1), np.eye(6)[2 * np.arange(3) + largest]),
    }
    assert set(expected) == VECTOR
    for name, (value, jacobian) in expected.items():
        function = make_activation(name).double()
        leaf = torch.from_numpy(x)
        np.testing.assert_allclose(function(leaf).numpy(), value, rtol=1e-12)
        found = torch.autograd.functional.jacobian(function, leaf)
        np.testing.assert_allclose(found.numpy(), jacobian, rtol=1e-12, atol=1e-15)
        rows = torch.randn(3, 4, 6, dtype=torch.float64)
        torch.testing.assert_close(function(rows)[1, 2], function(rows[1, 2]))


def test_all_of_torchs_are_there_and_their_formulas_are_told():
    assert set(ACTIVATIONS) == set(CLOSED) | VECTOR
    missing = set(torch_activations.__all__) - {kind.target.__name__ for kind in ACTIVATIONS.values()}
    assert missing == {"MultiheadAttention", "Softmax2d"}
    assert all(kind.formula and kind.source for kind in ACTIVATIONS.values())


def test_names_are_those_of_torchs_functions():
    own = {"identity", "maxout", "swish"}
    assert all(callable(getattr(nn.functional, name)) for name in ACTIVATIONS if name not in own)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_the_name_of_a_class_is_understood_too(name):
    target = ACTIVATIONS[name].target
    assert type(make_activation(name)) is target
    assert type(make_activation(target.__name__)) is target


def test_rrelu_draws_slopes_in_training():
    torch.manual_seed(0)
    x = torch.full((4000,), -1.0)
    slopes = -make_activation("rrelu").train()(x)
    assert (slopes >= 1 / 8).all()
    assert (slopes <= 1 / 3).all()
    assert slopes.mean().item() == pytest.approx(RRELU, abs=0.005)
    assert slopes.std().item() == pytest.approx((1 / 3 - 1 / 8) / math.sqrt(12), rel=0.05)


def test_swish_learns_beta_by_its_closed_gradient_and_beta_does_not_decay():
    module = make_activation("swish").double()
    x = torch.linspace(-3, 3, 13, dtype=torch.float64)
    module(x).sum().backward()
    s = x.sigmoid()
    torch.testing.assert_close(module.beta.grad, (x**2 * s * (1 - s)).sum())
    groups = {group["name"]: group["params"] for group in parameter_groups(nn.Sequential(nn.Linear(2, 2), module))}
    assert any(parameter is module.beta for parameter in groups["no_decay"])


@pytest.mark.parametrize(("activation", "count"), [("relu", 1), ("glu", 2), ("maxout", 2), ("Maxout", 2)])
def test_gated_and_maxout_units_take_several_features(activation, count):
    assert inputs_per_output(activation) == count
    assert make_activation(activation)(torch.randn(3, 4 * count)).shape == (3, 4)


def test_maxout_of_more_pieces_takes_neighbours():
    module = make_activation({"name": "maxout", "pieces": 3})
    assert inputs_per_output({"name": "maxout", "pieces": 3}) == 3
    assert module(torch.tensor([[1.0, 5, 2, -3, -1, -2]])).tolist() == [[5, -1]]
    with pytest.raises(ValueError, match="4 features are no multiple of 3"):
        module(torch.randn(2, 4))


@pytest.mark.parametrize(("typo", "meant"), [("rleu", "relu"), ("sylu", "silu"), ("leeky_relu", "leaky_relu")])
def test_a_typo_is_answered_with_the_name_that_was_meant(typo, meant):
    with pytest.raises(ValueError, match=f"{typo}.*did you mean.*'{meant}'"):
        make_activation(typo)


@pytest.mark.parametrize("name", ["linear", "multihead_attention", "softmax2d", "", "__class__", "Module"])
def test_what_is_not_an_activation_of_hidden_features_is_refused(name):
    with pytest.raises(ValueError, match="is no activation there is"):
        make_activation(name)


@pytest.mark.parametrize(
    ("activation", "words"),
    [
        ({"negative_slope": 0.1}, "has no name"),
        ({"name": "tanh", "slope": 1}, "tanh has no option 'slope'; known: none"),
        ({"name": "leaky_relu", "slope": 1}, "known: negative_slope"),
        ({"name": "leaky_relu", "inplace": True}, "no option 'inplace'"),
        ({"name": "softmax", "dim": 0}, "no option 'dim'"),
        ({"name": "elu", "alpha": "big"}, "alpha: 'big' is not a number"),
        ({"name": "elu", "alpha": True}, "alpha: True is not a number"),
        ({"name": "elu", "alpha": math.nan}, "alpha: nan is not a number"),
        ({"name": "maxout", "pieces": 1}, "a maxout unit of 1 is linear"),
        ({"name": "maxout", "pieces": 2.5}, "is not a positive whole number"),
        ({"name": "celu", "alpha": 0}, "alpha cannot be 0"),
        ({"name": "softplus", "beta": 0}, "not finite"),
        ({"name": "gelu", "approximate": "tan"}, "none or tanh"),
        ({"name": "rrelu", "lower": 0.5, "upper": 0.1}, "(?i)lower bound"),
        ({"name": "hardtanh", "min_val": 3}, "greater than min_val"),
    ],
    ids=str,
)
def test_options_that_cannot_be_are_refused_when_built(activation, words):
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match=words):
        make_activation(activation)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "activation",
    [
        *("gelu", "silu", "swish", "mish", "softplus", "hardtanh", "prelu", "elu", "threshold", "identity"),
        {"name": "elu", "alpha": 0.3},
    ],
    ids=str,
)
def test_a_gain_keeps_the_mean_square_of_a_standard_normal(activation):
    function = make_activation(activation).double()

    def integrand(z: float) -> float:
        value = function(torch.tensor([z], dtype=torch.float64)).item()
        return value**2 * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)

    mean_square = quad(integrand, -10, 0)[0] + quad(integrand, 0, 10, points=[1])[0]
    assert gain(activation) ** 2 * mean_square == pytest.approx(1, rel=2e-4 if activation == "threshold" else 1e-5)


@pytest.mark.parametrize(("pieces", "mean_square"), [(2, 1), (3, 1 + math.sqrt(3) / (2 * math.pi))])
def test_the_gain_of_maxout_is_that_of_the_largest_of_k_normals(pieces, mean_square):
    """Second moments of the order statistics of a normal sample; David & Nagaraja (2003), section 3.2."""
    assert gain({"name": "maxout", "pieces": pieces}) ** -2 == pytest.approx(mean_square, rel=1e-9)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("relu", math.sqrt(2)),
        ("tanh", 5 / 3),
        ("sigmoid", 1),
        ("selu", 0.75),
        ({"name": "leaky_relu", "negative_slope": 0.5}, math.sqrt(2 / 1.25)),
    ],
    ids=str,
)
def test_gains_that_torch_has_are_torchs(activation, expected):
    assert gain(activation) == pytest.approx(expected)


def test_an_activation_that_is_always_zero_has_no_gain():
    with pytest.raises(ValueError, match="zero everywhere"):
        gain({"name": "threshold", "threshold": 100})


def test_a_gain_leaves_the_random_state_alone_and_works_while_building_on_meta():
    before = torch.get_rng_state()
    with torch.device("meta"):
        values = [gain(name) for name in ACTIVATIONS]
        values.append(gain({"name": "rrelu", "lower": 0.21}))
    assert all(math.isfinite(value) and value > 0 for value in values)
    assert torch.equal(before, torch.get_rng_state())


def test_maxout_builds_and_runs_on_the_meta_device():
    with torch.device("meta"):
        assert Maxout(2)(torch.empty(3, 8)).shape == (3, 4)
