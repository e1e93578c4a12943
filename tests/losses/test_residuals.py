import math

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, root_mean_squared_error

from zoo.losses.residuals import RMSE, Absolute, LogCosh, Quantile, Squared

EVERY = [Absolute(), Squared(), Squared(half=True), RMSE(), LogCosh(), Quantile(0.2)]


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    draw = {"generator": random, "dtype": torch.float64}
    return torch.randn(30, 2, **draw), 3 * torch.randn(30, 2, **draw)


def log_cosh_of(error: float) -> float:
    """In float64 with its small powers where cosh is all ones."""
    return math.log(math.cosh(error)) if abs(error) > 1e-3 else error**2 / 2 - error**4 / 12


def plain_mean(of_error, prediction, target) -> float:
    errors = [p - t for p, t in zip(prediction.flatten().tolist(), target.flatten().tolist(), strict=True)]
    return sum(map(of_error, errors)) / len(errors)


def test_absolute_is_scikit_learns(batch):
    assert Absolute()(*batch).item() == pytest.approx(mean_absolute_error(batch[1], batch[0]), rel=1e-12)


def test_rmse_is_scikit_learns_for_one_target(batch):
    prediction, target = (part[:, :1] for part in batch)
    assert RMSE()(prediction, target).item() == pytest.approx(root_mean_squared_error(target, prediction), rel=1e-12)


@pytest.mark.parametrize("quantile", [0.05, 0.5, 0.9])
def test_quantile_is_scikit_learns_pinball_loss(batch, quantile):
    expected = mean_pinball_loss(batch[1], batch[0], alpha=quantile)
    assert Quantile(quantile)(*batch).item() == pytest.approx(expected, rel=1e-12)


def test_quantile_is_least_at_the_quantile():
    values = torch.linspace(0, 1, 101, dtype=torch.float64).unsqueeze(1)
    guesses = torch.linspace(0, 1, 101, dtype=torch.float64)
    costs = [Quantile(0.9)(guess.expand_as(values), values).item() for guess in guesses]
    assert guesses[int(np.argmin(costs))].item() == pytest.approx(0.9)


@pytest.mark.parametrize(("half", "factor"), [(False, 1.0), (True, 0.5)])
def test_squared_is_the_square_or_half_of_it(batch, half, factor):
    expected = plain_mean(lambda e: factor * e**2, *batch)
    assert Squared(half)(*batch).item() == pytest.approx(expected, rel=1e-12)


def test_log_cosh_is_the_definition(batch):
    assert LogCosh()(*batch).item() == pytest.approx(plain_mean(log_cosh_of, *batch), rel=1e-12)


@pytest.mark.parametrize("error", [0.0, 1e-5, -0.01, 0.999, 1.001, -20.0])
def test_log_cosh_keeps_its_digits_in_float32(error):
    value = LogCosh()(torch.tensor([[error]]), torch.zeros(1, 1))
    assert value.item() == pytest.approx(log_cosh_of(error), rel=1e-6)


@pytest.mark.parametrize("error", [1e3, -1e30])
def test_log_cosh_of_errors_that_overflow_cosh_is_their_size_less_log_2(error):
    prediction = torch.tensor([[error]], requires_grad=True)
    value = LogCosh()(prediction, torch.zeros(1, 1))
    value.backward()
    assert value.item() == pytest.approx(abs(error) - math.log(2))
    assert prediction.grad.item() == math.copysign(1, error)


@pytest.mark.parametrize("loss", [RMSE(), LogCosh(), Absolute()])
def test_at_no_error_loss_and_gradient_are_zero(loss):
    prediction = torch.ones(3, 2, requires_grad=True)
    value = loss(prediction, torch.ones(3, 2))
    value.backward()
    assert value.item() == 0
    assert torch.equal(prediction.grad, torch.zeros(3, 2))


def test_rmse_over_batches_is_exact_by_its_power(batch):
    """What `power` says: the values of batches are averaged as squares."""
    loss, parts = RMSE(), list(zip(batch[0].split(7), batch[1].split(7), strict=True))
    mean = sum(loss(*part) ** loss.power * len(part[0]) for part in parts) / len(batch[0])
    torch.testing.assert_close(mean ** (1 / loss.power), loss(*batch))


@pytest.mark.parametrize("loss", EVERY, ids=lambda loss: type(loss).__name__)
def test_the_gradient_is_that_of_finite_differences(loss, batch):
    prediction, target = batch
    assert torch.autograd.gradcheck(lambda z: loss(z, target), prediction.clone().requires_grad_())


@pytest.mark.parametrize("loss", EVERY, ids=lambda loss: type(loss).__name__)
def test_shapes_that_would_broadcast_are_refused(loss):
    with pytest.raises(ValueError, match="element by element"):
        loss(torch.zeros(4, 1), torch.zeros(4))
    assert (loss.problems, loss.target) == (("regression",), "value")
