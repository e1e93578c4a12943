"""Value and gradient against closed forms, and what those who know JAX expect of them."""

import doctest
from collections import namedtuple
from functools import partial

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, hessian, jvp, vmap
from torch.nn.functional import binary_cross_entropy_with_logits

from zoo import functional
from zoo.functional import stop_gradient, value_and_grad

Line = namedtuple("Line", "w b")


def examples(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(20, dtype=torch.float64, generator=random)
    return x, (torch.rand(20, generator=random) < 0.4).double()


def bce(params, x, y):
    return binary_cross_entropy_with_logits(params["w"] * x + params["b"], y)


@pytest.mark.parametrize(("w", "b"), [(0.0, 0.0), (1.5, -0.5), (-3.0, 2.0)])
def test_bce_of_a_line_has_the_value_and_gradient_of_the_closed_form(w, b):
    x, y = examples()
    params = {"w": torch.tensor(w, dtype=torch.float64), "b": torch.tensor(b, dtype=torch.float64)}
    value, gradient = value_and_grad(bce)(params, x, y)
    p = 1 / (1 + torch.exp(-(w * x + b)))
    torch.testing.assert_close(value, -(y * p.log() + (1 - y) * (1 - p).log()).mean())
    assert list(gradient) == ["w", "b"]
    torch.testing.assert_close(gradient["w"], ((p - y) * x).mean())
    torch.testing.assert_close(gradient["b"], (p - y).mean())
    assert params["w"].grad is None
    assert not value.requires_grad
    assert not gradient["w"].requires_grad


def test_gradient_descent_with_it_finds_where_the_gradient_is_zero():
    x, y = examples()
    params = {"w": torch.zeros((), dtype=torch.float64), "b": torch.zeros((), dtype=torch.float64)}
    step = value_and_grad(bce)
    for _ in range(500):
        _, gradient = step(params, x, y)
        params = {name: value - gradient[name] for name, value in params.items()}
    p = torch.sigmoid(params["w"] * x + params["b"])
    assert abs((p - y).sum()) < 1e-6
    assert abs(((p - y) * x).sum()) < 1e-6


def product(a, b, scale=1.0):
    return (a * b).sum() * scale


def test_argnums_choose_arguments_and_give_the_gradient_their_form():
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])
    value, gradient = value_and_grad(product)(a, b)
    assert value.item() == 13
    assert gradient.tolist() == [3, 5]
    _, gradient = value_and_grad(product, argnums=1)(a, b)
    assert gradient.tolist() == [1, 2]
    _, gradient = value_and_grad(product, argnums=-1)(a, b, scale=2.0)
    assert gradient.tolist() == [2, 4]
    _, gradient = value_and_grad(product, argnums=(1, 0))(a, b)
    assert isinstance(gradient, tuple)
    assert [one.tolist() for one in gradient] == [[1, 2], [3, 5]]
    _, gradient = value_and_grad(product, argnums=[0])(a, b)
    assert isinstance(gradient, tuple)
    assert len(gradient) == 1


def test_auxiliary_output_of_any_kind_is_handed_through():
    def loss(w, x):
        prediction = w * x
        return prediction.mean(), {"prediction": prediction, "name": "line", "count": 2}

    (value, aux), gradient = value_and_grad(loss, has_aux=True)(torch.tensor(2.0), torch.tensor([1.0, 3.0]))
    assert (value.item(), gradient.item()) == (4, 2)
    assert aux["prediction"].tolist() == [2, 6]
    assert (aux["name"], aux["count"]) == ("line", 2)
    assert not aux["prediction"].requires_grad


def test_trees_keep_their_structure_with_floats_as_scalars_and_none_as_nothing():
    tree = {"layers": [Line(torch.ones(2), 0.5), (None, torch.tensor([2.0]))], "unused": torch.ones(2, 3)}

    def fn(t):
        return (t["layers"][0].w * t["layers"][0].b).sum() + t["layers"][1][1].square().sum()

    value, gradient = value_and_grad(fn)(tree)
    assert value.item() == 5
    assert isinstance(gradient["layers"][0], Line)
    assert gradient["layers"][0].w.tolist() == [0.5, 0.5]
    assert gradient["layers"][0].b.item() == 2
    assert gradient["layers"][1][0] is None
    assert gradient["layers"][1][1].tolist() == [4]
    assert gradient["unused"].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert value_and_grad(lambda x: x * x)(3.0)[1].item() == 6


def test_a_value_that_depends_on_nothing_has_zero_gradient():
    value, gradient = value_and_grad(lambda w: torch.tensor(7.0))(torch.ones(3))
    assert value.item() == 7
    assert gradient.tolist() == [0, 0, 0]


