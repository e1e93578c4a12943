import numpy as np
import pytest
import torch
from sklearn.metrics import mean_squared_error

from zoo.losses.regression import MSE, Huber


@pytest.fixture
def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 2)), rng.normal(scale=3, size=(30, 2))


def test_mse_is_scikit_learns(batch):
    prediction, target = batch
    value = MSE()(torch.from_numpy(prediction), torch.from_numpy(target))
    assert value.item() == pytest.approx(mean_squared_error(target, prediction))


@pytest.mark.parametrize("delta", [0.3, 1.0, 4.0])
def test_huber_is_the_definition(batch, delta):
    prediction, target = batch
    total = 0.0
    for error in np.abs(prediction - target).flat:
        total += error**2 / 2 if error <= delta else delta * (error - delta / 2)
    value = Huber(delta)(torch.from_numpy(prediction), torch.from_numpy(target))
    assert value.item() == pytest.approx(total / prediction.size)


@pytest.mark.parametrize("loss", [MSE(), Huber()])
def test_shapes_that_would_broadcast_are_refused(loss):
    with pytest.raises(ValueError, match="element by element"):
        loss(torch.zeros(4, 1), torch.zeros(4))


@pytest.mark.parametrize("loss", [MSE(), Huber(0.5)])
def test_the_gradient_is_that_of_finite_differences(loss, batch):
    prediction, target = (torch.from_numpy(part) for part in batch)
    assert torch.autograd.gradcheck(lambda z: loss(z, target), prediction.requires_grad_())


@pytest.mark.parametrize("loss", [MSE, Huber])
def test_they_are_for_values(loss):
    assert (loss.problems, loss.target) == (("regression",), "value")
