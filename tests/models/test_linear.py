import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

from zoo.losses.classification import BCE, CrossEntropy
from zoo.losses.regression import MSE
from zoo.models.linear import Linear


def fit(model: torch.nn.Module, loss: torch.nn.Module, inputs: np.ndarray, target: torch.Tensor) -> Linear:
    """Minimises the loss over the whole set, in float64."""
    model.double()
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=3000, tolerance_grad=1e-10, tolerance_change=1e-15, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss(model(torch.from_numpy(inputs)), target)
        value.backward()
        return value

    optimizer.step(closure)
    return model


def test_linear_with_bce_is_scikit_learns_logistic_regression():
    """Five features: with all thirty the classes separate nearly, and the unpenalised optimum is far away."""
    inputs, target = load_breast_cancer(return_X_y=True)
    inputs = StandardScaler().fit_transform(inputs[:, 4:9])
    expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(inputs, target)
    model = fit(Linear(5, 1, init="zeros"), BCE(), inputs, torch.from_numpy(target).double().unsqueeze(1))
    np.testing.assert_allclose(model.head.weight.detach(), expected.coef_, atol=1e-3)
    np.testing.assert_allclose(model.head.bias.detach(), expected.intercept_, atol=1e-3)


def test_linear_with_cross_entropy_is_scikit_learns_softmax_regression():
    """Three features that do not separate the classes; logits are compared up to their common shift."""
    inputs, target = load_wine(return_X_y=True)
    inputs = StandardScaler().fit_transform(inputs[:, 1:4])
    expected = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(inputs, target)
    model = fit(Linear(3, 3, init="zeros"), CrossEntropy(num_classes=3), inputs, torch.from_numpy(target))
    weight, bias = model.head.weight.detach().numpy(), model.head.bias.detach().numpy()
    np.testing.assert_allclose(weight - weight.mean(0), expected.coef_ - expected.coef_.mean(0), atol=1e-3)
    np.testing.assert_allclose(bias - bias.mean(), expected.intercept_ - expected.intercept_.mean(), atol=1e-3)


def test_linear_with_mse_is_least_squares():
    rng = np.random.default_rng(0)
    inputs, target = rng.normal(size=(50, 4)), rng.normal(size=(50, 2))
    expected = LinearRegression().fit(inputs, target)
    model = fit(Linear(4, 2), MSE(), inputs, torch.from_numpy(target))
    np.testing.assert_allclose(model.head.weight.detach(), expected.coef_, atol=1e-6)
    np.testing.assert_allclose(model.head.bias.detach(), expected.intercept_, atol=1e-6)


def test_without_bias_zero_gives_zero():
    model = Linear(3, 2, bias=False)
    assert torch.equal(model(torch.zeros(4, 3)), torch.zeros(4, 2))
    assert len(list(model.parameters())) == 1


@pytest.mark.parametrize("bias", [True, False])
def test_zeros_starts_every_parameter_at_zero(bias):
    assert all(torch.count_nonzero(parameter) == 0 for parameter in Linear(3, 2, bias=bias, init="zeros").parameters())


def test_an_initialisation_by_name_reaches_the_weights():
    model = Linear(4, 4, init="orthogonal")
    torch.testing.assert_close(model.head.weight @ model.head.weight.T, torch.eye(4))


def test_it_builds_on_the_meta_device():
    with torch.device("meta"):
        model = Linear(3, 2, init="kaiming_normal")
    assert model(torch.empty(5, 3, device="meta")).shape == (5, 2)