def test_the_gradient_of_a_module_is_that_of_backward():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    x, y = torch.randn(8, 3), torch.randn(8, 1)

    def loss(params):
        return (functional_call(model, params, (x,)) - y).square().mean()

    value, gradient = value_and_grad(loss)(dict(model.named_parameters()))
    expected = (model(x) - y).square().mean()
    torch.testing.assert_close(value, expected)
    assert all(one.grad is None for one in model.parameters())
    expected.backward()
    for name, one in model.named_parameters():
        torch.testing.assert_close(gradient[name], one.grad)


def test_no_variable_at_all_has_no_gradient():
    value, gradient = value_and_grad(lambda tree, x: x.sum())({"bias": None, "layers": []}, torch.ones(2))
    assert value.item() == 2
    assert gradient == {"bias": None, "layers": []}


def test_it_works_where_gradients_are_off_and_composes_with_other_transforms():
    with torch.no_grad():
        assert value_and_grad(lambda x: x**3)(torch.tensor(2.0))[1].item() == 12
    x = torch.tensor([1.0, 2.0, 3.0])
    values, gradients = vmap(value_and_grad(lambda one: one**3))(x)
    assert values.tolist() == [1, 8, 27]
    assert gradients.tolist() == [3, 12, 27]
    second = value_and_grad(lambda one: value_and_grad(lambda two: two**3)(one)[1])(torch.tensor(2.0))
    assert [one.item() for one in second] == [12, 12]


def test_a_partial_function_is_a_function():
    assert value_and_grad(partial(product, scale=3.0))(torch.tensor(1.0), torch.tensor(2.0))[1].item() == 6


def test_stopped_gradients_are_constants_in_every_order_and_mode():
    x = torch.tensor(3.0)
    assert value_and_grad(lambda x: x * stop_gradient(x) ** 2)(x)[1].item() == 9
    assert grad(grad(lambda x: x * stop_gradient(x) ** 2))(x).item() == 0
    assert hessian(lambda x: x**2 * stop_gradient(x))(x).item() == 6
    assert jvp(lambda x: x * stop_gradient(x), (x,), (torch.tensor(1.0),))[1].item() == 3
    tree = {"a": [x.clone().requires_grad_()], "b": ("name", None, 2)}
    stopped = stop_gradient(tree)
    assert stopped["b"] == ("name", None, 2)
    assert not stopped["a"][0].requires_grad
    assert tree["a"][0].requires_grad


def test_straight_through_rounding_as_it_is_usually_written():
    value, gradient = value_and_grad(lambda x: 2 * (x + stop_gradient(x.round() - x)))(torch.tensor(1.3))
    assert (value.item(), gradient.item()) == (2, 2)


X = torch.tensor([1.0, 2.0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: value_and_grad(lambda x: x * 2)(X), TypeError, r"shape \(2,\) and torch.float32; reduce it"),
        (lambda: value_and_grad(lambda x: x.sum()[None, None])(X), TypeError, r"shape \(1, 1\)"),
        (lambda: value_and_grad(lambda x: (x * 2, 0), has_aux=True)(X), TypeError, r"shape \(2,\)"),
        (lambda: value_and_grad(lambda x: (x.sum(), 0))(X), TypeError, "returned a tuple of 2; set has_aux=True"),
        (
            lambda: value_and_grad(lambda x: x.sum(), has_aux=True)(X),
            TypeError,
            r"returns \(value, aux\), not a tensor",
        ),
        (lambda: value_and_grad(lambda x: 1.0)(X), TypeError, "returned a float"),
        (lambda: value_and_grad(lambda x: x.argmax())(X), TypeError, r"shape \(\) and torch.int64"),
        (lambda: value_and_grad(lambda x: x.sum())(X.long()), TypeError, r"with respect to torch.int64; convert it"),
        (lambda: value_and_grad(lambda x: x)(3), TypeError, "not int; leave it to another argument"),
        (lambda: value_and_grad(lambda x: x["a"])({"a": "text"}), TypeError, "not str"),
        (lambda: value_and_grad(product, argnums=2)(X, X), ValueError, "argnums: 2 of 2 positional arguments"),
        (lambda: value_and_grad(product, argnums=(0, -2))(X, X), ValueError, "names an argument twice"),
        (lambda: value_and_grad(product, argnums=(0, 0)), ValueError, "names one twice"),
        (lambda: value_and_grad(product, argnums=()), ValueError, "names no argument"),
    ],
)
def test_what_has_no_gradient_is_refused_in_words(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_examples_in_the_documentation_hold():
    results = doctest.testmod(functional)
    assert results.attempted
    assert results.failed == 0
