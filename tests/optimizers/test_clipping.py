import math

import numpy as np
import pytest
import torch
from torch import nn

from zoo.optimizers.clipping import clip_adaptively, clip_by_norm, clip_by_value, unit_norms

SHAPES = [(3, 4), (5,), (2, 3, 2, 2), (4, 1)]


@pytest.fixture
def parameters() -> list[nn.Parameter]:
    torch.manual_seed(0)
    found = [nn.Parameter(torch.randn(shape, dtype=torch.float64)) for shape in SHAPES]
    for parameter in found:
        parameter.grad = torch.randn_like(parameter) * 10
    found.append(nn.Parameter(torch.ones(2)))  # has no gradient
    return found


def gradients(parameters) -> list[np.ndarray]:
    return [one.grad.numpy().copy() for one in parameters if one.grad is not None]


def test_by_value_every_entry_is_cut(parameters):
    before = gradients(parameters)
    clip_by_value(parameters, 3.0)
    for old, new in zip(before, gradients(parameters), strict=True):
        np.testing.assert_array_equal(new, np.clip(old, -3.0, 3.0))


@pytest.mark.parametrize("limit", [0.5, 1e9])
@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 3.0, math.inf])
def test_by_norm_all_gradients_shrink_in_proportion(parameters, p, limit):
    before = gradients(parameters)
    every = np.abs(np.concatenate([one.ravel() for one in before]))
    norm = every.max() if math.isinf(p) else (every**p).sum() ** (1 / p)
    assert float(clip_by_norm(parameters, limit, p)) == pytest.approx(norm, rel=1e-10)
    for old, new in zip(before, gradients(parameters), strict=True):
        np.testing.assert_allclose(new, old * min(1.0, limit / norm), rtol=1e-5)


@pytest.mark.parametrize("limit", [0.01, 0.5, 1e3])
def test_adaptively_every_unit_is_cut_to_a_share_of_its_weights(parameters, limit):
    """Brock et al. (2021), equation 3, unit by unit."""
    before = gradients(parameters)
    weights = [one.detach().numpy() for one in parameters if one.grad is not None]
    clip_adaptively(parameters, limit)
    for old, weight, new in zip(before, weights, gradients(parameters), strict=True):
        units = range(len(old)) if old.ndim > 1 else [slice(None)]
        for unit in units:
            most = limit * max(np.sqrt((weight[unit] ** 2).sum()), 1e-3)
            norm = np.sqrt((old[unit] ** 2).sum())
            np.testing.assert_allclose(new[unit], old[unit] * most / norm if norm > most else old[unit], rtol=1e-12)


def test_weights_that_are_zero_may_grow_and_gradients_that_are_zero_stay():
    weight = nn.Parameter(torch.zeros(2, 2))
    weight.grad = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    clip_adaptively([weight], limit=0.1, eps=0.01)
    torch.testing.assert_close(weight.grad, torch.tensor([[0.6e-3, 0.8e-3], [0.0, 0.0]]))


@pytest.mark.parametrize(("shape", "norms"), [((), ()), ((5,), ()), ((3, 4), (3, 1)), ((2, 3, 2, 2), (2, 1, 1, 1))])
def test_a_unit_is_a_row_a_filter_or_a_whole_vector(shape, norms):
    assert unit_norms(torch.ones(shape)).shape == norms


@pytest.mark.parametrize(
    "clip",
    [
        lambda some: clip_by_value(some, 0.0),
        lambda some: clip_by_norm(some, -1.0),
        lambda some: clip_by_norm(some, 1.0, 0.0),
        lambda some: clip_by_norm(some, 1.0, float("nan")),
        lambda some: clip_adaptively(some, float("nan")),
        lambda some: clip_adaptively(some, 0.1, 0.0),
    ],
)
def test_limits_that_make_no_sense_are_refused(parameters, clip):
    with pytest.raises(ValueError, match="give "):
        clip(parameters)
